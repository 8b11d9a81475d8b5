#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "anemone/result.h"

namespace anemone::tools {

/// `--num_fewshot=3` → `--num-fewshot=3`: flags may be written with underscores.
std::vector<std::string> with_dashes(std::vector<std::string> arguments);

/// Completes `arguments` (what stands after the subcommand's name) with flags from the environment
/// (ANEMONE_NUM_FEWSHOT=3) and from the YAML file that --config names, as far as the command line
/// does not give them: file < environment < flags. In the file a key of the top level holds for
/// every command that has the flag; keys under a command's name hold for that command alone. Lists
/// become repeated values, `true` a bare flag, `false` and null nothing. Errors: not_found and
/// corrupt (the file, with line), invalid_argument (a key that no command knows, with the nearest
/// name; a value that is no scalar or list of scalars).
Result<std::vector<std::string>> with_settings(std::vector<std::string> arguments,
                                               const CLI::App& command, const CLI::App& program);

/// The candidate nearest to `word` by edit distance, or "" when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace anemone::tools
