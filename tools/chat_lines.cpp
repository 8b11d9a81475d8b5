#include "chat_lines.h"

#include <editline/readline.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

#include "terminal.h"

namespace anemone::tools {
namespace {

constexpr const char* kPrompt = "> ";
constexpr const char* kMore = ". ";
constexpr std::string_view kQuotes = "\"\"\"";

struct Free {
  void operator()(char* text) const { std::free(text); }
};

}  // namespace

ChatLines::ChatLines() : terminal_(isatty(STDIN_FILENO) != 0) {
  if (!terminal_) return;
  // Without it editline drops every letter beyond ASCII.
  const char* locale = std::setlocale(LC_CTYPE, "");
  if (locale == nullptr || std::string_view(locale) == "C") std::setlocale(LC_CTYPE, "C.UTF-8");
  rl_initialize();
}

std::optional<std::string> ChatLines::line(const char* prompt) {
  if (!terminal_) {
    std::string text;
    if (!std::getline(std::cin, text)) return std::nullopt;
    return text;
  }
  const std::unique_ptr<char, Free> text(readline(prompt));
  if (text == nullptr) return std::nullopt;
  if (*text != '\0') add_history(text.get());
  return std::string(text.get());
}

std::optional<Typed> ChatLines::next() {
  auto text = line(kPrompt);
  if (!text) return std::nullopt;
  if (*text == kQuotes) {
    std::string all;
    for (auto more = line(kMore); more && *more != kQuotes; more = line(kMore))
      all += (all.empty() ? "" : "\n") + *more;
    if (interrupted()) return std::nullopt;
    return Typed{std::move(all), false};
  }
  while (text->ends_with('\\')) {
    text->back() = '\n';
    const auto more = line(kMore);
    if (interrupted()) return std::nullopt;
    if (!more) break;
    *text += *more;
  }
  const bool is_command = text->starts_with('/');
  return Typed{*std::move(text), is_command};
}

}  // namespace anemone::tools
