#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

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

}  // namespace anemone::compress
