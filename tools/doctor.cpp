#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "anemone/bench.h"
#include "anemone/coreml.h"
#include "anemone/version.h"
#include "command.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNoCoreml = "this build has no Core ML, which needs macOS";

/// What the common flags say, on what is here.
struct Findings {
  bench::Surroundings around;
  runtime::Options asked;
  int threads() const { return asked.threads == 0 ? around.machine.cores : asked.threads; }
  /// What runs a model.
  runtime::Backend backend() const {
    if (asked.backend != runtime::Backend::automatic) return asked.backend;
    return runtime::has_coreml() ? runtime::Backend::coreml : runtime::Backend::cpu;
  }
};

Result<Findings> look(const CommonFlags& common) {
  Findings found;
  ANEMONE_TRY(found.asked, common.runtime_options());
  ANEMONE_TRY(found.around, bench::look_around(found.asked.isa));
  return found;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json document(const Findings& found) {
  const bench::Surroundings& around = found.around;
  const bench::Machine& machine = around.machine;
  Json json = {{"version", 1},
               {"program", version()},
               {"cores", machine.cores},
               {"processor", text_or_null(machine.cpu)},
               {"architecture", machine.architecture},
               {"os", machine.os},
               {"accelerator", text_or_null(machine.accelerator)},
               {"memory_bytes", machine.memory_bytes},
               {"cache_bytes", machine.cache_bytes == 0 ? Json() : Json(machine.cache_bytes)},
               {"isa", around.isa},
               {"isas", around.isas},
               {"threads", found.threads()},
               {"backend", to_string(found.backend())},
               {"energy_source", text_or_null(around.energy_source)},
               {"energy_reason", text_or_null(around.energy_reason)},
               {"celsius", around.celsius ? Json(*around.celsius) : Json()},
               {"coreml", runtime::has_coreml()},
               {"coreml_missing", runtime::has_coreml() ? Json() : Json(kNoCoreml)},
               {"variables", Json::array()}};
  for (const runtime::CoremlVariable& variable : runtime::coreml_variables())
    json["variables"].push_back({{"name", variable.name},
                                 {"wanted", variable.wanted},
                                 {"found", variable.found.empty() ? Json() : Json(variable.found)},
                                 {"is_set", variable.is_set()},
                                 {"effect", variable.effect}});
  return json;
}

std::string text(const Findings& found) {
  const bench::Surroundings& around = found.around;
  const bench::Machine& machine = around.machine;
  std::string words = fmt::format("anemone {}, {} cores\n", version(), machine.cores);
  words += fmt::format("processor: {}, {}; {}\n", machine.cpu.empty() ? "unknown" : machine.cpu,
                       machine.architecture, machine.os);
  if (!machine.accelerator.empty()) words += "accelerator: " + machine.accelerator + "\n";
  words += fmt::format("memory: {:.1f} GB", static_cast<double>(machine.memory_bytes) * 1e-9);
  words += machine.cache_bytes == 0 ? ", cache unknown\n"
                                    : fmt::format(", {:.1f} MB of cache\n",
                                                  static_cast<double>(machine.cache_bytes) * 1e-6);
  words += fmt::format("instruction set: {} (of {})\n", around.isa, fmt::join(around.isas, ", "));
  words += fmt::format("models run on: {}, {} worker thread{}\n",
                       found.backend() == runtime::Backend::coreml ? "Core ML" : "the CPU executor",
                       found.threads(), found.threads() == 1 ? "" : "s");
  words += fmt::format("energy: {}\n", around.energy_source.empty() ? "n/a: " + around.energy_reason
                                                                    : around.energy_source);
  words += around.celsius ? fmt::format("temperature: {:.0f} degrees Celsius\n", *around.celsius)
                          : "temperature: n/a: the system shows no thermal zone\n";
  words += fmt::format("Core ML: {}\n", runtime::has_coreml() ? "here" : kNoCoreml);
  words +=
      "variables, which the Core ML backend sets before its first call where they are not set:\n";
  for (const runtime::CoremlVariable& variable : runtime::coreml_variables())
    words += fmt::format("  {:<8} {}={}: {}\n",
                         variable.is_set()        ? "set"
                         : variable.found.empty() ? "not set"
                                                  : "other",
                         variable.name, variable.found.empty() ? variable.wanted : variable.found,
                         variable.effect);
  return words;
}

}  // namespace

Action add_doctor(CLI::App& app, const CommonFlags& common) {
  app.description("What this machine can run models on, and which variables are set for it");
  app.footer("Example: anemone doctor");
  return [&common]() -> Status {
    ANEMONE_TRY(const Findings found, look(common));
    return write_stdout(
        common.json ? document(found).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                    : text(found));
  };
}

}  // namespace anemone::tools
