#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "anemone/model.h"
#include "anemone/package.h"
#include "anemone/passes.h"
#include "anemone/program.h"
#include "command.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Flags {
  std::string model;
  bool mil = false;
  bool ops = false;
  bool kernels = false;
  bool verify = false;
  bool passes = false;
  passes::Options pass_options;
};

std::string human_bytes(uint64_t bytes) {
  constexpr double kMebibyte = 1024.0 * 1024.0;
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / kMebibyte);
}

const char* kind_name(package::Feature::Kind kind) {
  using Kind = package::Feature::Kind;
  switch (kind) {
    case Kind::multi_array:
      return "multi_array";
    case Kind::image:
      return "image";
    case Kind::state:
      return "state";
    case Kind::dictionary:
      return "dictionary";
    case Kind::sequence:
      return "sequence";
    case Kind::string:
      return "string";
    case Kind::int64:
      return "int64";
    case Kind::fp64:
      return "double";
  }
  return "unknown";
}

std::string shape_text(std::span<const int64_t> dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::string feature_text(const package::Feature& feature) {
  using Kind = package::Feature::Kind;
  if (feature.kind == Kind::image)
    return fmt::format("image {} x {}", feature.width, feature.height);
  if (feature.kind != Kind::multi_array && feature.kind != Kind::state)
    return kind_name(feature.kind);
  if (feature.shape.empty() && feature.ranges.empty())
    return fmt::format("{}, shape follows the inputs", to_string(feature.dtype));
  std::string text = fmt::format("{} {}", to_string(feature.dtype), shape_text(feature.shape));
  for (const auto& shape : feature.enumerated_shapes)
    if (shape != feature.shape) text += " or " + shape_text(shape);
  if (!feature.ranges.empty()) {
    text += " range";
    for (const auto& range : feature.ranges)
      text += range.upper < 0              ? fmt::format(" {}..", range.lower)
              : range.upper == range.lower ? fmt::format(" {}", range.lower)
                                           : fmt::format(" {}..{}", range.lower, range.upper);
  }
  return feature.is_optional ? text + " optional" : text;
}

Json feature_json(const package::Feature& feature) {
  using Kind = package::Feature::Kind;
  Json json = {{"name", feature.name}, {"kind", kind_name(feature.kind)}};
  if (feature.kind == Kind::image) {
    json["width"] = feature.width;
    json["height"] = feature.height;
  } else if (feature.kind == Kind::multi_array || feature.kind == Kind::state) {
    json["dtype"] = to_string(feature.dtype);
    json["shape"] = feature.shape;
  }
  if (!feature.enumerated_shapes.empty()) json["enumerated_shapes"] = feature.enumerated_shapes;
  for (const auto& range : feature.ranges)
    json["ranges"].push_back({range.lower, range.upper < 0 ? Json() : Json(range.upper)});
  if (feature.is_optional) json["optional"] = true;
  if (!feature.description.empty()) json["description"] = feature.description;
  return json;
}

void count_ops(const mil::Block& block, std::map<std::string, int64_t>& counts) {
  for (const mil::Operation& op : block.operations) {
    ++counts[op.type];
    for (const mil::Block& nested : op.blocks) count_ops(nested, counts);
  }
}

/// What one package is, gathered once for both forms of output.
struct PackageReport {
  package::Package package;
  std::vector<package::BlobEntry> blobs;
  std::vector<passes::Report> passes;
  mil::Diagnostics faults;
  std::map<std::string, std::map<std::string, int64_t>> ops;          // by function
  std::map<std::string, std::vector<runtime::KernelChoice>> kernels;  // by function
};

Result<PackageReport> examine(const fs::path& path, const Flags& flags, const CommonFlags& common) {
  PackageReport report;
  ANEMONE_TRY(report.package, package::open(path));
  ANEMONE_TRY(report.blobs, package::list_blobs(report.package));
  if (flags.passes) {
    ANEMONE_TRY(report.passes, passes::run(report.package.program, flags.pass_options));
  }
  for (const mil::Function& function : report.package.program.functions)
    count_ops(function.block, report.ops[function.name]);
  if (flags.verify) report.faults = package::verify(report.package);
  if (flags.kernels) {
    ANEMONE_TRY(const auto options, common.runtime_options());
    ANEMONE_TRY(const auto model, runtime::Model::load(report.package, options));
    for (const mil::Function& function : report.package.program.functions) {
      ANEMONE_TRY(report.kernels[function.name], model->kernels(function.name));
    }
  }
  return report;
}

const mil::Function* program_function(const package::Package& package, std::string_view name) {
  if (const mil::Function* function = package.program.find_function(name)) return function;
  return package.program.functions.size() == 1 ? &package.program.functions[0] : nullptr;
}

Json package_json(const PackageReport& report, const Flags& flags) {
  const package::Package& package = report.package;
  Json json = {{"path", package.path.string()},
               {"form", package::to_string(package.form)},
               {"specification_version", package.specification_version},
               {"default_function", package.default_function},
               {"metadata", package.metadata},
               {"weight_file_bytes", package.weight_file_bytes}};
  for (const auto& description : package.functions) {
    Json function = {{"name", description.name}};
    const mil::Function* body = program_function(package, description.name);
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
  json["blobs"] = {{"count", report.blobs.size()}, {"bytes_by_dtype", bytes}};
  for (const passes::Report& pass : report.passes)
    json["passes"].push_back(
        {{"pass", pass.pass}, {"changed", pass.counts.changed}, {"removed", pass.counts.removed}});
  if (flags.mil) json["mil"] = mil::print(package.program, 16);
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

std::string package_text(const PackageReport& report, const Flags& flags) {
  const package::Package& package = report.package;
  std::string text = fmt::format("{}\n  specification {}, weights {} in {} blobs\n",
                                 package.path.filename().string(), package.specification_version,
                                 human_bytes(package.weight_file_bytes), report.blobs.size());
  for (const auto& description : package.functions) {
    const mil::Function* body = program_function(package, description.name);
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
  for (const passes::Report& pass : report.passes)
    text += fmt::format("  {:<28} {:>6} changed {:>6} removed\n", pass.pass, pass.counts.changed,
                        pass.counts.removed);
  if (flags.verify) {
    for (const auto& fault : report.faults) text += fmt::format("  fault: {}\n", fault.to_string());
    if (report.faults.empty()) text += "  verified: no faults\n";
  }
  if (flags.mil) text += mil::print(package.program, 16);
  return text;
}

Status inspect(const Flags& flags, const CommonFlags& common) {
  const fs::path path = flags.model;
  std::vector<fs::path> parts;
  Json json = {{"version", 1}, {"path", path.string()}};
  std::string text;
  const std::optional<package::Form> form = package::form_of(path);
  std::error_code ignored;
  if (!form && fs::exists(path / "anemone.json", ignored) &&
      !fs::exists(path / "meta.yaml", ignored)) {
    for (const auto& entry : fs::directory_iterator(path, ignored))
      if (entry.path().extension() == ".mlpackage") parts.push_back(entry.path());
    std::ranges::sort(parts);
    json["form"] = "anemone";
    text = fmt::format("{}: {} package{}\n", path.string(), parts.size(),
                       parts.size() == 1 ? "" : "s");
  } else if (!form && fs::is_directory(path, ignored)) {
    ANEMONE_TRY(const auto directory, package::open_anemll(path));
    if (!directory.monolithic) parts = {directory.embeddings};
    parts.insert(parts.end(), directory.chunks.begin(), directory.chunks.end());
    parts.insert(parts.end(), directory.rotate_chunks.begin(), directory.rotate_chunks.end());
    if (!directory.monolithic) parts.push_back(directory.lm_head);
    json["form"] = directory.monolithic ? "anemll-monolithic" : "anemll";
    json["anemll"] = {{"name", directory.name},
                      {"version", directory.version},
                      {"architecture", directory.architecture},
                      {"context_length", directory.context_length},
                      {"batch_size", directory.batch_size},
                      {"num_chunks", directory.num_chunks},
                      {"parameters", directory.parameters}};
    text = fmt::format(
        "{}: ANEMLL {}{}, {}, context {}, prefill {}, {} chunk{}\n", directory.name,
        directory.version, directory.monolithic ? " monolith" : "",
        directory.architecture.empty() ? "architecture not named" : directory.architecture,
        directory.context_length, directory.batch_size, directory.num_chunks,
        directory.num_chunks == 1 ? "" : "s");
  } else {
    parts = {path};
    json["form"] = form ? Json(package::to_string(*form)) : Json();
  }
  size_t faults = 0;
  for (const fs::path& part : parts) {
    ANEMONE_TRY(const PackageReport report, examine(part, flags, common));
    faults += report.faults.size();
    if (common.json)
      json["packages"].push_back(package_json(report, flags));
    else
      text += package_text(report, flags);
  }
  ANEMONE_RETURN_IF_ERROR(write_stdout(
      common.json ? json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text));
  if (faults > 0)
    return Error{ErrorCode::corrupt,
                 fmt::format("{} fault{} found", faults, faults == 1 ? "" : "s"),
                 {},
                 {}};
  return {};
}

}  // namespace

Action add_inspect(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Functions, inputs, outputs, states, ops, weights and sizes");
  app.add_option("model", flags->model, "Model directory, .mlpackage or .mlmodelc")->required();
  app.add_flag("--mil", flags->mil, "Print the program (long constants cut)");
  app.add_flag("--ops", flags->ops, "Count ops by type");
  app.add_flag("--kernels", flags->kernels, "Say which op runs on which kernel");
  app.add_flag("--verify", flags->verify,
               "Check files, program and description; exit 1 on any fault");
  auto* passes = app.add_flag("--passes", flags->passes,
                              "Simplify the program first, with results unchanged, and say how");
  app.add_option("--no-pass", flags->pass_options.off, "Leave this pass out; may be repeated")
      ->needs(passes)
      ->allow_extra_args(false);
  app.footer("Example: anemone inspect models/anemone-tiny-anemll --verify");
  return [flags, &common] { return inspect(*flags, common); };
}

}  // namespace anemone::tools
