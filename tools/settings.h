#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "anemone/result.h"

namespace anemone::tools {

/// Gives the options of `command` what the environment (ANEMONE_NUM_FEWSHOT=3) and the YAML file
/// that --config names say, as far as `arguments` (what stands after the subcommand's name) do not
/// give them: file < environment < flags. To be called before the arguments are parsed. In the file
/// a key of the top level holds for every command that has the flag; keys under a command's name
/// hold for that command alone. Each item of a list is one value, null is nothing; a flag without a
/// value takes YAML's truth values, 1 and 0; one whose value may be left out takes those or text.
/// Errors: not_found and corrupt (the file, with line), invalid_argument (a key that no command
/// knows, with the nearest name; a value that is no scalar or list of scalars, or no truth value).
Status apply_settings(const std::vector<std::string>& arguments, CLI::App& command,
                      const CLI::App& program);

/// The candidate nearest to `word` by edit distance, or "" when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace anemone::tools
