#pragma once

#include <CLI/CLI.hpp>

#include "anemone/generate.h"

namespace anemone::tools {

/// --temperature, --top-k … --logit-bias and --seed, whose defaults are what `sampling` holds.
void add_sampling_flags(CLI::App& app, generate::Sampling& sampling);

}  // namespace anemone::tools
