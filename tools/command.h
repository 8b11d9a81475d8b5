#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"

namespace anemone::tools {

/// Flags that every subcommand takes.
struct CommonFlags {
  int threads = 0;
  std::string isa = "auto";
  std::string numerics = "fp16";
  std::string backend = "auto";
  std::string compute_units = "all";
  std::string config;
  bool quiet = false;
  int verbose = 0;
  bool no_progress = false;
  std::string color = "auto";
  bool json = false;

  Result<runtime::Options> runtime_options() const;
};

/// What a subcommand does after its flags are parsed; success or the error that main prints and
/// turns into the exit code.
using Action = std::function<Status()>;

/// One subcommand: a file tools/<name>.cpp that defines add_<name>, and a line in commands.inc.
/// `add_<name>` declares flags on `app` and returns the action; both outlive the parse.
#define COMMAND(name) Action add_##name(CLI::App& app, const CommonFlags& common);
#include "commands.inc"
#undef COMMAND

}  // namespace anemone::tools
