#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "anemone/systems.h"
#include "feature_words.h"
#include "package_report.h"
#include "states_text.h"

namespace anemone::tools {
std::string to_text(const PackageReport& report, const ReportFlags& flags) {
  const package::Package& package = report.package;
  std::string text = fmt::format("{}\n  specification {}, weights {} in {} blobs\n",
                                 package.path.filename().string(), package.specification_version,
                                 human_bytes(package.weight_file_bytes), report.blobs.size());
  if (const auto systems = package::systems_of(package))
    text += fmt::format("  from iOS {} and macOS {} on: {}\n", systems->ios, systems->macos,
                        fmt::join(systems->because, "; "));
  for (const auto& description : package.functions) {
    const mil::Function* body = report.body(description.name);
    int64_t total = 0;
    int64_t constants = 0;
    if (body != nullptr)
      for (const auto& [type, count] : report.ops.at(body->name))
        (type == "const" ? constants : total) += count;
    text += fmt::format("  function {}{} ({}, {} ops, {} constants)\n", description.name,
                        description.name == package.default_function ? " (default)" : "",
                        body == nullptr ? "?" : body->opset, total, constants);
    for (const auto& [word, features] : {std::pair{"in ", &description.inputs},
                                         {"out", &description.outputs},
                                         {"state", &description.states}})
      for (const auto& feature : *features)
        text += fmt::format("    {:<5} {:<28} {}\n", word, feature.name, feature_text(feature));
    if (flags.ops && body != nullptr) {
      std::vector<std::pair<std::string, int64_t>> ops(report.ops.at(body->name).begin(),
                                                       report.ops.at(body->name).end());
      std::ranges::stable_sort(ops,
                               [](const auto& a, const auto& b) { return a.second > b.second; });
      for (const auto& [type, count] : ops) text += fmt::format("    {:>6} {}\n", count, type);
    }
    if (flags.kernels && body != nullptr)
      for (const auto& choice : report.kernels.at(body->name))
        text += fmt::format("    {:<24} {:<32} {}\n", choice.type, choice.operation, choice.kernel);
  }
  if (report.states) text += states_text(*report.states);
  for (const passes::Report& pass : report.passes)
    text += fmt::format("  {:<28} {:>6} changed {:>6} removed\n", pass.pass, pass.counts.changed,
                        pass.counts.removed);
  if (flags.verify) {
    for (const auto& fault : report.faults) text += fmt::format("  fault: {}\n", fault.to_string());
    if (report.faults.empty())
      text += "  verified: no faults in program, description and records of weights\n";
  }
  return text;
}

}  // namespace anemone::tools
