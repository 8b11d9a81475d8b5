#include "eval/file_name.h"

namespace anemone::eval {

std::string file_name_of(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return "__";
  std::string out;
  bool replaced = false;
  for (const char c : name) {
    const bool bad = std::string_view("\"<>:/|\\?*[]").find(c) != std::string_view::npos ||
                     static_cast<unsigned char>(c) < 0x20;
    if (!bad)
      out.push_back(c);
    else if (!replaced)
      out += "__";
    replaced = bad;
  }
  return out;
}

}  // namespace anemone::eval
