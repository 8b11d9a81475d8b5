#include "base/read_number.h"

#include <fast_float/fast_float.h>

#include <cmath>
#include <cstdint>
#include <system_error>

namespace anemone {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What stands behind 'p'.
std::optional<int64_t> read_exponent(std::string_view text) {
  constexpr int64_t kMost = 1'000'000'000;  // far past all that a double has
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
    if (value > kMost) value = kMost;
  }
  return is_negative ? -value : value;
}

/// bits * 2^exponent, rounded once, to nearest and even. The lowest bit stands for all below it.
double scale(uint64_t bits, int64_t exponent) {
  if (bits == 0) return 0;
  while (bits >> 62 == 0) bits <<= 1, --exponent;
  // Where the result is subnormal it has fewer bits than 53.
  constexpr int64_t kLeast = -1074;
  constexpr int64_t kTooLarge = 1100;
  if (exponent > kTooLarge) return HUGE_VAL;
  int64_t dropped = 10;
  if (exponent + dropped < kLeast) dropped = kLeast - exponent;
  if (dropped > 63) return 0;
  const uint64_t half = uint64_t{1} << (dropped - 1);
  const uint64_t rest = bits & (2 * half - 1);
  uint64_t kept = bits >> dropped;
  if (rest > half || (rest == half && (kept & 1) != 0)) ++kept;
  return std::ldexp(static_cast<double>(kept), static_cast<int>(exponent + dropped));
}

}  // namespace

std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = fast_float::from_chars(text.data(), end, value);
  // Newer versions say of what is infinite or zero that it is out of range, and give it all the
  // same.
  const bool is_read = error == std::errc() || error == std::errc::result_out_of_range;
  return is_read && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<double> read_hex_number(std::string_view text) {
  int64_t exponent = 0;
  if (const size_t p = text.find_first_of("pP"); p != std::string_view::npos) {
    const auto written = read_exponent(text.substr(p + 1));
    if (!written) return std::nullopt;
    exponent = *written;
    text = text.substr(0, p);
  }
  uint64_t bits = 0;
  bool has_digits = false;
  bool is_behind_point = false;
  for (const char c : text) {
    if (c == '.' && !is_behind_point) {
      is_behind_point = true;
      continue;
    }
    const int digit = hex_value(c);
    if (digit < 0) return std::nullopt;
    has_digits = true;
    if (bits >> 58 == 0) {
      bits = bits << 4 | static_cast<uint64_t>(digit);
      if (is_behind_point) exponent -= 4;
    } else {
      bits |= digit != 0 ? 1U : 0U;
      if (!is_behind_point) exponent += 4;
    }
  }
  if (!has_digits) return std::nullopt;
  return scale(bits, exponent);
}

}  // namespace anemone
