#include "generate/call_object.h"

#include <nlohmann/json.hpp>

namespace anemone::generate {
namespace {

/// Who reads an argument takes as much of the stack as it nests.
constexpr int kMostDepth = 64;

bool is_blank(char byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'; }

std::optional<std::string> unquoted(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_string()) return std::nullopt;
  return json.get<std::string>();
}

}  // namespace

ValueEnd::Step ValueEnd::feed(char byte) {
  if (kind_ == Kind::unknown) {
    if (byte == '"') {
      kind_ = Kind::text;
      quoted_ = true;
      return Step::inside;
    }
    if (std::string_view(",:]}").find(byte) != std::string_view::npos || is_blank(byte))
      return Step::broken;
    kind_ = byte == '{' || byte == '[' ? Kind::nested : Kind::bare;
    depth_ = kind_ == Kind::nested ? 1 : 0;
    return Step::inside;
  }
  if (kind_ == Kind::bare)
    return byte == ',' || byte == '}' || byte == ']' || is_blank(byte) ? Step::past : Step::inside;
  if (escaped_) {
    escaped_ = false;
  } else if (quoted_) {
    escaped_ = byte == '\\';
    if (byte != '"') return Step::inside;
    quoted_ = false;
    if (kind_ == Kind::text) return Step::last;
  } else if (byte == '"') {
    quoted_ = true;
  } else if (byte == '{' || byte == '[') {
    if (++depth_ > kMostDepth) return Step::broken;
  } else if ((byte == '}' || byte == ']') && --depth_ == 0) {
    return Step::last;
  }
  return Step::inside;
}

CallObject::State CallObject::feed(char byte) {
  const bool inside = at_ == At::key || at_ == At::value;
  if (is_blank(byte) && !inside) return State::open;
  switch (at_) {
    case At::begin:
      at_ = At::key_or_end;
      return byte == '{' ? State::open : State::broken;
    case At::key_or_end:
      if (byte == '}' && !expects_key_) return end_object();
      if (byte != '"') return State::broken;
      at_ = At::key;
      end_ = {};
      end_.feed(byte);
      key_ = byte;
      return State::open;
    case At::key:
      key_ += byte;
      if (end_.feed(byte) == ValueEnd::Step::last) at_ = At::colon;
      return State::open;
    case At::colon:
      if (byte != ':') return State::broken;
      return begin_value();
    case At::value:
      return feed_value(byte);
    case At::comma_or_end:
      if (byte == '}') return end_object();
      at_ = At::key_or_end;
      expects_key_ = true;
      return byte == ',' ? State::open : State::broken;
  }
  return State::broken;
}

CallObject::State CallObject::begin_value() {
  const auto key = unquoted(key_);
  if (!key) return State::broken;
  in_arguments_ = (*key == "arguments" || *key == "parameters") && arguments_.empty();
  in_name_ = *key == "name" && !name_;
  value_.clear();
  end_ = {};
  value_begun_ = false;
  at_ = At::value;
  return State::open;
}

CallObject::State CallObject::feed_value(char byte) {
  if (!value_begun_ && is_blank(byte)) return State::open;
  value_begun_ = true;
  std::string& text = in_arguments_ ? arguments_ : value_;
  const ValueEnd::Step step = end_.feed(byte);
  if (step == ValueEnd::Step::broken) return State::broken;
  if (step != ValueEnd::Step::past) text += byte;
  if (step == ValueEnd::Step::inside) return State::open;
  if (!nlohmann::json::accept(text)) return State::broken;
  if (in_name_) {
    name_ = unquoted(value_);
    if (!name_) return State::broken;
  }
  at_ = At::comma_or_end;
  return step == ValueEnd::Step::past ? feed(byte) : State::open;
}

CallObject::State CallObject::end_object() {
  if (!name_) return State::broken;
  if (arguments_.empty()) arguments_ = "{}";
  return State::done;
}

}  // namespace anemone::generate
