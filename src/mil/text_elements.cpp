#include "mil/text_elements.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/read_number.h"

namespace anemone::mil {
namespace {

bool is_wide(DType dtype) { return dtype == DType::int64 || dtype == DType::uint64; }
bool is_fp8(DType dtype) { return dtype == DType::fp8e4m3fn || dtype == DType::fp8e5m2; }
bool is_signed(DType dtype) {
  return dtype == DType::int4 || dtype == DType::int8 || dtype == DType::int16 ||
         dtype == DType::int32 || dtype == DType::int64;
}

std::optional<double> read_double(std::string_view text) {
  double sign = 1;
  if (text.starts_with('-') || text.starts_with('+')) {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  if (text.starts_with('-')) return std::nullopt;
  const auto value = hex ? read_hex_number(text) : read_number(text);
  // Infinite by its name alone: another number that a double does not hold is none.
  if (!value || (std::isinf(*value) && !text.starts_with('i'))) return std::nullopt;
  return sign * *value;
}

/// An integer within the dtype, sign-extended.
std::optional<uint64_t> read_integer(std::string_view text, DType dtype) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const int bits = bit_width(dtype);
  if (is_signed(dtype)) {
    int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const int64_t top = static_cast<int64_t>((uint64_t{1} << (bits - 1)) - 1);
    if (error != std::errc{} || stop != end || value > top || value < -top - 1) return std::nullopt;
    return static_cast<uint64_t>(value);
  }
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || (bits < 64 && value >> bits != 0)) return std::nullopt;
  return value;
}

/// The byte whose value is nearest, NaN for an infinity that the dtype lacks; 256 candidates, rare
/// dtypes.
std::byte nearest_fp8(DType dtype, double value) {
  std::byte best{0x7f};
  double best_distance = std::numeric_limits<double>::infinity();
  for (int code = 0; code < 256; ++code) {
    const std::byte byte{static_cast<uint8_t>(code)};
    const double candidate = Tensor::view(dtype, {}, {&byte, 1}, nullptr).at(0);
    if (candidate == value ? std::signbit(candidate) == std::signbit(value)
                           : std::isnan(candidate) && std::isnan(value))
      return byte;
    if (std::fabs(candidate - value) < best_distance) {
      best = byte;
      best_distance = std::fabs(candidate - value);
    }
  }
  return best;
}

}  // namespace

Status TextElements::add(const Lexer& lexer, const Token& token) {
  if (dtype_ == DType::string) {
    if (token.kind != TokenKind::string) return lexer.error_at(token, "a string");
    strings_.push_back(unescape(token.text));
    return {};
  }
  if (dtype_ == DType::bool_) {
    const bool is_true = token.is_name("true") || token.text == "1";
    if (token.kind == TokenKind::string ||
        (!is_true && !token.is_name("false") && token.text != "0"))
      return lexer.error_at(token, "true or false");
    bits_.push_back(is_true ? 1 : 0);
    return {};
  }
  const bool word = token.is_name("inf") || token.is_name("nan");
  if (token.kind == TokenKind::number || (word && is_float(dtype_))) {
    if (is_float(dtype_)) {
      if (const auto value = read_double(token.text)) {
        bits_.push_back(std::bit_cast<uint64_t>(*value));
        return {};
      }
    } else if (const auto value = read_integer(token.text, dtype_)) {
      bits_.push_back(*value);
      return {};
    }
  }
  return lexer.error_at(token, fmt::format("a value of dtype {}", to_string(dtype_)));
}

Tensor TextElements::tensor(const Shape& shape) && {
  ANEMONE_CHECK(shape.element_count() == static_cast<int64_t>(size()), "the reader counted");
  if (dtype_ == DType::string) return Tensor::from_strings(shape, std::move(strings_));
  Tensor tensor = Tensor::zeros(dtype_, shape);
  for (size_t i = 0; i < bits_.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    const double real = std::bit_cast<double>(bits_[i]);
    if (is_wide(dtype_))
      tensor.mutable_values<uint64_t>()[i] = bits_[i];
    else if (is_fp8(dtype_))
      tensor.mutable_bytes()[i] = nearest_fp8(dtype_, real);
    else if (is_float(dtype_))
      tensor.set(index, real);
    else
      tensor.set(index, static_cast<double>(static_cast<int64_t>(bits_[i])));
  }
  return tensor;
}

std::string element_text(const Tensor& tensor, int64_t index) {
  const auto position = static_cast<size_t>(index);
  const DType dtype = tensor.dtype();
  if (dtype == DType::string) return quote(tensor.strings()[position]);
  if (dtype == DType::int64) return std::to_string(tensor.values<int64_t>()[position]);
  if (dtype == DType::uint64) return std::to_string(tensor.values<uint64_t>()[position]);
  const double value = tensor.at(index);
  if (dtype == DType::bool_) return value != 0 ? "true" : "false";
  if (!is_float(dtype)) return std::to_string(static_cast<int64_t>(value));
  if (std::isnan(value)) return "nan";
  return fmt::format("{:a}", value);
}

}  // namespace anemone::mil
