#include "serve/service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace anemone::serve {

std::vector<std::string> Service::model_names() const {
  if (options.names.empty()) return {info.name};
  return options.names;
}

std::string Service::told_model(const std::string& name) const {
  return name.empty() ? model_names().front() : name;
}

generate::Options Service::defaults() const {
  generate::Options defaults = options.defaults;
  if (options.fixed_seed) return defaults;
  std::random_device device;
  defaults.sampling.seed = (uint64_t{device()} << 32) | device();
  return defaults;
}

Status Service::check_model(const std::string& name) const {
  const auto names = model_names();
  if (name.empty() || std::ranges::find(names, name) != names.end()) return {};
  return field_error(ErrorCode::not_found, "model",
                     fmt::format("'{}' is not served here, but {}", name, fmt::join(names, ", ")));
}

Status Service::add_work(const AnswerFields& answer, std::vector<int32_t> prompt,
                         int64_t top_logprobs, bool scores_prompt, std::vector<Work>& work) const {
  const auto field = [](ErrorCode code, const char* name, std::string words) {
    return field_error(code, name, std::move(words));
  };
  const auto length = static_cast<int64_t>(prompt.size());
  if (prompt.empty())
    return field(ErrorCode::invalid_argument, "prompt",
                 "has no tokens, and this tokenizer puts none before it");
  if (length > info.context_length)
    return field(ErrorCode::out_of_range, "prompt",
                 fmt::format("has {} tokens, the context of {} holds {}", length, info.name,
                             info.context_length));
  for (const int32_t token : prompt)
    if (token < 0 || token >= info.vocab_size)
      return field(ErrorCode::invalid_argument, "prompt",
                   fmt::format("has the token {}, expected 0 to {}", token, info.vocab_size - 1));
  if (top_logprobs >= 0 && !info.gives_logits)
    return field(ErrorCode::unsupported, "logprobs",
                 "are not known: this model gives the likeliest token alone");
  for (const generate::TokenBias& bias : answer.options.sampling.logit_bias)
    if (bias.token < 0 || bias.token >= info.vocab_size)
      return field(
          ErrorCode::invalid_argument, "logit_bias",
          fmt::format("names the token {}, expected 0 to {}", bias.token, info.vocab_size - 1));
  const int64_t most = options.limits.answer_tokens;
  if (most > 0 && answer.max_tokens.value_or(0) > most)
    return field(ErrorCode::invalid_argument, "max_tokens",
                 fmt::format("is {}, this server allows {}", *answer.max_tokens, most));
  int64_t usual = answer.usual_tokens.value_or(info.context_length - length + 1);
  if (most > 0) usual = std::min(usual, most);
  for (int64_t choice = 0; choice < answer.choices; ++choice) {
    Work one{prompt, answer.of_choice(choice), top_logprobs, scores_prompt, answer.form_field};
    one.options.max_tokens = answer.max_tokens.value_or(usual);
    work.push_back(std::move(one));
  }
  return {};
}

std::string new_id(std::string_view prefix) {
  static thread_local std::mt19937_64 numbers = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return fmt::format("{}{:016x}{:08x}", prefix, numbers(), numbers() & 0xffffffff);
}

int64_t unix_time_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void Usage::add(const generate::Generation& generation, bool repeats_prompt) {
  generated_ += static_cast<int64_t>(generation.tokens.size());
  if (repeats_prompt) return;
  prompt_ += generation.prompt_tokens;
  reused_ += generation.reused_tokens;
}

Json Usage::chat_json() const {
  return {{"prompt_tokens", prompt_},
          {"completion_tokens", generated_},
          {"total_tokens", prompt_ + generated_},
          {"prompt_tokens_details", {{"cached_tokens", reused_}}}};
}

Json Usage::responses_json() const {
  return {{"input_tokens", prompt_},
          {"input_tokens_details", {{"cached_tokens", reused_}}},
          {"output_tokens", generated_},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", prompt_ + generated_}};
}

}  // namespace anemone::serve
