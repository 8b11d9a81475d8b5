#include "sampling_flags.h"

#include <charconv>
#include <cmath>
#include <string>

#include "command.h"
#include "read_number.h"

namespace anemone::tools {
namespace {

/// TOKEN=BIAS. Returns false when it is none.
bool read_bias(const std::string& text, generate::TokenBias& bias) {
  const char* const end = text.data() + text.size();
  const auto token = std::from_chars(text.data(), end, bias.token);
  if (token.ec != std::errc() || token.ptr == end || *token.ptr != '=') return false;
  const auto value = read_number({token.ptr + 1, end});
  if (!value || std::isnan(*value)) return false;
  bias.bias = static_cast<float>(*value);
  return true;
}

}  // namespace

void add_sampling_flags(CLI::App& app, generate::Sampling& sampling) {
  const auto add = [&](const char* flag, auto& value, const char* words) {
    return app.add_option(flag, value, words)->group("Sampling");
  };
  add("--temperature", sampling.temperature, "0: greedy")->check(number_from_zero());
  add("--top-k", sampling.top_k, "Draw among the K likeliest tokens; 0: all")
      ->check(whole_number());
  add("--top-p", sampling.top_p, "Draw among the fewest likeliest that reach this probability");
  add("--min-p", sampling.min_p, "Draw among those at least this share as likely as the likeliest");
  add("--typical-p", sampling.typical_p,
      "Draw among the fewest typical tokens that reach this probability");
  add("--repetition-penalty", sampling.repetition_penalty,
      "Make tokens of prompt and answer less likely; 1: none");
  add("--presence-penalty", sampling.presence_penalty,
      "Taken off the logits of tokens that the answer holds");
  add("--frequency-penalty", sampling.frequency_penalty, "The same, once for each time");
  app.add_option_function<std::vector<std::string>>(
         "--logit-bias",
         [&sampling](const std::vector<std::string>& texts) {
           sampling.logit_bias.clear();
           for (const std::string& text : texts) {
             generate::TokenBias bias;
             if (!read_bias(text, bias))
               throw CLI::ValidationError("--logit-bias",
                                          "'" + text + "' is not TOKEN=BIAS, such as 42=-5");
             sampling.logit_bias.push_back(bias);
           }
         },
         "TOKEN=BIAS, added to the logit of a token id (repeatable)")
      ->allow_extra_args(false)
      ->take_all()
      ->group("Sampling");
  add("--seed", sampling.seed, "Seed of the draws")->check(whole_number());
}

}  // namespace anemone::tools
