#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "anemone/coreml.h"
#include "anemone/version.h"
#include "command.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNoCoreml = "this build has no Core ML, which needs macOS";

Json document() {
  Json json = {{"version", 1},
               {"program", version()},
               {"cores", std::thread::hardware_concurrency()},
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

std::string text() {
  std::string words =
      fmt::format("anemone {}, {} cores\n", version(), std::thread::hardware_concurrency());
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
    return write_stdout(common.json ? document().dump(2) + "\n" : text());
  };
}

}  // namespace anemone::tools
