#include "mil/text_lexer.h"

#include <algorithm>

namespace anemone::mil {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '$'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr size_t kShownBytes = 40;

}  // namespace

Lexer::Lexer(std::string_view text) : text_(text) {
  current_ = scan();
  second_ = scan();
}

Token Lexer::take() {
  const Token taken = current_;
  current_ = second_;
  second_ = scan();
  return taken;
}

Token Lexer::scan() {
  while (position_ < text_.size()) {
    if (is_space(text_[position_])) {
      ++position_;
    } else if (text_.substr(position_).starts_with("//")) {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else {
      break;
    }
  }
  const size_t start = position_;
  const auto token = [&](TokenKind kind, size_t length) {
    position_ = start + length;
    return Token{kind, text_.substr(start, length), start};
  };
  if (start == text_.size()) return token(TokenKind::end, 0);

  const std::string_view rest = text_.substr(start);
  const char first = rest[0];
  if (first == '"') {
    size_t end = 1;
    while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2u : 1u;
    if (end >= rest.size()) return token(TokenKind::broken, rest.size());
    Token string = token(TokenKind::string, end + 1);
    string.text = string.text.substr(1, end - 1);
    return string;
  }
  if (is_letter(first)) {
    const auto end = std::ranges::find_if_not(rest, is_name_part);
    return token(TokenKind::name, static_cast<size_t>(end - rest.begin()));
  }
  if (rest.starts_with("->")) return token(TokenKind::symbol, 2);
  if (rest.starts_with("...")) return token(TokenKind::symbol, 3);
  if (is_digit(first) || first == '-' || first == '+' || first == '.') {
    const size_t digits = first == '-' || first == '+' ? 1 : 0;
    const bool hex = rest.substr(digits).starts_with("0x") || rest.substr(digits).starts_with("0X");
    size_t end = digits;
    const auto is_exponent = [&](char c) {
      return hex ? c == 'p' || c == 'P' : c == 'e' || c == 'E';
    };
    while (end < rest.size() &&
           (is_digit(rest[end]) || is_letter(rest[end]) || rest[end] == '.' ||
            ((rest[end] == '-' || rest[end] == '+') && is_exponent(rest[end - 1]))))
      ++end;
    return end > digits ? token(TokenKind::number, end) : token(TokenKind::broken, 1);
  }
  constexpr std::string_view kSymbols = "()[]{}<>,=;?";
  return token(
      kSymbols.find(first) == std::string_view::npos ? TokenKind::broken : TokenKind::symbol, 1);
}

std::string Lexer::place(size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const size_t line_start = before.rfind('\n');
  const size_t column = line_start == std::string_view::npos ? offset : offset - line_start - 1;
  return fmt::format("line {}, column {}", line, column + 1);
}

Error Lexer::error_at(const Token& token, std::string_view expected) const {
  std::string found = "the end of the text";
  if (token.kind == TokenKind::broken && token.text[0] == '"') {
    found = "a string without end";
  } else if (token.kind != TokenKind::end) {
    found = fmt::format("'{}'", token.text.substr(0, kShownBytes));
    if (token.text.size() > kShownBytes) found += "…";
  }
  return fail(ErrorCode::corrupt, "{}: expected {}, found {}", place(token.offset), expected,
              found);
}

std::string unescape(std::string_view quoted) {
  std::string text;
  text.reserve(quoted.size());
  for (size_t i = 0; i < quoted.size(); ++i) {
    const char next = quoted[i] == '\\' && i + 1 < quoted.size() ? quoted[i + 1] : '\0';
    if (next == '\\' || next == '"' || next == 'n') {
      text += next == 'n' ? '\n' : next;
      ++i;
    } else {
      text += quoted[i];
    }
  }
  return text;
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else
      quoted += c;
  }
  return quoted + '"';
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && is_letter(text[0]) && std::ranges::all_of(text, is_name_part);
}

}  // namespace anemone::mil
