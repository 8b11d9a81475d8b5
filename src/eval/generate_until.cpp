#include "eval/generate_until.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "anemone/language_model.h"
#include "base/error.h"

namespace anemone::eval {
namespace {

/// Says where a generated text ends.
class Stops {
 public:
  static Result<Stops> of(const std::vector<std::string>& until, const Codec& codec) {
    Stops stops(until, codec);
    for (const std::string& stop : until) {
      ANEMONE_TRY(const Tokens tokens, codec.encode(stop, false));
      // Looked for in two tokens more than it has: other tokens may spell it too.
      stops.lookback_.push_back(tokens.size() + 2);
    }
    return stops;
  }

  Result<bool> end(std::span<const int32_t> generated) const {
    if (std::ranges::find(codec_.stop_ids, generated.back()) != codec_.stop_ids.end()) return true;
    for (size_t i = 0; i < until_.size(); ++i) {
      const size_t count = std::min(lookback_[i], generated.size());
      ANEMONE_TRY(const std::string tail, codec_.decode(generated.last(count), false));
      if (tail.find(until_[i]) != std::string::npos) return true;
    }
    return false;
  }

 private:
  Stops(const std::vector<std::string>& until, const Codec& codec) : until_(until), codec_(codec) {}

  const std::vector<std::string>& until_;
  const Codec& codec_;
  std::vector<size_t> lookback_;
};

}  // namespace

Result<std::string> generate_until(const GenerationOptions& options, const Codec& codec,
                                   int32_t first, const NextToken& next) {
  ANEMONE_TRY(const Stops stops, Stops::of(options.until, codec));
  Tokens generated = {first};
  while (static_cast<int64_t>(generated.size()) < options.most_tokens) {
    ANEMONE_TRY(const bool end, stops.end(generated));
    if (end) break;
    ANEMONE_TRY(const int32_t token, next(generated.back()));
    generated.push_back(token);
  }
  ANEMONE_TRY(std::string text, codec.decode(generated, true));
  return cut_at_stops(std::move(text), options.until);
}

Result<std::string> generate_constrained(const GenerationOptions& options, const Codec& codec,
                                         std::span<float> row, const NextRow& next) {
  if (!codec.constrain)
    return fail(ErrorCode::unsupported, "generation_kwargs: json_schema without a tokenizer");
  ANEMONE_TRY(auto matcher, codec.constrain(options.json_schema, row.size()));
  std::vector<uint32_t> mask((row.size() + 31) / 32);
  Tokens generated;
  while (!matcher.complete()) {
    ANEMONE_RETURN_IF_ERROR(matcher.mask(mask));
    for (size_t i = 0; i < row.size(); ++i)
      if ((mask[i / 32] >> (i % 32) & 1U) == 0) row[i] = -std::numeric_limits<float>::infinity();
    ANEMONE_TRY(const int32_t token, lm::best_token(row));
    if (std::ranges::find(codec.stop_ids, token) != codec.stop_ids.end()) break;
    ANEMONE_RETURN_IF_ERROR(matcher.accept(std::span(&token, 1)));
    generated.push_back(token);
    if (static_cast<int64_t>(generated.size()) >= options.most_tokens) break;
    if (!matcher.complete()) ANEMONE_RETURN_IF_ERROR(next(token));
  }
  ANEMONE_TRY(std::string text, codec.decode(generated, true));
  return cut_at_stops(std::move(text), options.until);
}

}  // namespace anemone::eval
