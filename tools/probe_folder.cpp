#include "probe_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "anemone/check.h"
#include "probe_folder_report.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

namespace fs = std::filesystem;

/// What the rules say of each artifact, in the order of their paths.
std::vector<ProbedArtifact> checked(const ane::CheckReport& report) {
  std::vector<ProbedArtifact> artifacts;
  for (const auto& artifact : report.artifacts) {
    ProbedArtifact& own = artifacts.emplace_back();
    own.path = artifact.path.string();
    own.form = artifact.form;
    for (const ane::Finding& finding : report.findings) {
      if (finding.artifact != artifact.path) continue;
      own.warnings += finding.severity == ane::Severity::warning;
      if (finding.severity != ane::Severity::error) continue;
      ++own.errors;
      if (std::ranges::find(own.rules, finding.rule) == own.rules.end())
        own.rules.push_back(finding.rule);
    }
  }
  return artifacts;
}

Result<probe::Report> compared(const ProbeFlags& flags, const CommonFlags& common,
                               ProbeSide& reference, ProbedArtifact& artifact) {
  ANEMONE_TRY(ProbeSide model, ProbeSide::model(flags, common, artifact.path));
  artifact.simulated = model.is_simulated() || reference.is_simulated();
  ANEMONE_TRY(const auto ids, probed_ids(flags, model, &reference, common));
  artifact.tokens = ids.size();
  ANEMONE_TRY(const probe::Trace* own, model.trace(ids, common));
  ANEMONE_TRY(const probe::Trace* theirs, reference.trace(ids, common));
  return probe::compare(*theirs, *own, flags.tolerance);
}

Result<ane::CheckReport> rules_over(const std::string& folder, const CommonFlags& common) {
  ProgressLine progress(common);
  return ane::check(folder, {.progress = progress.sink()});
}

Status check(const ProbeFlags& flags) {
  const auto wrong = [](std::string message, std::string hint) {
    return Error{ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
  };
  if (flags.reference.empty())
    return wrong("a folder of artifacts is held against a reference", "--reference CHECKPOINT");
  if (!flags.dump.empty() || flags.bisect || !flags.model.adapter.empty() ||
      flags.model.context > 0)
    return wrong("--dump, --bisect, --adapter and --context are of one model",
                 "name one of the folder's artifacts");
  return {};
}

}  // namespace

bool is_artifact_folder(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) || package::form_of(path)) return false;
  return std::ranges::none_of(kModelFiles,
                              [&](const char* file) { return fs::exists(path / file, ignored); });
}

Status probe_folder(const ProbeFlags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(check(flags));
  ANEMONE_TRY(ProbeSide reference, ProbeSide::reference(flags, common));
  if (!reference.is_dump()) {
    ANEMONE_TRY([[maybe_unused]] const lm::ModelInfo info,
                probe::describe_model(reference.path(), reference.options()));
  }
  if (!reference.dumped_ids().empty()) {
    ANEMONE_TRY([[maybe_unused]] const auto ids, probed_ids(flags, reference, nullptr, common));
  }
  ANEMONE_TRY(const ane::CheckReport report, rules_over(flags.model.model, common));
  if (report.artifacts.empty())
    return Error{ErrorCode::not_found,
                 fmt::format("{}: it holds {} and no packages", flags.model.model,
                             counted(report.checkpoints.size(), "checkpoint")),
                 {},
                 "name a checkpoint to probe it: " + report.checkpoints.front().string()};
  ProbeFlags each = flags;
  if (each.model.tokenizer.empty() && !reference.is_dump()) each.model.tokenizer = flags.reference;
  std::vector<ProbedArtifact> artifacts = checked(report);
  for (ProbedArtifact& artifact : artifacts) {
    auto parity = compared(each, common, reference, artifact);
    if (interrupted()) return Error{ErrorCode::interrupted, "interrupted", {}, {}};
    if (parity.ok())
      artifact.parity = std::move(parity).value();
    else
      artifact.failure = parity.error().to_string();
  }
  const PassedOver passed_over{report.checkpoints, report.links_not_followed};
  ANEMONE_RETURN_IF_ERROR(write_stdout(common.json
                                           ? probe_folder_json(artifacts, passed_over, flags)
                                           : probe_folder_text(artifacts, passed_over)));
  const auto failed = std::ranges::count_if(
      artifacts, [](const ProbedArtifact& artifact) { return !artifact.passed(); });
  if (failed == 0) return {};
  return Error{ErrorCode::mismatch,
               fmt::format("{} of {} failed", failed, counted(artifacts.size(), "artifact")),
               {},
               "anemone check and anemone probe with one of them tell more"};
}

}  // namespace anemone::tools
