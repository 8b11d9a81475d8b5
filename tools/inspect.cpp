#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "anemone/checkpoint_summary.h"
#include "anemone/coreml.h"
#include "anemone/language_model.h"
#include "anemone/text.h"
#include "anemone/verify_folder.h"
#include "command.h"
#include "model_flags.h"
#include "package_report.h"
#include "states_text.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Flags {
  std::string model;
  ReportFlags report;
  bool compute_plan = false;
};

/// All that `inspect` found out, in the order in which it is shown.
struct Findings {
  Json json;
  std::string text;  ///< for people.
  std::string mil;
  size_t faults = 0;
  std::optional<Error> first;  ///< the first fault that is an error of opening something.
};

std::vector<fs::path> parts_of(const package::AnemllDirectory& directory) {
  std::vector<fs::path> parts;
  if (!directory.monolithic) parts = {directory.embeddings};
  parts.insert(parts.end(), directory.chunks.begin(), directory.chunks.end());
  parts.insert(parts.end(), directory.rotate_chunks.begin(), directory.rotate_chunks.end());
  if (!directory.monolithic) parts.push_back(directory.lm_head);
  return parts;
}

void describe(const package::AnemllDirectory& directory, Findings& findings) {
  findings.json["form"] = directory.monolithic ? "anemll-monolithic" : "anemll";
  findings.json["anemll"] = {{"name", directory.name},
                             {"version", directory.version},
                             {"architecture", directory.architecture},
                             {"context_length", directory.context_length},
                             {"batch_size", directory.batch_size},
                             {"num_chunks", directory.num_chunks},
                             {"parameters", directory.parameters}};
  findings.text = fmt::format(
      "{}: ANEMLL {}{}, {}, context {}, prefill {}, {} chunk{}\n", directory.name,
      directory.version, directory.monolithic ? " monolith" : "",
      directory.architecture.empty() ? "architecture not named" : directory.architecture,
      directory.context_length, directory.batch_size, directory.num_chunks,
      directory.num_chunks == 1 ? "" : "s");
}

/// Notes an error as a fault of `json`, the document or one of its packages.
void add_fault(const Error& error, Json& json, Findings& findings) {
  json["faults"].push_back(
      {{"constraint", anemone::to_string(error.code)}, {"message", error.to_string()}});
  findings.text += fmt::format("  fault: {}\n", error.to_string());
  ++findings.faults;
  if (!findings.first) findings.first = error;
}

Status inspect_packages(const std::vector<fs::path>& parts, const Flags& flags,
                        const CommonFlags& common, Findings& findings) {
  StateTotals totals;
  for (const fs::path& part : parts) {
    auto report = examine(part, flags.report, common);
    if (!report.ok()) {
      if (!flags.report.verify) return std::move(report).error();
      Json json = {{"path", part.string()}};
      findings.text += part.filename().string() + "\n";
      add_fault(report.error(), json, findings);
      findings.json["packages"].push_back(std::move(json));
      continue;
    }
    findings.faults += report->faults.size();
    findings.text += to_text(*report, flags.report);
    if (report->states) totals.add(*report->states);
    if (common.json) findings.json["packages"].push_back(to_json(*report, flags.report));
    if (!flags.report.mil || common.json) continue;
    if (parts.size() > 1) findings.mil += fmt::format("// {}\n", part.filename().string());
    findings.mil += mil::print(report->package.program);
  }
  if (!flags.report.states) return {};
  findings.json["states"] = totals.json();
  findings.text += totals.text();
  return {};
}

/// What only the packages together show: that they join to a language model, which has a tokenizer.
void verify_whole(const fs::path& path, const CommonFlags& common, Findings& findings) {
  const auto open = [&]() -> Status {
    lm::LanguageModel::Options options;
    ANEMONE_TRY(options.runtime, common.runtime_options());
    options.hash = false;
    ANEMONE_TRY(const auto model, lm::LanguageModel::open(path, options));
    return {};
  };
  const bool packages_are_sound = findings.faults == 0;
  for (const Error& fault : lm::verify_folder(path)) add_fault(fault, findings.json, findings);
  if (!packages_are_sound) return;
  if (const Status status = open(); !status.ok())
    add_fault(status.error(), findings.json, findings);
  if (const auto tokenizer = text::Tokenizer::load(path); !tokenizer.ok())
    add_fault(tokenizer.error(), findings.json, findings);
  if (findings.faults == 0) findings.text += "verified: the packages join, no faults\n";
}

