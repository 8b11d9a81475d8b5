#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace anemone::tools {

/// Refuses an empty value, such as a variable of a script that was not set leaves.
inline CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) -> std::string { return text.empty() ? "the value is empty" : ""; },
      "");
}

}  // namespace anemone::tools
