#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <new>

#include "anemone/version.h"
#include "arguments.h"
#include "command.h"
#include "settings.h"
#include "terminal.h"

namespace anemone::tools {

Result<runtime::Options> CommonFlags::runtime_options() const {
  runtime::Options options;
  options.threads = threads;
  ANEMONE_TRY(options.numerics, runtime::parse_numerics(numerics));
  ANEMONE_TRY(options.isa, runtime::parse_isa(isa));
  ANEMONE_TRY(options.backend, runtime::parse_backend(backend));
  ANEMONE_TRY(options.compute_units, runtime::parse_compute_units(compute_units));
  if (runtime::has_coreml()) return options;
  if (options.backend == runtime::Backend::coreml)
    return Error{ErrorCode::unsupported,
                 "the Core ML backend needs macOS; this build has the CPU executor only",
                 {},
                 "leave out --backend"};
  if (options.compute_units != runtime::Options().compute_units)
    return Error{ErrorCode::unsupported,
                 fmt::format("--compute-units {} is a choice of the Core ML backend, which needs "
                             "macOS; this build has the CPU executor only",
                             compute_units),
                 {},
                 "leave out --compute-units"};
  return options;
}

namespace {

/// A command's own flag of that name takes the place of the common one.
void add_common(CLI::App& app, CommonFlags& common) {
  const std::string group = "Common";
  const auto has_own = [&](const char* name) { return app.get_option_no_throw(name) != nullptr; };
  if (!has_own("--threads"))
    app.add_option("--threads", common.threads, "Worker threads; 0: one per core")
        ->check(CLI::Range(0, 1024))
        ->group(group);
  app.add_option("--isa", common.isa, "Force an instruction set")
      ->check(CLI::IsMember({"auto", "scalar", "avx2", "avx512", "neon"}))
      ->group(group);
  app.add_option("--numerics", common.numerics,
                 "Arithmetic: fp16 as Core ML says, fp32 without rounding, or ane, the Neural "
                 "Engine's as published measurements let it be simulated")
      ->check(CLI::IsMember({"fp16", "fp32", "ane"}))
      ->group(group);
  app.add_option("--backend", common.backend, "What runs the model")
      ->check(CLI::IsMember({"auto", "cpu", "coreml"}))
      ->group(group);
  if (!has_own("--compute-units"))
    app.add_option("--compute-units", common.compute_units,
                   "Core ML backend: which units it may use")
        ->check(CLI::IsMember({"all", "cpu", "cpu-gpu", "cpu-ane"}))
        ->group(group);
  app.add_option("--config", common.config, "YAML file with flags (file < ANEMONE_* < flags)")
      ->group(group);
  app.add_flag("-q,--quiet", common.quiet, "Errors only")->group(group);
  app.add_flag("-v,--verbose", common.verbose, "More words")->group(group);
  app.add_flag("--no-progress", common.no_progress, "No progress line")->group(group);
  app.add_option("--color", common.color, "Colours on the terminal")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->group(group);
  app.add_flag("--json", common.json, "One JSON document on stdout")->group(group);
}

int usage_error(std::string_view message, const CLI::App& app) {
  print_stderr("error: {}\nhint: anemone {}--help\n", message,
               app.get_parent() == nullptr ? "" : app.get_name() + " ");
  return 2;
}

/// Whether the command's --format, which is one of a list, may be this.
bool is_format(CLI::App& app, const std::string& name) {
  CLI::Option* format = app.get_option_no_throw("--format");
  return format != nullptr && (*format->get_validator(0))(name).empty();
}

/// Names the first argument that the command does not know, with the nearest flag.
int unknown_argument(CLI::App& app) {
  const std::vector<std::string> unknown = app.remaining(true);
  const auto flag = std::ranges::find_if(
      unknown, [](const std::string& argument) { return argument.starts_with("-"); });
  if (flag == unknown.end())
    return usage_error(
        fmt::format("unexpected argument '{}'", unknown.empty() ? "" : unknown.front()), app);
  const std::string name = flag->substr(0, flag->find('='));
  if (name.starts_with("--") && is_format(app, name.substr(2)))
    return usage_error(
        fmt::format("unknown flag {}; did you mean --format {}?", name, name.substr(2)), app);
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
  const std::string near = nearest(name, known);
  return usage_error(near.empty() ? "unknown flag " + name
                                  : fmt::format("unknown flag {}; did you mean {}?", name, near),
                     app);
}

int run(std::vector<std::string> arguments) {
  CLI::App program("Anemone: language models as Core ML packages: inspect, run, evaluate",
                   "anemone");
  program.set_version_flag("--version", std::string(version()));
  program.require_subcommand(1);
  CommonFlags common;
  std::map<CLI::App*, Action> actions;
#define COMMAND(name)                                     \
  {                                                       \
    CLI::App* command = program.add_subcommand(#name);    \
    command->option_defaults()->always_capture_default(); \
    actions[command] = add_##name(*command, common);      \
    add_common(*command, common);                         \
  }
#include "commands.inc"
#undef COMMAND

  arguments = with_dashes(std::move(arguments));
  if (!arguments.empty() && !arguments[0].starts_with("-")) {
    const auto found = std::ranges::find_if(
        actions, [&](const auto& entry) { return entry.first->get_name() == arguments[0]; });
    if (found == actions.end()) {
      std::vector<std::string> names;
      for (const auto& entry : actions) names.push_back(entry.first->get_name());
      const std::string near = nearest(arguments[0], names);
      print_stderr("error: unknown command '{}'\nhint: {}\n", arguments[0],
                   near.empty() ? "anemone --help lists the commands"
                                : "did you mean 'anemone " + near + "'?");
      return 2;
    }
    auto own = with_optional_values({arguments.begin() + 1, arguments.end()}, *found->first);
    if (const Status status = apply_settings(own, *found->first, program); !status.ok()) {
      print_error(status.error(), common);
      return exit_code(status.error()) == 1 ? 1 : 2;
    }
    own.insert(own.begin(), arguments[0]);
    arguments = std::move(own);
  }
  std::reverse(arguments.begin(), arguments.end());
  try {
    program.parse(std::move(arguments));
  } catch (const CLI::Success& success) {
    return program.exit(success);
  } catch (const CLI::ExtrasError&) {
    const auto used = program.get_subcommands();
    return unknown_argument(used.empty() ? program : *used[0]);
  } catch (const CLI::ParseError& error) {
    const auto used = program.get_subcommands();
    return usage_error(error.what(), used.empty() ? program : *used[0]);
  }
  const Status status = actions.at(program.get_subcommands()[0])();
  if (status.ok()) return 0;
  end_if_reader_gone();
  print_error(status.error(), common);
  return exit_code(status.error());
}

}  // namespace
}  // namespace anemone::tools

int main(int argc, char** argv) {
  anemone::tools::watch_interrupt();
  try {
    return anemone::tools::run({argv + 1, argv + argc});
  } catch (const std::bad_alloc&) {
    anemone::tools::print_stderr("error: out of memory\n");
  } catch (const std::exception& error) {
    anemone::tools::print_stderr("error: {}\n", error.what());
  }
  return 1;
}
