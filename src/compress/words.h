#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace anemone::compress {

/// 16 of "g16" after "g"; nothing for all other words.
inline std::optional<int64_t> number_after(std::string_view prefix, std::string_view word) {
  constexpr size_t kMostDigits = 9;
  if (!word.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = word.substr(prefix.size());
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || digits.size() > kMostDigits || error != std::errc() || number < 0 ||
      end != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

/// Holds the words of a term of which it may have but one, such as "tensor" and "g16".
class OneOf {
 public:
  /// Errors: invalid_argument, with what the term is without the first of them.
  Status add(const std::string& word, const std::vector<std::string>& words) {
    if (known_.empty()) {
      known_ = word;
      return {};
    }
    std::string term;
    std::string nearest;
    bool is_left_out = false;
    for (const std::string& other : words) {
      term += (term.empty() ? "" : ":") + other;
      if (!is_left_out && other == known_)
        is_left_out = true;
      else
        nearest += (nearest.empty() ? "" : ":") + other;
    }
    return with_hint(
        known_ == word
            ? fail(ErrorCode::invalid_argument, "'{}': {} twice", term, word)
            : fail(ErrorCode::invalid_argument, "'{}': {} or {}, not both", term, known_, word),
        fmt::format("the nearest is {}", nearest));
  }

 private:
  std::string known_;
};

}  // namespace anemone::compress
