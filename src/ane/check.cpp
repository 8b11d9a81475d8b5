#include "anemone/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "ane/op_support.h"
#include "ane/open_model.h"
#include "ane/rule.h"
#include "base/error.h"

namespace anemone::ane {
namespace {

Result<std::vector<const Chip*>> judged_chips(const CheckOptions& options) {
  std::vector<const Chip*> chips;
  if (!options.chip.empty()) {
    ANEMONE_TRY(const Chip* chip, find_chip(options.chip));
    return std::vector{chip};
  }
  for (const Chip& chip : all_chips()) chips.push_back(&chip);
  return chips;
}

/// Of a folder: which of its artifacts is judged.
struct Turn {
  size_t artifact = 0;
  size_t artifacts = 1;
};

Result<std::vector<Finding>> judge(const ModelView& model, const std::vector<const Chip*>& chips,
                                   const ProgressSink& progress, Turn turn = {}) {
  Findings findings(chips);
  const std::string item = model.path.string();
  const std::span<const Rule* const> rules = all_rules();
  for (size_t rule = 0; rule < rules.size(); ++rule) {
    const Progress now =
        turn.artifacts > 1 ? Progress{"checking", turn.artifact, turn.artifacts, "artifacts", item}
                           : Progress{"checking", rule, rules.size(), "rules", item};
    if (progress && !progress(now)) return fail(ErrorCode::interrupted, "interrupted");
    judge(model, *rules[rule], findings);
  }
  return std::move(findings).take();
}

CheckedArtifact describe(const ModelView& model) {
  CheckedArtifact artifact{.path = model.path, .form = model.form};
  for (const auto& package : model.packages) {
    if (!package->name.empty()) artifact.packages.push_back(package->name);
    if (!package->faults.empty()) continue;
    for (const FunctionView& function : package->functions)
      for (const OpView& op : function.ops()) {
        const auto& outputs = op.operation->outputs;
        if (!outputs.empty() && function.is_constant(outputs[0].name)) continue;
        const OpSupport support = support_of(function, op);
        ++(support == OpSupport::suited  ? artifact.ops.suited
           : support == OpSupport::never ? artifact.ops.unsuited
                                         : artifact.ops.unmeasured);
      }
  }
  return artifact;
}

CheckReport empty_report(const std::vector<const Chip*>& chips) {
  CheckReport report;
  for (const Chip* chip : chips) report.chips.push_back(chip->name);
  return report;
}

}  // namespace

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

const char* to_string(RuleFamily family) {
  return family == RuleFamily::hardware ? "hardware" : "converter";
}

std::string Finding::place() const {
  std::string text = package;
  const auto append = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : ": ") + part;
  };
  append(function);
  if (!operation_type.empty())
    append(fmt::format("op {} '{}' ({})", operation_index, operation, operation_type));
  return text;
}

size_t CheckReport::count(Severity severity) const {
  return static_cast<size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

std::vector<std::string_view> chip_names() {
  std::vector<std::string_view> names;
  for (const Chip& chip : all_chips()) names.push_back(chip.name);
  return names;
}

Result<std::vector<Finding>> check(const package::Package& package, const CheckOptions& options) {
  ANEMONE_TRY(const std::vector<const Chip*> chips, judged_chips(options));
  return judge(*view_of(package), chips, options.progress);
}

Result<CheckReport> check(const ModelInMemory& model, const CheckOptions& options) {
  ANEMONE_TRY(const std::vector<const Chip*> chips, judged_chips(options));
  const std::unique_ptr<ModelView> view = view_of(model);
  CheckReport report = empty_report(chips);
  report.artifacts.push_back(describe(*view));
  ANEMONE_TRY(report.findings, judge(*view, chips, options.progress));
  return report;
}

Result<CheckReport> check(const std::filesystem::path& path, const CheckOptions& options) {
  ANEMONE_TRY(const std::vector<const Chip*> chips, judged_chips(options));
  CheckReport report = empty_report(chips);
  const bool alone = is_artifact(path);
  FoundArtifacts found{.paths = {path}};
  if (!alone) {
    ANEMONE_TRY(found, artifacts_below(path, options.progress));
  }
  report.folders = found.folders;
  report.links_not_followed = found.links_not_followed;
  report.checkpoints = found.checkpoints;
  for (size_t i = 0; i < found.paths.size(); ++i) {
    const std::filesystem::path& artifact = found.paths[i];
    auto model = open_model(artifact);
    if (!model.ok()) {
      if (alone) return std::move(model).error();
      report.artifacts.push_back({.path = artifact, .form = "unreadable"});
      report.findings.push_back({.rule = "ill_formed",
                                 .severity = Severity::error,
                                 .artifact = artifact,
                                 .message = model.error().to_string()});
      continue;
    }
    report.artifacts.push_back(describe(**model));
    ANEMONE_TRY(std::vector<Finding> findings,
                judge(**model, chips, options.progress, {i, found.paths.size()}));
    std::ranges::move(findings, std::back_inserter(report.findings));
  }
  if (!found.paths.empty() || !found.checkpoints.empty()) return report;
  Error none = open_model(path).error();
  if (const size_t links = found.links_not_followed.size(); links > 0)
    none.hint =
        fmt::format("{}, not followed: {}",
                    links == 1 ? "one of its links leads to a folder outside"
                               : fmt::format("{} of its links lead to folders outside", links),
                    found.links_not_followed.front().string());
  return none;
}

}  // namespace anemone::ane
