#include "package_report.h"

#include "anemone/systems.h"
#include "feature_words.h"
#include "states_text.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

void count_ops(const mil::Block& block, std::map<std::string, int64_t>& counts) {
  for (const mil::Operation& op : block.operations) {
    ++counts[op.type];
    for (const mil::Block& nested : op.blocks) count_ops(nested, counts);
  }
}

Json systems_json(const package::Package& package) {
  const auto systems = package::systems_of(package);
  if (!systems) return nullptr;
  return {{"ios", systems->ios}, {"macos", systems->macos}, {"because", systems->because}};
}

}  // namespace

const mil::Function* PackageReport::body(std::string_view name) const {
  if (const mil::Function* function = package.program.find_function(name)) return function;
  return package.program.functions.size() == 1 ? &package.program.functions[0] : nullptr;
}

Result<PackageReport> examine(const fs::path& path, const ReportFlags& flags,
                              const CommonFlags& common) {
  PackageReport report;
  ANEMONE_TRY(report.package, package::open(path));
  ANEMONE_TRY(report.blobs, package::list_blobs(report.package));
  // The program as the file has it: passes may drop what is at fault.
  if (flags.verify) report.faults = package::verify(report.package);
  if (flags.passes && report.faults.empty()) {
    ANEMONE_TRY(report.passes, passes::run(report.package.program, flags.pass_options));
  }
  for (const mil::Function& function : report.package.program.functions)
    count_ops(function.block, report.ops[function.name]);
  if (flags.states) {
    ANEMONE_TRY(auto options, common.runtime_options());
    options.backend = runtime::Backend::cpu;  // Core ML does not say what it moves
    ANEMONE_TRY(const auto model, runtime::Model::load(report.package, options));
    ANEMONE_TRY(report.states, runtime::report_states(*model));
  }
  if (flags.kernels) {
    ANEMONE_TRY(const auto options, common.runtime_options());
    ANEMONE_TRY(const auto model, runtime::Model::load(report.package, options));
    for (const mil::Function& function : report.package.program.functions) {
      ANEMONE_TRY(report.kernels[function.name], model->kernels(function.name));
    }
  }
  return report;
}

Json to_json(const PackageReport& report, const ReportFlags& flags) {
  const package::Package& package = report.package;
  Json json = {{"path", package.path.string()},
               {"form", package::to_string(package.form)},
               {"specification_version", package.specification_version},
               {"systems", systems_json(package)},
               {"default_function", package.default_function},
               {"metadata", package.metadata},
               {"weight_file_bytes", package.weight_file_bytes}};
  for (const auto& description : package.functions) {
    Json function = {{"name", description.name}};
    const mil::Function* body = report.body(description.name);
    if (body != nullptr) function["opset"] = body->opset;
    for (const auto& [key, features] : {std::pair{"inputs", &description.inputs},
                                        {"outputs", &description.outputs},
                                        {"states", &description.states}}) {
      function[key] = Json::array();
      for (const auto& feature : *features) function[key].push_back(feature_json(feature));
    }
    if (body != nullptr) function["operations"] = report.ops.at(body->name);
    if (body != nullptr && flags.kernels)
      for (const auto& choice : report.kernels.at(body->name))
        function["kernels"].push_back(
            {{"operation", choice.operation}, {"type", choice.type}, {"kernel", choice.kernel}});
    json["functions"].push_back(std::move(function));
  }
  std::map<std::string, uint64_t> bytes;
  for (const auto& blob : report.blobs)
    bytes[std::string(to_string(blob.dtype))] += blob.size_bytes;
  if (report.states) json["states"] = states_json(*report.states);
  json["blobs"] = {{"count", report.blobs.size()}, {"bytes_by_dtype", bytes}};
  for (const passes::Report& pass : report.passes)
    json["passes"].push_back(
        {{"pass", pass.pass}, {"changed", pass.counts.changed}, {"removed", pass.counts.removed}});
  if (flags.mil) json["mil"] = mil::print(package.program);
  if (flags.verify) {
    json["faults"] = Json::array();
    for (const auto& fault : report.faults)
      json["faults"].push_back({{"constraint", fault.constraint},
                                {"function", fault.function},
                                {"operation", fault.operation},
                                {"operation_index", fault.operation_index},
                                {"message", fault.message}});
  }
  return json;
}

}  // namespace anemone::tools
