#include "checked_models.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "anemone/checkpoint_summary.h"
#include "anemone/convert.h"
#include "model_flags.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

/// The programs that `convert` would write of a checkpoint, which `built` keeps.
Result<ane::CheckReport> check_checkpoint(const std::filesystem::path& model,
                                          const ane::CheckOptions& options, BuiltModels& built) {
  ConvertOptions convert;
  convert.progress = options.progress;
  ANEMONE_TRY(BuiltModel made, build_model(model, convert));
  const auto& kept = built[model] = {.path = model,
                                     .form = "checkpoint",
                                     .layers = made.layers,
                                     .packages = std::move(made.packages)};
  return ane::check(kept, options);
}

/// Whether a checkpoint in a folder is none that anyone meant to have judged, and no fault of the
/// folder: of a family that is not known or named, or an adapter whose base lies elsewhere.
bool is_no_fault(const std::filesystem::path& checkpoint, const Error& error) {
  std::error_code ignored;
  if (error.code == ErrorCode::unsupported) return true;
  if (error.code == ErrorCode::not_found)
    return std::filesystem::exists(checkpoint / "adapter_config.json", ignored);
  std::ifstream file(checkpoint / "config.json");
  const auto config = nlohmann::json::parse(file, nullptr, false);
  return config.is_object() && !config.contains("model_type");
}

/// Adds what was found in checkpoints of a folder; one that cannot be read is a finding, as other
/// artifacts there are.
Status add_checkpoints(ane::CheckReport& report, const ane::CheckOptions& options,
                       BuiltModels& built) {
  for (const std::filesystem::path& checkpoint : report.checkpoints) {
    auto part = check_checkpoint(checkpoint, options, built);
    if (!part.ok() && part.error().code == ErrorCode::interrupted) return std::move(part).error();
    if (!part.ok() && is_no_fault(checkpoint, part.error())) {
      report.not_judged.push_back({checkpoint, part.error().to_string()});
      continue;
    }
    if (!part.ok()) {
      report.artifacts.push_back({.path = checkpoint, .form = "unreadable"});
      report.findings.push_back({.rule = "ill_formed",
                                 .severity = ane::Severity::error,
                                 .artifact = checkpoint,
                                 .message = part.error().to_string()});
      continue;
    }
    std::ranges::move(part->artifacts, std::back_inserter(report.artifacts));
    std::ranges::move(part->findings, std::back_inserter(report.findings));
  }
  return {};
}

/// Errors: not_found (a file that is part of a model, or of none).
Status check_is_whole(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) || package::form_of(path) ||
      is_weights_file(path))
    return {};
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const bool is_part = std::ranges::any_of(kModelFiles, [&](const char* file) {
    return std::filesystem::exists(folder / file, ignored);
  });
  return Error{ErrorCode::not_found,
               path.string() + ": there is no model in this file",
               {},
               is_part ? "name its folder: " + folder.string() : no_model(path).hint};
}

}  // namespace

Result<ane::CheckReport> check_model(const std::string& model, const std::string& chip,
                                     const CommonFlags& common, BuiltModels& built) {
  ANEMONE_RETURN_IF_ERROR(check_is_whole(model));
  ProgressLine progress(common);
  const ane::CheckOptions options{.chip = chip, .progress = progress.sink()};
  if (is_checkpoint(model)) return check_checkpoint(model, options, built);
  ANEMONE_TRY(ane::CheckReport report, ane::check(model, options));
  ANEMONE_RETURN_IF_ERROR(add_checkpoints(report, options, built));
  if (report.artifacts.empty() && !report.not_judged.empty())
    return Error{ErrorCode::not_found,
                 model + ": there is no model that can be judged",
                 {},
                 "not judged: " + report.not_judged.front().reason};
  return report;
}

void add_part(ane::CheckReport part, ane::CheckReport& report,
              std::set<std::filesystem::path>& known) {
  report.chips = part.chips;
  report.folders += part.folders;
  std::ranges::move(part.links_not_followed, std::back_inserter(report.links_not_followed));
  for (ane::NotJudged& one : part.not_judged) {
    std::error_code ignored;
    if (known.insert(std::filesystem::weakly_canonical(one.path, ignored)).second)
      report.not_judged.push_back(std::move(one));
  }
  for (auto& artifact : part.artifacts) {
    std::error_code ignored;
    if (!known.insert(std::filesystem::weakly_canonical(artifact.path, ignored)).second) continue;
    for (ane::Finding& finding : part.findings)
      if (finding.artifact == artifact.path) report.findings.push_back(std::move(finding));
    report.artifacts.push_back(std::move(artifact));
  }
}

}  // namespace anemone::tools
