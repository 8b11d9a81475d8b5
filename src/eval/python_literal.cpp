#include "eval/python_literal.h"

#include <utf8proc.h>

#include <array>
#include <charconv>
#include <string>

#include "base/error.h"
#include "base/read_number.h"
#include "eval/python_text.h"

namespace anemone::eval::python {
namespace {

constexpr int kMaxDepth = 100;

class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : text_(text) {}

  Result<Value> parse() {
    skip_space();
    ANEMONE_TRY(Value value, expression(0));
    skip_space();
    if (at_ == text_.size()) return value;
    if (text_[at_] != ',') return unexpected();
    // A tuple without parentheses.
    Value items = Value::array({std::move(value)});
    while (take(',')) {
      skip_space();
      if (at_ == text_.size()) break;
      ANEMONE_TRY(Value item, expression(0));
      items.push_back(std::move(item));
      skip_space();
    }
    if (at_ != text_.size()) return unexpected();
    return items;
  }

 private:
  Error unexpected() const {
    if (at_ >= text_.size())
      return fail(ErrorCode::corrupt, "a Python literal ends too early, at offset {}", at_);
    return fail(ErrorCode::corrupt, "not a Python literal: unexpected '{}' at offset {}",
                text_.substr(at_, code_point_at(text_, at_).size_bytes), at_);
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' ||
                                  text_[at_] == '\r' || text_[at_] == '\f'))
      ++at_;
  }

  bool take(char expected) {
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    const size_t end = at_ + word.size();
    if (end < text_.size() && is_name(text_[end])) return false;
    at_ = end;
    return true;
  }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  Result<Value> expression(int depth) {
    if (depth > kMaxDepth)
      return fail(ErrorCode::limit, "a Python literal is nested deeper than {}", kMaxDepth);
    skip_space();
    if (at_ >= text_.size()) return unexpected();
    if (take_word("None")) return Value(nullptr);
    if (take_word("True")) return Value(true);
    if (take_word("False")) return Value(false);
    const char c = text_[at_];
    if (c == '[') return sequence(']', depth);
    if (c == '(') return sequence(')', depth);
    if (c == '{') return dict(depth);
    if (string_begins()) return string();
    return number();
  }

  Result<Value> sequence(char close, int depth) {
    ++at_;
    Value items = Value::array();
    bool comma = false;
    for (;;) {
      skip_space();
      if (take(close)) break;
      if (!items.empty() && !comma) return unexpected();
      ANEMONE_TRY(Value item, expression(depth + 1));
      items.push_back(std::move(item));
      skip_space();
      comma = take(',');
    }
    // (x) is x, (x,) is a tuple.
    if (close == ')' && items.size() == 1 && !comma) return Value(items[0]);
    return items;
  }

  Result<Value> dict(int depth) {
    ++at_;
    Value entries = Value::object();
    bool comma = true;
    for (;;) {
      skip_space();
      if (take('}')) return entries;
      if (!comma) return unexpected();
      ANEMONE_TRY(const Value key, expression(depth + 1));
      if (!key.is_string())
        return fail(ErrorCode::unsupported, "a Python dict with a key that is no string");
      skip_space();
      if (!take(':')) return unexpected();
      ANEMONE_TRY(Value item, expression(depth + 1));
      entries[key.get<std::string>()] = std::move(item);
      skip_space();
      comma = take(',');
    }
  }

  size_t prefix_size() const {
    size_t size = 0;
    while (at_ + size < text_.size() && size < 2) {
      const char c = text_[at_ + size];
      if (c != 'u' && c != 'U' && c != 'r' && c != 'R') break;
      ++size;
    }
    return size;
  }

  bool string_begins() const {
    const size_t quote = at_ + prefix_size();
    return quote < text_.size() && (text_[quote] == '\'' || text_[quote] == '"');
  }

  /// One or more adjacent string literals.
  Result<Value> string() {
    std::string out;
    do {
      ANEMONE_RETURN_IF_ERROR(one_string(out));
      skip_space();
    } while (at_ < text_.size() && string_begins());
    return Value(std::move(out));
  }

  Status one_string(std::string& out) {
    const std::string_view prefix = text_.substr(at_, prefix_size());
    const bool raw = prefix.find_first_of("rR") != std::string_view::npos;
    at_ += prefix.size();
    const char quote = text_[at_];
    const std::string triple(3, quote);
    const bool is_triple = text_.substr(at_).starts_with(triple);
    at_ += is_triple ? 3 : 1;
    for (;;) {
      if (at_ >= text_.size()) return unexpected();
      const char c = text_[at_];
      if (c == quote && (!is_triple || text_.substr(at_).starts_with(triple))) {
        at_ += is_triple ? 3 : 1;
        return {};
      }
      if (c == '\n' && !is_triple) return unexpected();
      ++at_;
      if (c != '\\') {
        out.push_back(c);
      } else if (raw) {
        out.push_back(c);
        if (at_ < text_.size()) out.push_back(text_[at_++]);
      } else {
        ANEMONE_RETURN_IF_ERROR(escape(out));
      }
    }
  }

  Status escape(std::string& out) {
    if (at_ >= text_.size()) return unexpected();
    const char c = text_[at_++];
    switch (c) {
      case '\n':
        return {};
      case '\\':
      case '\'':
      case '"':
        out.push_back(c);
        return {};
      case 'a':
        out.push_back('\a');
        return {};
      case 'b':
        out.push_back('\b');
        return {};
      case 'f':
        out.push_back('\f');
        return {};
      case 'n':
        out.push_back('\n');
        return {};
      case 'r':
        out.push_back('\r');
        return {};
      case 't':
        out.push_back('\t');
        return {};
      case 'v':
        out.push_back('\v');
        return {};
      case 'x':
        return code_point(out, 2, 16);
      case 'u':
        return code_point(out, 4, 16);
      case 'U':
        return code_point(out, 8, 16);
      default:
        break;
    }
    if (c >= '0' && c <= '7') {
      --at_;
      size_t digits = 1;
      while (digits < 3 && at_ + digits < text_.size() && text_[at_ + digits] >= '0' &&
             text_[at_ + digits] <= '7')
        ++digits;
      return code_point(out, digits, 8);
    }
    out.push_back('\\');
    out.push_back(c);
    return {};
  }

  Status code_point(std::string& out, size_t digits, int base) {
    if (text_.size() - at_ < digits) return unexpected();
    int32_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + digits, value, base);
    if (error != std::errc() || end != begin + digits || !utf8proc_codepoint_valid(value))
      return fail(ErrorCode::corrupt, "a string escape at offset {} names no character", at_);
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto size = utf8proc_encode_char(value, bytes.data());
    out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size));
    at_ += digits;
    return {};
  }

  Result<Value> number() {
    const size_t begin = at_;
    while (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+' || text_[at_] == ' '))
      ++at_;
    const size_t digits_begin = at_;
    bool negative = false;
    for (const char c : text_.substr(begin, digits_begin - begin))
      if (c == '-') negative = !negative;
    bool is_float = false;
    std::string digits;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '.' || c == 'e' || c == 'E') is_float = true;
      const bool sign = (c == '-' || c == '+') && !digits.empty() &&
                        (digits.back() == 'e' || digits.back() == 'E');
      if (!(c >= '0' && c <= '9') && c != '.' && c != 'e' && c != 'E' && c != '_' && !sign) break;
      if (c != '_') digits.push_back(c);
      ++at_;
    }
    const auto bad = [&] {
      at_ = digits_begin;
      return unexpected();
    };
    if (digits.empty()) return bad();
    const char* first = digits.data();
    const char* last = first + digits.size();
    if (is_float) {
      const auto value = read_number(digits);
      if (!value) return bad();
      return Value(negative ? -*value : *value);
    }
    // Python has no decimal integers with leading zeros, save zero itself.
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos)
      return bad();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc() || end != last) return bad();
    return Value(negative ? -value : value);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> literal_eval(std::string_view text) { return LiteralParser(text).parse(); }

}  // namespace anemone::eval::python
