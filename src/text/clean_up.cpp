#include "text/clean_up.h"

namespace anemone::text {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string clean_up(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kSteps[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kSteps) replace_all(text, from, to);
  return text;
}

size_t clean_up_boundary(std::string_view text) {
  // Every step matches from a blank on, and only " ' " reaches over a second one, which can make a
  // new " n't". So no match reaches over a blank that stands after any other character.
  for (size_t at = text.rfind(' '); at != std::string_view::npos && at > 0;
       at = text.rfind(' ', at - 1)) {
    const char before = text[at - 1];
    if (before != ' ' && before != '\'' && before != 'n') return at;
  }
  return 0;
}

}  // namespace anemone::text
