#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <functional>
#include <string>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"
#include "read_number.h"

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

/// Checks a flag's count. CLI11's own check prints its upper end with 300 digits.
inline CLI::Validator whole_number() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
        return digits && !text.empty() && text.size() <= 18
                   ? ""
                   : text + " is not a whole number from 0";
      },
      "");
}

/// The same from 1 on.
inline CLI::Validator count_from_one() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        int64_t value = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, value);
        return error == std::errc() && stop == end && value > 0
                   ? ""
                   : "'" + text + "', expected a whole number of 1 or more";
      },
      "");
}

/// Checks a flag's number of any kind, for the same reason.
inline CLI::Validator number_from_zero() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const auto value = read_number(text);
        return value && std::isfinite(*value) && *value >= 0 ? ""
                                                             : text + " is not a number from 0 on";
      },
      "");
}

/// What a subcommand does after its flags are parsed; success or the error that main prints and
/// turns into the exit code.
using Action = std::function<Status()>;

/// One subcommand: a file tools/<name>.cpp that defines add_<name>, and a line in commands.inc.
/// `add_<name>` declares flags on `app` and returns the action; both outlive the parse.
#define COMMAND(name) Action add_##name(CLI::App& app, const CommonFlags& common);
#include "commands.inc"
#undef COMMAND

}  // namespace anemone::tools