Status inspect_checkpoint(const Flags& flags, Findings& findings) {
  ANEMONE_TRY(const CheckpointSummary summary, summarize_checkpoint(flags.model));
  Json& json = findings.json;
  json["form"] = "checkpoint";
  json.update({{"architecture", summary.architecture},
               {"layers", summary.layers},
               {"hidden_size", summary.hidden_size},
               {"vocab_size", summary.vocab_size},
               {"context_length", summary.context_length},
               {"elements", summary.elements},
               {"file_bytes", summary.file_bytes}});
  findings.text = fmt::format("{}: checkpoint", flags.model);
  if (!summary.architecture.empty())
    findings.text +=
        fmt::format(", {}, {}, hidden {}, vocabulary {}, context {}", summary.architecture,
                    counted(static_cast<size_t>(summary.layers), "layer"), summary.hidden_size,
                    summary.vocab_size, summary.context_length);
  constexpr double kMillion = 1e6;
  findings.text += fmt::format(
      "\n  {:.1f} M elements, {:.1f} MB in {}\n", static_cast<double>(summary.elements) / kMillion,
      static_cast<double>(summary.file_bytes) / kMillion, counted(summary.files.size(), "file"));
  for (const CheckpointSummary::Kind& kind : summary.kinds) {
    json["tensors"].push_back({{"dtype", anemone::to_string(kind.dtype)},
                               {"tensors", kind.tensors},
                               {"elements", kind.elements}});
    findings.text += fmt::format("  {:<8} {:>6} tensors {:>14} elements\n",
                                 anemone::to_string(kind.dtype), kind.tensors, kind.elements);
  }
  for (const fs::path& file : summary.files) {
    json["files"].push_back(file.filename().string());
    findings.text += fmt::format("  {}\n", file.filename().string());
  }
  if (flags.report.verify) json["faults"] = Json::array();
  if (summary.fault) add_fault(*summary.fault, json, findings);
  return {};
}

/// The packages of a folder that anemone.json joins, by name.
std::vector<fs::path> packages_in(const fs::path& folder) {
  std::vector<fs::path> packages;
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(folder, ignored);
       !ignored && entry != fs::directory_iterator(); entry.increment(ignored))
    if (entry->path().extension() == ".mlpackage") packages.push_back(entry->path());
  std::ranges::sort(packages);
  return packages;
}

/// Notes the packages that anemone.json names and the folder does not have.
void find_missing(const fs::path& folder, const std::vector<fs::path>& there, Findings& findings) {
  std::ifstream stream(folder / "anemone.json");
  const auto manifest = nlohmann::json::parse(stream, nullptr, false);
  std::set<fs::path> missing;
  if (manifest.is_object() && manifest.contains("files") && manifest["files"].is_object())
    for (const auto& [name, digest] : manifest["files"].items()) {
      const fs::path package = folder / name.substr(0, name.find('/'));
      if (package.extension() == ".mlpackage") missing.insert(package);
    }
  for (const fs::path& path : there) missing.erase(path);
  for (const fs::path& path : missing)
    add_fault({ErrorCode::not_found, path.string() + " is missing, anemone.json names it", {}, {}},
              findings.json, findings);
  if (missing.empty() && there.empty())
    add_fault({ErrorCode::not_found, folder.string() + ": there is no package", {}, {}},
              findings.json, findings);
}

std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> models;
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(folder, ignored);
       !ignored && entry != fs::directory_iterator(); entry.increment(ignored))
    if (package::form_of(entry->path())) models.push_back(entry->path());
  std::ranges::sort(models);
  return models;
}

/// Of a folder with packages and no file that says how they join.
Error no_manifest(const fs::path& folder, const std::vector<fs::path>& packages) {
  return {ErrorCode::not_found,
          folder.string() +
              ": there is neither anemone.json nor meta.yaml, which say how packages join",
          {},
          fmt::format("give {}: {}; ANEMLL's converter writes meta.yaml in its last step",
                      packages.size() == 1 ? "the package itself" : "one package",
                      packages.front().string())};
}

