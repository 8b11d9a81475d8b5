// What a constraint adds to the steps of a whole model, through the library's own interface:
//   bench_mask_steps MODEL SCHEMA.json [ROUNDS] [TOKENS] [THREADS]
// Every round answers without and with the constraint in turns, so that noise of the machine meets
// both; ratios are of one round, of the time per call of the model and per token. One JSON
// document.

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "../driver.h"
#include "anemone/generate.h"

namespace {

using anemone::driver::number;
using anemone::driver::read;
using anemone::driver::value_of;
using anemone::generate::Constraint;
using anemone::generate::ConstraintCompiler;
using anemone::generate::Generation;
using anemone::generate::Options;
using Json = nlohmann::ordered_json;

Json spread(std::vector<double> values) {
  std::ranges::sort(values);
  return {
      {"median", values[values.size() / 2]}, {"least", values.front()}, {"most", values.back()}};
}

/// Of one way, a value a round.
struct Times {
  std::vector<double> call_us, token_us, mask_us, wait_us;
  int64_t calls = 0, forced = 0;
  size_t tokens = 0;

  void add(const Generation& given) {
    const auto steps = static_cast<double>(std::max<int64_t>(given.calls, 1));
    const auto us = [&](int64_t ns, double over) { return static_cast<double>(ns) / 1e3 / over; };
    call_us.push_back(us(given.decode_ns, steps));
    token_us.push_back(us(given.decode_ns, static_cast<double>(given.tokens.size() - 1)));
    mask_us.push_back(us(given.mask_ns, steps));
    wait_us.push_back(us(given.mask_wait_ns, steps));
    calls = given.calls;
    forced = given.forced_tokens;
    tokens = given.tokens.size();
  }
  Json json() const {
    return {{"tokens", tokens},
            {"calls", calls},
            {"forced_tokens", forced},
            {"call_us", spread(call_us)},
            {"token_us", spread(token_us)},
            {"mask_us_a_call", spread(mask_us)},
            {"mask_wait_us_a_call", spread(wait_us)}};
  }
};

Json ratios(const std::vector<double>& with, const std::vector<double>& without) {
  std::vector<double> values;
  for (size_t i = 0; i < with.size(); ++i) values.push_back(with[i] / without[i]);
  return spread(values);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "bench_mask_steps MODEL SCHEMA.json [ROUNDS] [TOKENS] [THREADS]\n");
    return 2;
  }
  const std::span<char* const> words(arguments, static_cast<size_t>(count));
  const int rounds = number(words, 3, 5);
  anemone::lm::LanguageModel::Options model_options;
  model_options.runtime.threads = number(words, 5, 0);
  model_options.hash = false;
  const auto model = value_of(anemone::lm::LanguageModel::open(arguments[1], model_options));
  const auto tokenizer = value_of(anemone::text::Tokenizer::load(arguments[1]));
  const auto compiler = value_of(ConstraintCompiler::make(tokenizer, model->info().vocab_size));
  Options plain;
  plain.max_tokens = number(words, 4, 64);
  // Words change, and neither way ends early.
  plain.sampling.frequency_penalty = 1;
  for (const int32_t token : tokenizer.stop_ids())
    plain.sampling.logit_bias.push_back({token, -1e4F});
  Options constrained = plain;
  constrained.constraint = {Constraint::Kind::json_schema, read(arguments[2]), {}};
  constrained.compiler = compiler.get();
  constrained.checked = value_of(compiler->check(constrained.constraint));
  const auto prompt = value_of(tokenizer.encode("The river and its bridges", true));
  Times without;
  Times with;
  for (int round = -1; round < rounds; ++round) {
    // The first one of a pair finds other caches than the second.
    for (const bool first : {round % 2 == 0, round % 2 != 0}) {
      const Generation given =
          value_of(generate(*model, tokenizer, prompt, first ? plain : constrained));
      if (round < 0) continue;  // warms up
      (first ? without : with).add(given);
    }
  }
  const Json document = {{"vocab_size", model->info().vocab_size},
                         {"threads", model_options.runtime.threads},
                         {"rounds", rounds},
                         {"plain", without.json()},
                         {"constrained", with.json()},
                         {"ratio_a_call", ratios(with.call_us, without.call_us)},
                         {"ratio_a_token", ratios(with.token_us, without.token_us)}};
  std::printf("%s\n", document.dump().c_str());
  return 0;
}
