#include "eval/python_format.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <array>
#include <charconv>
#include <cmath>

#include "eval/python_text.h"

namespace anemone::eval::python {
namespace {

/// str.isprintable of one character: everything but Other and Separator, save the blank.
bool is_printable(char32_t character) {
  if (character == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(character))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string json_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return float_repr(value);
}

void append_json(std::string& out, const Value& value, int indent, int depth) {
  const auto newline = [&](int level) {
    if (indent == 0) return;
    out.push_back('\n');
    out.append(static_cast<size_t>(indent * level), ' ');
  };
  const std::string_view separator = indent == 0 ? ", " : ",";
  switch (value.type()) {
    case Value::value_t::null:
    case Value::value_t::discarded:
    case Value::value_t::binary:
      out += "null";
      return;
    case Value::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Value::value_t::number_integer:
      out += fmt::format("{}", value.get<int64_t>());
      return;
    case Value::value_t::number_unsigned:
      out += fmt::format("{}", value.get<uint64_t>());
      return;
    case Value::value_t::number_float:
      out += json_float(value.get<double>());
      return;
    case Value::value_t::string:
      append_json_string(out, value.get_ref<const std::string&>());
      return;
    case Value::value_t::array: {
      if (value.empty()) {
        out += "[]";
        return;
      }
      out.push_back('[');
      bool first = true;
      for (const Value& item : value) {
        if (!first) out += separator;
        first = false;
        newline(depth + 1);
        append_json(out, item, indent, depth + 1);
      }
      newline(depth);
      out.push_back(']');
      return;
    }
    case Value::value_t::object: {
      if (value.empty()) {
        out += "{}";
        return;
      }
      out.push_back('{');
      bool first = true;
      for (const auto& [key, item] : value.items()) {
        if (!first) out += separator;
        first = false;
        newline(depth + 1);
        append_json_string(out, key);
        out += ": ";
        append_json(out, item, indent, depth + 1);
      }
      newline(depth);
      out.push_back('}');
      return;
    }
  }
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::scientific);
  static_cast<void>(error);
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t mark = text.find('e');
  int exponent = 0;
  const char* exponent_begin = text.data() + mark + (text[mark + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_begin, end, exponent);
  const bool negative = text[0] == '-';
  std::string digits;
  for (const char c : text.substr(0, mark))
    if (c >= '0' && c <= '9') digits.push_back(c);

  std::string out = negative ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out.push_back(digits[0]);
    if (digits.size() > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  const auto count = static_cast<int>(digits.size());
  if (exponent < 0)
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1)
    return out + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  const auto whole = static_cast<size_t>(exponent + 1);
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string string_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const std::string_view raw = text.substr(i, point.size_bytes);
    i += point.size_bytes;
    const char32_t c = point.value;
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out.push_back('\\');
      out.append(raw);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c > 0x10ffff) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(raw[0]));
    } else if (is_printable(c)) {
      out.append(raw);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
    }
  }
  out.push_back(quote);
  return out;
}

std::string to_str(const Value& value) {
  return value.is_string() ? value.get<std::string>() : to_repr(value);
}

std::string to_repr(const Value& value) {
  switch (value.type()) {
    case Value::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case Value::value_t::number_integer:
      return fmt::format("{}", value.get<int64_t>());
    case Value::value_t::number_unsigned:
      return fmt::format("{}", value.get<uint64_t>());
    case Value::value_t::number_float:
      return float_repr(value.get<double>());
    case Value::value_t::string:
      return string_repr(value.get_ref<const std::string&>());
    case Value::value_t::array: {
      std::string out = "[";
      for (const Value& item : value) {
        if (out.size() > 1) out += ", ";
        out += to_repr(item);
      }
      return out + "]";
    }
    case Value::value_t::object: {
      std::string out = "{";
      for (const auto& [key, item] : value.items()) {
        if (out.size() > 1) out += ", ";
        out += string_repr(key) + ": " + to_repr(item);
      }
      return out + "}";
    }
    default:
      return "None";
  }
}

std::string dumps(const Value& value, int indent) {
  std::string out;
  append_json(out, value, indent, 0);
  return out;
}

}  // namespace anemone::eval::python
