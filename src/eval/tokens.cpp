#include "eval/tokens.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "eval/python_text.h"

namespace anemone::eval {

Result<Tokens> encode_text(const Codec& codec, std::string_view text) {
  return codec.encode(text, !text.starts_with(codec.prefix_text));
}

Result<TokenPair> encode_pair(const Codec& codec, const EncodeContext& encode_context,
                              const std::string& context, const std::string& continuation) {
  TokenPair pair;
  if (context.empty()) {
    ANEMONE_TRY(pair.continuation, codec.encode(continuation, false));
    if (!pair.continuation.empty() && pair.continuation[0] == codec.prefix_token) {
      pair.continuation.erase(pair.continuation.begin());
    }
    pair.text = std::make_shared<const Tokens>(1, codec.prefix_token);
  } else {
    const std::string_view kept = python::rstrip(context);
    if (kept.empty())
      return fail(ErrorCode::invalid_argument, "a context of white space only cannot be scored");
    ANEMONE_TRY(pair.text, encode_context(kept));
    ANEMONE_TRY(Tokens whole, encode_text(codec, context + continuation));
    const size_t begin = std::min(pair.text->size(), whole.size());
    pair.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(begin), whole.end());
  }
  if (pair.text->empty() || pair.continuation.empty())
    return fail(ErrorCode::invalid_argument, "the continuation '{}' has no token of its own",
                continuation);
  return pair;
}

Result<TokenPair> truncated(TokenPair pair, int64_t max_length) {
  const auto most = static_cast<size_t>(max_length);
  if (pair.continuation.size() > most)
    return fail(ErrorCode::limit, "a continuation of {} tokens, the model takes {}",
                pair.continuation.size(), most);
  const size_t total = pair.context().size() + pair.continuation.size();
  if (total > most + 1) pair.lost += total - (most + 1);
  return pair;
}

std::vector<TokenPair> rolling_windows(const Tokens& tokens, int32_t prefix_token,
                                       int64_t max_length, int64_t stride) {
  ANEMONE_CHECK(stride >= 1 && stride <= max_length, "windows move on, and leave no gap");
  const auto most = static_cast<size_t>(max_length);
  std::vector<TokenPair> windows;
  if (tokens.empty()) return windows;
  const auto at = [&](size_t index) { return tokens.begin() + static_cast<std::ptrdiff_t>(index); };
  const size_t first = std::min(most, tokens.size());
  const auto tokens_of = [&](size_t begin, size_t end) {
    return std::make_shared<const Tokens>(at(begin), at(end));
  };
  windows.push_back(
      {std::make_shared<const Tokens>(1, prefix_token), 0, Tokens(tokens.begin(), at(first))});
  for (size_t predicted = first; predicted < tokens.size();) {
    const size_t count = std::min(tokens.size() - predicted, static_cast<size_t>(stride));
    const size_t end = predicted + count;
    windows.push_back({tokens_of(end - most - 1, predicted), 0, Tokens(at(predicted), at(end))});
    predicted = end;
  }
  return windows;
}

}  // namespace anemone::eval
