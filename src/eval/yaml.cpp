#include "eval/yaml.h"

#include <yaml.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/error.h"
#include "base/read_number.h"
#include "eval/python_format.h"
#include "eval/regex.h"

namespace anemone::eval {
namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxValues = 1000000;
constexpr std::uintmax_t kMaxBytes = 16u << 20;

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '_') out.push_back(c);
  return out;
}

/// The resolver expressions of YAML 1.1 as PyYAML has them.
struct Resolver {
  Regex boolean;
  Regex integer;
  Regex number;

  static const Resolver& get() {
    static const Resolver resolver{
        Regex::constant(
            "(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)"),
        Regex::constant(
            "(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+"
            "|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)"),
        Regex::constant("(?:[-+]?(?:[0-9][0-9_]*)\\.[0-9_]*(?:[eE][-+][0-9]+)?"
                        "|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
                        "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*"
                        "|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN))")};
    return resolver;
  }
};

std::optional<int64_t> base_digits(std::string_view digits, int base) {
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// "190:20:30" counts in sixties. Nothing for what no int64 holds.
std::optional<int64_t> sexagesimal_integer(std::string_view text) {
  int64_t value = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t colon = std::min(text.find(':', begin), text.size());
    const auto part = base_digits(text.substr(begin, colon - begin), 10);
    if (!part || __builtin_mul_overflow(value, int64_t{60}, &value) ||
        __builtin_add_overflow(value, *part, &value))
      return std::nullopt;
    begin = colon + 1;
  }
  return value;
}

/// "190:20:30.5".
double sexagesimal_float(std::string_view text) {
  double value = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t colon = std::min(text.find(':', begin), text.size());
    const std::string part(text.substr(begin, colon - begin));
    value = value * 60 + std::strtod(part.c_str(), nullptr);
    begin = colon + 1;
  }
  return value;
}

std::optional<Value> to_integer(std::string_view plain) {
  std::string text = without_underscores(plain);
  int64_t sign = 1;
  if (text[0] == '-' || text[0] == '+') {
    if (text[0] == '-') sign = -1;
    text.erase(0, 1);
  }
  std::optional<int64_t> value;
  if (text == "0")
    value = 0;
  else if (text.starts_with("0b"))
    value = base_digits(std::string_view(text).substr(2), 2);
  else if (text.starts_with("0x"))
    value = base_digits(std::string_view(text).substr(2), 16);
  else if (text[0] == '0')
    value = base_digits(text, 8);
  else if (text.find(':') != std::string::npos)
    value = sexagesimal_integer(text);
  else
    value = base_digits(text, 10);
  if (!value) return std::nullopt;
  return Value(sign * *value);
}

Value to_float(std::string_view plain) {
  std::string text = without_underscores(plain);
  double sign = 1;
  if (text[0] == '-' || text[0] == '+') {
    if (text[0] == '-') sign = -1;
    text.erase(0, 1);
  }
  if (text == ".inf" || text == ".Inf" || text == ".INF")
    return sign * std::numeric_limits<double>::infinity();
  if (text == ".nan" || text == ".NaN" || text == ".NAN")
    return std::numeric_limits<double>::quiet_NaN();
  if (text.find(':') != std::string::npos) return sign * sexagesimal_float(text);
  return sign * read_number(text).value_or(0);
}

Value resolve_plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  const Resolver& resolver = Resolver::get();
  if (resolver.boolean.matches_all(text)) {
    const char c = text[0];
    return c == 'y' || c == 'Y' || c == 't' || c == 'T' || text == "on" || text == "On" ||
           text == "ON";
  }
  if (resolver.integer.matches_all(text)) {
    if (auto value = to_integer(text)) return *std::move(value);
    return text;
  }
  if (resolver.number.matches_all(text)) return to_float(text);
  return text;
}

size_t count_values(const Value& value) {
  size_t count = 1;
  if (value.is_structured())
    for (const Value& item : value) count += count_values(item);
  return count;
}

