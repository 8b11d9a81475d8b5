#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace anemone::tools {

/// `--num_fewshot=3` → `--num-fewshot=3`: flags may be written with underscores.
std::vector<std::string> with_dashes(std::vector<std::string> arguments);

/// `--flag WORD` → `--flag=WORD` for the flags of `command` whose value may be left out, and
/// `--flag` → `--flag=true` where no value follows. A word that a required positional argument
/// needs is none: in `--apply-chat-template MODEL --tasks x` the model stays the model.
std::vector<std::string> with_optional_values(std::vector<std::string> arguments,
                                              const CLI::App& command);

}  // namespace anemone::tools
