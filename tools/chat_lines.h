#pragma once

#include <optional>
#include <string>

#include "anemone/result.h"

namespace anemone::tools {

/// What was typed as one.
struct Typed {
  std::string text;
  bool is_command = false;  ///< begins with a slash, outside of quotes.
};

/// What the user types: on a terminal with a prompt, editing and a history, elsewhere line by line.
class ChatLines {
 public:
  ChatLines();
  /// One message: a line, or lines that end in a backslash and the one behind them, or what stands
  /// between two lines of three quotes. None at the end of the input, or when Ctrl-C was pressed.
  std::optional<Typed> next();
  bool on_terminal() const { return terminal_; }

 private:
  std::optional<std::string> line(const char* prompt);

  bool terminal_;
};

}  // namespace anemone::tools
