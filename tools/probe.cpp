#include "anemone/probe.h"

#include <memory>

#include "command.h"
#include "probe_folder.h"
#include "probe_report.h"
#include "probe_side.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

Error wrong(std::string message, std::string hint) {
  return Error{ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
}

Status check(const ProbeFlags& flags) {
  if (flags.reference.empty() && flags.dump.empty())
    return wrong("probe needs --reference or --dump", "--reference CHECKPOINT");
  if (!flags.ids.empty() && !flags.text.empty())
    return wrong("--ids and --text exclude each other", {});
  if (flags.tokens == 0) return wrong("--tokens 0: no tokens to run", {});
  return {};
}

/// Whether the command fails: shapes that differ are no matter of tolerance.
Status verdict(const probe::Report& report, bool strict) {
  if (!report.shapes_differ.empty())
    return Error{ErrorCode::mismatch, report.shapes_differ.front(), {}, {}};
  if (!strict || report.passed()) return {};
  return Error{
      ErrorCode::mismatch, report.points[*report.first_over].name + " is over tolerance", {}, {}};
}

Status probe_model(const ProbeFlags& flags, const CommonFlags& common) {
  ANEMONE_TRY(ProbeSide model, ProbeSide::model(flags, common, flags.model.model));
  std::optional<ProbeSide> reference;
  if (!flags.reference.empty()) {
    ANEMONE_TRY(reference, ProbeSide::reference(flags, common));
  }
  if (!flags.names.empty() && !model.is_dump() && !(reference && reference->is_dump()))
    return wrong("--name says what an array of a dump is, and there is no dump",
                 "leave --name out");
  if (flags.bisect && (!reference || model.is_dump() || reference->is_dump()))
    return wrong("--bisect runs two models, a dump has no operations",
                 "--reference MODEL --reference-numerics fp32");
  ANEMONE_TRY(const auto ids, probed_ids(flags, model, reference ? &*reference : nullptr, common));
  ANEMONE_TRY(const probe::Trace* own, model.trace(ids, common));
  if (!flags.dump.empty()) ANEMONE_RETURN_IF_ERROR(probe::write_dump(flags.dump, *own));
  if (!reference) return {};
  const auto traced = reference->trace(ids, common);
  if (!traced.ok() && traced.error().code == ErrorCode::interrupted && !flags.dump.empty())
    return Error{ErrorCode::interrupted, "interrupted; " + flags.dump + " is whole", {}, {}};
  ANEMONE_TRY(const probe::Trace* theirs, traced);
  ANEMONE_TRY(const auto report, probe::compare(*theirs, *own, flags.tolerance));
  ProbeSubject subject{.model = model.path(),
                       .reference = reference->path(),
                       .tokens = ids.size(),
                       .tolerance = flags.tolerance,
                       .simulated = model.is_simulated() || reference->is_simulated()};
  if (flags.bisect) {
    ProgressLine progress(common);
    ANEMONE_TRY(subject.operation, probe::first_operation_over(
                                       reference->path(), reference->options(), model.path(),
                                       model.options(), ids, flags.tolerance, progress.sink()));
    subject.bisected = true;
  }
  ANEMONE_RETURN_IF_ERROR(
      write_stdout(common.json ? probe_json(report, subject) : probe_text(report, subject)));
  return verdict(report, flags.strict);
}

Status run_probe(const ProbeFlags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(check(flags));
  return is_artifact_folder(flags.model.model) ? probe_folder(flags, common)
                                               : probe_model(flags, common);
}

}  // namespace

Action add_probe(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<ProbeFlags>();
  app.description("Parity of a model with a reference, layer by layer");
  app.add_option(
         "model", flags->model.model,
         "Model, a dump (.npz, .pt), or a folder of artifacts, which are checked and probed whole")
      ->required();
  app.add_option("--reference", flags->reference,
                 "Checkpoint, model or dump (.npz, .pt) to compare with");
  app.add_option("--dump", flags->dump, "NumPy archive to write: input_ids and the model's points");
  app.add_option(
      "--ids", flags->ids,
      "File (.npz, .pt) with the token ids: integers input_ids [T], run whole, or as many "
      "as --tokens says");
  app.add_option("--text", flags->text, "Text file whose first tokens are run");
  add_tokenizer_flag(app, flags->model);
  app.add_option("--tokens", flags->tokens, "Most tokens to run (32; of --ids all)")
      ->check(whole_number());
  app.add_option("--seed", flags->seed, "Of the random tokens, where none are given (1337)")
      ->check(whole_number());
  app.add_option("--relative", flags->tolerance.relative,
                 "Most mean error over the reference's largest magnitude (0.02)")
      ->check(number_from_zero());
  app.add_option("--mse", flags->tolerance.mse, "Most mean squared error (0.001)")
      ->check(number_from_zero());
  app.add_option("--name", flags->names, "ARRAY=POINT: what an array of a dump is");
  app.add_option("--reference-numerics", flags->reference_numerics,
                 "fp16, fp32 or ane, for the reference (default: that of --numerics)");
  app.add_flag("--bisect", flags->bisect,
               "Name the first operation over tolerance, where both programs have the same names");
  app.add_flag("--strict", flags->strict,
               "Exit with 1 when a point is over tolerance; of a folder this holds without it");
  app.add_option("--adapter", flags->model.adapter,
                 "Adapter (LoRA, DoRA) to merge into a checkpoint, of MODEL");
  app.add_option("--context", flags->model.context,
                 "Most tokens of a sequence, for a checkpoint; 0: its positions, at most 2048")
      ->check(whole_number());
  app.footer("Example: anemone probe models/anemone-tiny-anemll --reference models/anemone-tiny");
  return [flags, &common] { return run_probe(*flags, common); };
}

}  // namespace anemone::tools
