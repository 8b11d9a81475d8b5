#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace anemone::mil {

enum class TokenKind : uint8_t {
  end,
  name,
  number,  ///< decimal or hexadecimal, integer or float, with sign; also "-inf" and "+nan".
  string,  ///< the text between the quotes, escapes not yet resolved.
  symbol,  ///< one character, or "->", or "...".
  broken,  ///< a character that starts no token, or a string without end.
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  size_t offset = 0;  ///< bytes from the beginning of the text.

  bool is_symbol(std::string_view symbol) const {
    return kind == TokenKind::symbol && text == symbol;
  }
  bool is_name(std::string_view name) const { return kind == TokenKind::name && text == name; }
};

/// Cuts MIL text into tokens, one at a time. `//` starts a comment up to the end of the line.
class Lexer {
 public:
  explicit Lexer(std::string_view text);

  const Token& peek() const { return current_; }
  const Token& peek_second() const { return second_; }
  Token take();

  /// corrupt: "line 3, column 7: expected ';', found 'name'".
  Error error_at(const Token& token, std::string_view expected) const;
  /// "line 3, column 7" of a byte offset, both counted from 1, columns in bytes.
  std::string place(size_t offset) const;

 private:
  Token scan();

  std::string_view text_;
  size_t position_ = 0;
  Token current_;
  Token second_;
};

/// Resolves `\\`, `\"` and `\n`; any other backslash stands for itself.
std::string unescape(std::string_view quoted);
/// The reverse, with the quotes around it.
std::string quote(std::string_view text);
/// Whether the text can stand as a name without quotes.
bool is_plain_name(std::string_view text);

}  // namespace anemone::mil
