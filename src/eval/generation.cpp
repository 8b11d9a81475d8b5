#include "eval/generation.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/python_format.h"
#include "eval/scorer.h"

namespace anemone::eval {
namespace {

// In the order in which they count.
constexpr std::array kLengthKeys = {"max_gen_toks", "max_new_tokens", "max_tokens",
                                    "max_completion_tokens"};
// These say how to draw; without sampling they say nothing.
constexpr std::array kSamplingKeys = {"top_p", "top_k", "min_p", "typical_p"};

template <size_t N>
bool is_one_of(const std::array<const char*, N>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<GenerationOptions> parse_generation(const Value& kwargs) {
  GenerationOptions options;
  if (!kwargs.is_object()) return options;
  for (const auto& [key, value] : kwargs.items()) {
    if (key == "until") {
      for (const Value& stop : value.is_array() ? value : Value::array({value})) {
        if (!stop.is_string())
          return fail(ErrorCode::invalid_argument, "generation_kwargs: until {}, expected text",
                      python::to_repr(stop));
        options.until.push_back(stop.get<std::string>());
      }
    } else if (key == "do_sample") {
      if (value == true)
        return fail(ErrorCode::unsupported, "generation_kwargs: do_sample, drawing at random");
    } else if (key == "temperature") {
      const bool off = kwargs.value("do_sample", Value()) == false;
      if (!off && value.is_number() && value.get<double>() > 0)
        return fail(ErrorCode::unsupported, "generation_kwargs: temperature {}, drawing at random",
                    python::to_repr(value));
    } else if (!is_one_of(kLengthKeys, key) && !is_one_of(kSamplingKeys, key)) {
      return fail(ErrorCode::unsupported, "generation_kwargs: key '{}'", key);
    }
  }
  for (const char* key : kLengthKeys) {
    const Value length = kwargs.value(key, Value());
    if (length.is_null()) continue;
    if (!length.is_number_integer() || length.get<int64_t>() < 1)
      return fail(ErrorCode::invalid_argument, "generation_kwargs: {} {}, expected a number", key,
                  python::to_repr(length));
    options.most_tokens = length.get<int64_t>();
    break;
  }
  return options;
}

std::string cut_at_stops(std::string text, std::span<const std::string> until) {
  for (const std::string& stop : until)
    if (!stop.empty()) text.resize(std::min(text.find(stop), text.size()));
  return text;
}

Result<bool> Scorer::stops(std::span<const int32_t> generated, std::span<const std::string> until,
                           std::span<const size_t> lookback) const {
  if (std::find(codec_.stop_ids.begin(), codec_.stop_ids.end(), generated.back()) !=
      codec_.stop_ids.end())
    return true;
  for (size_t i = 0; i < until.size(); ++i) {
    const size_t count = std::min(lookback[i], generated.size());
    ANEMONE_TRY(const std::string tail, codec_.decode(generated.last(count), false));
    if (tail.find(until[i]) != std::string::npos) return true;
  }
  return false;
}

Result<std::string> Scorer::generated_text(const Tokens& prompt, std::span<const std::string> until,
                                           int64_t most_tokens) {
  // Stop strings are looked for in two tokens more than they have: other tokens may spell them too.
  std::vector<size_t> lookback;
  for (const std::string& stop : until) {
    ANEMONE_TRY(const Tokens tokens, codec_.encode(stop, false));
    lookback.push_back(tokens.size() + 2);
  }
  ANEMONE_RETURN_IF_ERROR(feed_context(prompt));
  Tokens generated;
  while (static_cast<int64_t>(generated.size()) < most_tokens) {
    if (!generated.empty()) {
      ANEMONE_TRY(const bool stop, stops(generated, until, lookback));
      if (stop) break;
      ANEMONE_RETURN_IF_ERROR(extend(std::span(generated).last(1), lm::Rows::last, row_));
    }
    ANEMONE_TRY(const int32_t next, lm::best_token(row_));
    generated.push_back(next);
    // `row_` no longer belongs to the context.
    context_.clear();
  }
  ANEMONE_TRY(std::string text, codec_.decode(generated, true));
  return cut_at_stops(std::move(text), until);
}

Result<Response> Scorer::generate(const Request& request) {
  ANEMONE_TRY(GenerationOptions options, parse_generation(request.generation));
  const int64_t most_context = max_length_ - options.most_tokens;
  if (most_context < 1)
    return fail(ErrorCode::limit, "{} generated tokens do not fit in a context of {}",
                options.most_tokens, max_length_);
  // A tokenizer without EOS has no end text; an empty one would be found in any text.
  if (!codec_.end_text.empty() &&
      std::find(options.until.begin(), options.until.end(), codec_.end_text) == options.until.end())
    options.until.push_back(codec_.end_text);
  ANEMONE_TRY(Tokens prompt, encode_text(codec_, request.context));
  if (prompt.empty()) return fail(ErrorCode::invalid_argument, "an empty prompt");
  if (static_cast<int64_t>(prompt.size()) > most_context) {
    prompt.erase(prompt.begin(), prompt.end() - static_cast<std::ptrdiff_t>(most_context));
    ++counts_.truncated;
  }
  ANEMONE_TRY(std::string text, generated_text(prompt, options.until, options.most_tokens));
  const auto generated = static_cast<uint64_t>(sequence_->length()) - prompt.size();
  count_input(prompt, {}, generated);
  Response response;
  response.text = std::move(text);
  return response;
}

}  // namespace anemone::eval