Status examine_model(const Flags& flags, const CommonFlags& common, Findings& findings) {
  const fs::path path = flags.model;
  const std::optional<package::Form> form = package::form_of(path);
  std::error_code ignored;
  const bool joins_packages =
      fs::exists(path / "anemone.json", ignored) || fs::exists(path / "meta.yaml", ignored);
  if (is_checkpoint(path)) {
    if (flags.report.states)
      return Error{ErrorCode::invalid_argument,
                   path.string() + ": a checkpoint has no states",
                   {},
                   "`anemone convert` makes packages, which have"};
    return inspect_checkpoint(flags, findings);
  }
  if (form || !fs::is_directory(path, ignored)) {
    findings.json["form"] = form ? Json(package::to_string(*form)) : Json();
    return inspect_packages({path}, flags, common, findings);
  }
  if (flags.report.verify) findings.json["faults"] = Json::array();
  std::vector<fs::path> parts;
  if (fs::exists(path / "anemone.json", ignored) && !fs::exists(path / "meta.yaml", ignored)) {
    parts = packages_in(path);
    findings.json["form"] = "anemone";
    findings.text = fmt::format("{}: {}\n", path.string(), counted(parts.size(), "package"));
    if (!flags.report.verify) find_missing(path, parts, findings);
  } else {
    if (!joins_packages) {
      const std::vector<fs::path> models = models_in(path);
      if (models.empty()) return no_model(path);
      if (!flags.report.verify) return no_manifest(path, models);
      add_fault(no_manifest(path, models), findings.json, findings);
      return {};
    }
    const auto directory = package::open_anemll(path);
    if (!directory.ok()) {
      if (!flags.report.verify) return directory.error();
      add_fault(directory.error(), findings.json, findings);
      return {};
    }
    describe(*directory, findings);
    parts = parts_of(*directory);
  }
  ANEMONE_RETURN_IF_ERROR(inspect_packages(parts, flags, common, findings));
  if (flags.report.verify) verify_whole(path, common, findings);
  return {};
}

Status print_plan(const Flags& flags, const CommonFlags& common) {
  ANEMONE_TRY(const auto units, runtime::parse_compute_units(common.compute_units));
  ANEMONE_TRY(const std::string plan, runtime::compute_plan(flags.model, units));
  return write_stdout(plan);
}

Status inspect(const Flags& flags, const CommonFlags& common) {
  if (flags.compute_plan) return print_plan(flags, common);
  Findings findings;
  findings.json = {{"version", 1}, {"path", flags.model}};
  ANEMONE_RETURN_IF_ERROR(examine_model(flags, common, findings));
  const bool only_mil = flags.report.mil && !common.json;
  if (only_mil && !common.quiet) print_stderr("{}", findings.text);
  ANEMONE_RETURN_IF_ERROR(write_stdout(
      common.json ? findings.json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                  : (only_mil ? findings.mil : findings.text)));
  if (findings.first) return *std::move(findings.first);
  if (findings.faults > 0)
    return Error{ErrorCode::corrupt, counted(findings.faults, "fault") + " found", {}, {}};
  return {};
}

}  // namespace

Action add_inspect(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description(
      "Functions, inputs, outputs, states, ops, weights and sizes; of a checkpoint "
      "its config and tensors");
  app.add_option("model", flags->model, "Model directory, .mlpackage, .mlmodelc or checkpoint")
      ->required();
  app.add_flag("--mil", flags->report.mil,
               "Print the program and nothing else; the summary goes to stderr");
  app.add_flag("--ops", flags->report.ops, "Count ops by type");
  app.add_flag("--kernels", flags->report.kernels, "Say which op runs on which kernel");
  app.add_flag("--states", flags->report.states,
               "Run every function with states on zeros, and say how the states lie in memory and "
               "what a call reads, writes and copies of them");
  app.add_flag("--verify", flags->report.verify,
               "Check files, program and description, and of a directory that its packages join; "
               "exit 1 on any fault");
  app.add_flag("--compute-plan", flags->compute_plan,
               "Print where Core ML would run each op of a package, as JSON, and nothing else; "
               "macOS 14.4");
  auto* passes = app.add_flag("--passes", flags->report.passes,
                              "Simplify the program first, with results unchanged, and say how");
  app.add_option("--no-pass", flags->report.pass_options.off,
                 "Leave this pass out; may be repeated")
      ->needs(passes)
      ->allow_extra_args(false);
  app.footer("Example: anemone inspect models/anemone-tiny-anemll --verify");
  return [flags, &common] { return inspect(*flags, common); };
}

}  // namespace anemone::tools
