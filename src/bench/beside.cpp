#include "bench/beside.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "bench/prompt.h"

namespace anemone::bench {
namespace {

/// Whose scores are the columns, and the ten published cases beside it.
constexpr const char* kTypoTask = "typo_correction";
constexpr const char* kPublishedTask = "published_typos";

Typos typos_of(const std::map<std::string, double>& scores, int64_t documents) {
  Typos typos{.n = documents};
  const auto take = [&](const char* metric, std::optional<double>& value) {
    if (const auto found = scores.find(metric); found != scores.end()) value = found->second;
  };
  take("exact_match", typos.exact);
  take("wer", typos.wer);
  take("f0_5", typos.f05);
  return typos;
}

}  // namespace

std::vector<Prediction> predict(const std::filesystem::path& model,
                                const std::vector<std::string>& chips, int64_t prompt_tokens) {
  std::vector<Prediction> predictions;
  for (const std::string& chip : chips) {
    const auto forecast = ane::forecast(model, {.chip = chip, .prompt_tokens = prompt_tokens});
    if (!forecast.ok() || !forecast->decoding) continue;
    const ane::DecodingForecast& decoding = *forecast->decoding;
    Prediction one{.chip = std::string(forecast->label),
                   .tokens_per_second = decoding.tokens_per_second,
                   .floor_tokens_per_second = decoding.floor_tokens_per_second,
                   .first_token_ns = decoding.first_token_ms * 1e6,
                   .prompt_tokens = decoding.prompt_tokens,
                   .residency = forecast->residency,
                   .source = fmt::format("predicted, {}; bandwidth: {}", forecast->stack,
                                         forecast->bandwidth_source)};
    if (decoding.energy) {
      one.joules_low = decoding.energy->joules_low;
      one.joules_high = decoding.energy->joules_high;
    }
    predictions.push_back(std::move(one));
  }
  return predictions;
}

std::optional<StepBytes> step_bytes(const std::filesystem::path& model) {
  const auto forecast = ane::forecast(model);
  if (!forecast.ok() || !forecast->decoding) return {};
  return StepBytes{forecast->decoding->weight_bytes, forecast->decoding->cache_bytes,
                   forecast->decoding->context};
}

Floor find_floor(const std::optional<StepBytes>& bytes, const Machine& machine,
                 int64_t context_tokens, double tokens_per_second) {
  Floor floor;
  if (!bytes) {
    floor.reason = "the programs do not say what a step reads";
    return floor;
  }
  if (!(machine.read_bytes_per_s > 0)) {
    floor.reason = "the memory's bandwidth was not measured";
    return floor;
  }
  const double filled =
      bytes->context > 0 ? static_cast<double>(context_tokens) / static_cast<double>(bytes->context)
                         : 0;
  const double read = bytes->weights + bytes->cache * std::min(filled, 1.0);
  if (read < static_cast<double>(machine.cache_bytes)) {
    floor.reason = fmt::format(
        "weights and cache ({:.1f} MB) fit the processor's cache ({:.1f} MB): memory is no bound",
        read * 1e-6, static_cast<double>(machine.cache_bytes) * 1e-6);
    return floor;
  }
  floor.bytes_per_token = read;
  floor.bandwidth_bytes_per_s = machine.read_bytes_per_s;
  floor.source = "measured here, all threads reading memory";
  floor.tokens_per_second = machine.read_bytes_per_s / read;
  floor.share = tokens_per_second / floor.tokens_per_second;
  return floor;
}

void add_first_token_floors(Floor& floor, int64_t prompt_tokens, int64_t uncached_tokens,
                            int64_t block_tokens) {
  if (!floor.reason.empty()) return;
  const auto calls = [&](int64_t tokens) {
    if (block_tokens < 1) return tokens;
    return tokens / block_tokens + (tokens % block_tokens > 0 ? 1 : 0);
  };
  const double call_ns = 1e9 / floor.tokens_per_second;
  floor.first_token_ns = call_ns * static_cast<double>(calls(prompt_tokens));
  floor.cached_first_token_ns = call_ns * static_cast<double>(calls(uncached_tokens));
}

Result<Reference> hold_against(lm::LanguageModel& reference, const std::vector<int32_t>& prompt,
                               const std::vector<int32_t>& answer) {
  const auto work = [&]() -> Result<Reference> {
    Reference result{.name = reference.info().name};
    const auto sequence = reference.new_sequence();
    std::vector<int32_t> fed = prompt;
    int64_t matches = 0;
    for (size_t i = 0; i < answer.size(); ++i) {
      ANEMONE_TRY(const int32_t chosen, reference.extend_greedy(*sequence, fed));
      if (chosen == answer[i])
        ++matches;
      else if (!result.first_difference)
        result.first_difference = static_cast<int64_t>(i);
      fed.assign(1, answer[i]);
    }
    result.match_rate = static_cast<double>(matches) / static_cast<double>(answer.size());
    return result;
  };
  return work().in("the reference " + reference.info().name);
}

Result<Quality> find_quality(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                             const Options& options, const LogSink& log) {
  Quality quality;
  const ProgressSink go_on = [](const Progress&) { return true; };
  const auto wants = [&](const char* kind) {
    return std::ranges::find(options.quality, kind) != options.quality.end();
  };
  if (wants("perplexity")) {
    const bool builtin = options.perplexity_text.empty();
    const std::string text = builtin ? std::string(builtin_text()) : options.perplexity_text;
    ANEMONE_TRY(const auto report, eval::perplexity(model, tokenizer, text, {}, go_on));
    Perplexity perplexity{.token = report.token_perplexity,
                          .tokens = report.tokens,
                          .text = builtin ? "built-in text" : "the user's text"};
    if (std::isfinite(report.word_perplexity)) perplexity.word = report.word_perplexity;
    quality.perplexity = perplexity;
  }
  if (!wants("typos")) return quality;
  eval::Options asked;
  asked.tasks = {kTypoTask, kPublishedTask};
  asked.places.data = options.data;
  asked.apply_chat_template = !tokenizer.chat_templates().empty();
  asked.bootstrap_iterations = 0;
  ANEMONE_TRY(const auto report, eval::evaluate(model, tokenizer, asked, go_on, log));
  for (const eval::TaskReport& task : report.tasks) {
    auto& scores = quality.tasks[task.name];
    for (const eval::Score& score : task.scores)
      if (score.value && std::isfinite(*score.value)) scores[score.metric] = *score.value;
    if (task.name == kTypoTask) quality.typos = typos_of(scores, task.evaluated);
  }
  return quality;
}

}  // namespace anemone::bench