/// Composes the value of one document from libyaml's events.
class Composer {
 public:
  explicit Composer(std::string_view text) {
    ANEMONE_CHECK(yaml_parser_initialize(&parser_) != 0, "libyaml has memory to begin");
    if (text.data() == nullptr) text = "";  // which libyaml asserts that there is
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~Composer() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;

  Result<Value> document() {
    ANEMONE_RETURN_IF_ERROR(next());  // stream start
    ANEMONE_RETURN_IF_ERROR(next());
    if (event_.type == YAML_STREAM_END_EVENT) return Value(nullptr);
    ANEMONE_RETURN_IF_ERROR(next());
    ANEMONE_TRY(Value value, node(0));
    ANEMONE_RETURN_IF_ERROR(next());  // document end
    ANEMONE_RETURN_IF_ERROR(next());
    if (event_.type != YAML_STREAM_END_EVENT)
      return fail(ErrorCode::corrupt, "more than one document, at {}", place());
    return value;
  }

 private:
  Status next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) != 0) return {};
    return fail(ErrorCode::corrupt, "line {}, column {}: {}", parser_.problem_mark.line + 1,
                parser_.problem_mark.column + 1,
                parser_.problem != nullptr ? parser_.problem : "out of memory");
  }

  std::string place() const {
    return fmt::format("line {}, column {}", event_.start_mark.line + 1,
                       event_.start_mark.column + 1);
  }

  static std::string text_of(const yaml_char_t* text) {
    return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
  }

  Status count(size_t values) {
    values_ += values;
    if (values_ > kMaxValues) return fail(ErrorCode::limit, "more than {} values", kMaxValues);
    return {};
  }

  /// The value whose first event is the current one; leaves its last event current.
  Result<Value> node(int depth) {
    if (depth > kMaxDepth)
      return fail(ErrorCode::limit, "nested deeper than {} at {}", kMaxDepth, place());
    ANEMONE_RETURN_IF_ERROR(count(1));
    switch (event_.type) {
      case YAML_ALIAS_EVENT: {
        const std::string anchor = text_of(event_.data.alias.anchor);
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
          return fail(ErrorCode::corrupt, "unknown anchor '{}' at {}", anchor, place());
        ANEMONE_RETURN_IF_ERROR(count(count_values(found->second)));
        return found->second;
      }
      case YAML_SCALAR_EVENT: {
        const std::string anchor = text_of(event_.data.scalar.anchor);
        ANEMONE_TRY(Value value, scalar());
        return anchored(anchor, std::move(value));
      }
      case YAML_SEQUENCE_START_EVENT: {
        const std::string anchor = text_of(event_.data.sequence_start.anchor);
        ANEMONE_RETURN_IF_ERROR(plain_collection(event_.data.sequence_start.tag));
        ANEMONE_TRY(Value value, sequence(depth));
        return anchored(anchor, std::move(value));
      }
      case YAML_MAPPING_START_EVENT: {
        const std::string anchor = text_of(event_.data.mapping_start.anchor);
        ANEMONE_RETURN_IF_ERROR(plain_collection(event_.data.mapping_start.tag));
        ANEMONE_TRY(Value value, mapping(depth));
        return anchored(anchor, std::move(value));
      }
      default:
        return fail(ErrorCode::corrupt, "no value at {}", place());
    }
  }

  Result<Value> anchored(const std::string& anchor, Value value) {
    if (!anchor.empty()) anchors_[anchor] = value;
    return value;
  }

  Status plain_collection(const yaml_char_t* tag) const {
    const std::string name = text_of(tag);
    if (name.empty() || name == YAML_SEQ_TAG || name == YAML_MAP_TAG) return {};
    return fail(ErrorCode::unsupported, "tag {} at {}", name, place());
  }

  Result<Value> scalar() const {
    const auto& event = event_.data.scalar;
    const std::string text(reinterpret_cast<const char*>(event.value), event.length);
    const std::string tag = text_of(event.tag);
    if (tag.empty()) return event.plain_implicit != 0 ? resolve_plain(text) : Value(text);
    if (tag == "!" || tag == YAML_STR_TAG) return Value(text);
    if (tag == kFunctionKey) return Value{{kFunctionKey, text}};
    if (tag == YAML_INT_TAG || tag == YAML_FLOAT_TAG || tag == YAML_BOOL_TAG ||
        tag == YAML_NULL_TAG) {
      const Value value = resolve_plain(text);
      if (tag == YAML_FLOAT_TAG && value.is_number()) return Value(value.get<double>());
      return value;
    }
    return fail(ErrorCode::unsupported, "tag {} at {}", tag, place());
  }

  Result<Value> sequence(int depth) {
    Value items = Value::array();
    for (;;) {
      ANEMONE_RETURN_IF_ERROR(next());
      if (event_.type == YAML_SEQUENCE_END_EVENT) return items;
      ANEMONE_TRY(Value item, node(depth + 1));
      items.push_back(std::move(item));
    }
  }

  Result<Value> mapping(int depth) {
    Value merged = Value::object();
    Value own = Value::object();
    for (;;) {
      ANEMONE_RETURN_IF_ERROR(next());
      if (event_.type == YAML_MAPPING_END_EVENT) break;
      const bool merges = event_.type == YAML_SCALAR_EVENT &&
                          event_.data.scalar.plain_implicit != 0 &&
                          text_of(event_.data.scalar.value) == "<<";
      ANEMONE_TRY(const Value key, node(depth + 1));
      ANEMONE_RETURN_IF_ERROR(next());
      const std::string value_place = place();
      ANEMONE_TRY(Value value, node(depth + 1));
      if (merges) {
        ANEMONE_RETURN_IF_ERROR(merge(value, merged, value_place));
      } else {
        own[python::to_str(key)] = std::move(value);
      }
    }
    for (auto& [key, value] : own.items()) merged[key] = std::move(value);
    return merged;
  }

  /// Of several merged maps the earlier wins.
  static Status merge(const Value& source, Value& merged, const std::string& where) {
    if (source.is_object()) {
      for (const auto& [key, value] : source.items())
        if (!merged.contains(key)) merged[key] = value;
      return {};
    }
    if (source.is_array()) {
      for (const Value& item : source) ANEMONE_RETURN_IF_ERROR(merge(item, merged, where));
      return {};
    }
    return fail(ErrorCode::corrupt, "'<<' needs a map or a list of maps, at {}", where);
  }

  yaml_parser_t parser_{};
  yaml_event_t event_{};
  std::map<std::string, Value> anchors_;
  size_t values_ = 0;
};

}  // namespace

bool is_function(const Value& value) {
  return value.is_object() && value.size() == 1 && value.begin().key() == kFunctionKey;
}

Result<Value> parse_yaml(std::string_view text) { return Composer(text).document(); }

Result<Value> read_yaml(const std::filesystem::path& path) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (code)
    return fail(code == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::io,
                "{}: {}", path.string(), code.message());
  if (size > kMaxBytes)
    return fail(ErrorCode::limit, "{}: {} bytes, a task file has at most {}", path.string(), size,
                kMaxBytes);
  std::ifstream file(path, std::ios::binary);
  std::string text(size, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(size)))
    return fail(ErrorCode::io, "{}: cannot be read", path.string());
  return parse_yaml(text).in(path.string());
}

}  // namespace anemone::eval
