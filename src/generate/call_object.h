#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace anemone::generate {

/// Finds the end of a JSON value, a byte at a time. What lies inside is not judged.
class ValueEnd {
 public:
  enum class Step : uint8_t {
    inside,
    last,  ///< the value ends with this byte.
    past,  ///< it ended before this byte.
    broken,
  };
  Step feed(char byte);

 private:
  enum class Kind : uint8_t { unknown, text, nested, bare };
  Kind kind_ = Kind::unknown;
  int depth_ = 0;
  bool quoted_ = false;
  bool escaped_ = false;
};

/// A call as a JSON object, read a byte at a time: "name", and "arguments" or "parameters".
class CallObject {
 public:
  enum class State : uint8_t { open, done, broken };
  State feed(char byte);

  const std::optional<std::string>& name() const { return name_; }
  /// What is known of the arguments, as written; `{}` when there were none.
  const std::string& arguments() const { return arguments_; }

 private:
  enum class At : uint8_t { begin, key_or_end, key, colon, value, comma_or_end };
  State begin_value();
  State feed_value(char byte);
  State end_object();

  At at_ = At::begin;
  bool expects_key_ = false;
  ValueEnd end_;
  std::string key_;    ///< with its quotes.
  std::string value_;  ///< of a key other than the arguments'.
  bool in_arguments_ = false;
  bool in_name_ = false;
  bool value_begun_ = false;
  std::optional<std::string> name_;
  std::string arguments_;
};

}  // namespace anemone::generate
