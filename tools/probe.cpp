#include "anemone/probe.h"

#include <algorithm>
#include <limits>
#include <map>

#include "command.h"
#include "input_text.h"
#include "model_flags.h"
#include "probe_report.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

constexpr int64_t kDefaultTokens = 32;

struct Flags {
  ModelFlags model;
  std::string reference;
  std::string reference_numerics;
  std::string dump;
  std::string ids;
  std::string text;
  int64_t tokens = kDefaultTokens;
  uint64_t seed = 1337;
  probe::Tolerance tolerance;
  std::vector<std::string> names;
  bool bisect = false;
  bool strict = false;
};

Error wrong(std::string message, std::string hint) {
  return Error{ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
}

Result<std::map<std::string, std::string>> names_of(const Flags& flags) {
  std::map<std::string, std::string> names;
  for (const std::string& name : flags.names) {
    const size_t at = name.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == name.size())
      return wrong("--name " + name + " is not ARRAY=POINT", "--name hidden.3=layer.2");
    names[name.substr(0, at)] = name.substr(at + 1);
  }
  return names;
}

Result<lm::LanguageModel::Options> options_of(const Flags& flags, const CommonFlags& common) {
  lm::LanguageModel::Options options;
  ANEMONE_TRY(options.runtime, common.runtime_options());
  options.adapter = flags.model.adapter;
  options.context = flags.model.context;
  return options;
}

/// Of the reference: never an adapter, which belongs to MODEL.
Result<lm::LanguageModel::Options> reference_options_of(const Flags& flags,
                                                        const CommonFlags& common) {
  CommonFlags own = common;
  if (!flags.reference_numerics.empty()) own.numerics = flags.reference_numerics;
  lm::LanguageModel::Options options;
  ANEMONE_TRY(options.runtime, own.runtime_options());
  return options;
}

Result<std::vector<int32_t>> ids_of_file(const std::string& file) {
  ANEMONE_TRY(const auto arrays, read_npz(file));
  for (const NamedTensor& array : arrays) {
    if (array.name != "input_ids" && array.name != "ids" && array.name != "ids0") continue;
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < array.tensor.element_count(); ++i) {
      const double id = is_integer(array.tensor.dtype()) ? array.tensor.at(i) : -1;
      if (id < 0 || id > std::numeric_limits<int32_t>::max())
        return Error{ErrorCode::mismatch, file + ": " + array.name + " are no token ids", {}, {}};
      ids.push_back(static_cast<int32_t>(id));
    }
    return ids;
  }
  return Error{ErrorCode::not_found, file + ": no array input_ids, ids or ids0", {}, {}};
}

/// Tokens that are given, or random ones of `model`'s vocabulary, as many as its context holds.
Result<std::vector<int32_t>> choose_ids(const Flags& flags, const std::string& model,
                                        const lm::LanguageModel::Options& options) {
  if (!flags.ids.empty()) return ids_of_file(flags.ids);
  ANEMONE_TRY(const lm::ModelInfo info, probe::describe_model(model, options));
  const int64_t most = std::min(flags.tokens, info.context_length);
  if (flags.text.empty()) return probe::random_ids(most, info.vocab_size, flags.seed);
  ANEMONE_TRY(const std::string text, read_text(flags.text));
  ANEMONE_TRY(const auto tokenizer,
              text::Tokenizer::load(flags.model.tokenizer.empty() ? model : flags.model.tokenizer));
  ANEMONE_TRY(auto ids, tokenizer.encode(text, true));
  if (ids.empty()) return Error{ErrorCode::mismatch, flags.text + ": no tokens", {}, {}};
  ids.resize(std::min(ids.size(), static_cast<size_t>(most)));
  return ids;
}

struct Sides {
  probe::Trace model;
  std::optional<probe::Trace> reference;
  std::vector<int32_t> ids;
};

Result<Sides> trace_sides(const Flags& flags, const CommonFlags& common) {
  const std::string& model = flags.model.model;
  ANEMONE_TRY(const auto options, options_of(flags, common));
  ANEMONE_TRY(const auto reference_options, reference_options_of(flags, common));
  ANEMONE_TRY(const auto names, names_of(flags));
  Sides sides;
  if (probe::is_dump(model)) {
    ANEMONE_TRY(sides.model, probe::read_dump(model, names));
    sides.ids = sides.model.ids;
  }
  if (!flags.reference.empty() && probe::is_dump(flags.reference)) {
    ANEMONE_TRY(sides.reference, probe::read_dump(flags.reference, names));
    if (sides.ids.empty()) sides.ids = sides.reference->ids;
  }
  const bool runs_model = !probe::is_dump(model);
  const bool runs_reference = !flags.reference.empty() && !sides.reference;
  if (!runs_model && !runs_reference) return sides;
  if (sides.ids.empty()) {
    if (!runs_model || sides.reference) {
      if (flags.ids.empty())
        return Error{ErrorCode::mismatch,
                     (runs_model ? flags.reference : model) + ": no input_ids",
                     {},
                     "a dump says its token ids, or --ids does"};
    }
    ANEMONE_TRY(sides.ids, choose_ids(flags, model, options));
  }
  if (sides.ids.empty()) return wrong("no tokens to run", "give at least one");
  if (runs_model) {
    ANEMONE_TRY(sides.model, probe::trace_model(model, options, sides.ids));
  }
  if (runs_reference) {
    ANEMONE_TRY(sides.reference, probe::trace_model(flags.reference, reference_options, sides.ids));
  }
  return sides;
}

Result<std::optional<probe::OperationError>> bisect(const Flags& flags, const CommonFlags& common,
                                                    const std::vector<int32_t>& ids) {
  ANEMONE_TRY(const auto options, options_of(flags, common));
  ANEMONE_TRY(const auto reference_options, reference_options_of(flags, common));
  return probe::first_operation_over(flags.reference, reference_options, flags.model.model, options,
                                     ids, flags.tolerance);
}

Status check(const Flags& flags) {
  if (flags.reference.empty() && flags.dump.empty())
    return wrong("probe needs --reference or --dump", "--reference CHECKPOINT");
  if (!flags.ids.empty() && !flags.text.empty())
    return wrong("--ids and --text exclude each other", {});
  if (flags.tokens < 1) return wrong("--tokens 0: no tokens to run", {});
  const bool dumps = probe::is_dump(flags.model.model) || probe::is_dump(flags.reference);
  if (flags.bisect && (flags.reference.empty() || dumps))
    return wrong("--bisect runs two models, a dump has no operations",
                 "--reference MODEL --reference-numerics fp32");
  return {};
}

Status run_probe(const Flags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(check(flags));
  ANEMONE_TRY(const Sides sides, trace_sides(flags, common));
  if (!flags.dump.empty()) ANEMONE_RETURN_IF_ERROR(probe::write_dump(flags.dump, sides.model));
  if (!sides.reference) return {};
  ANEMONE_TRY(const auto report, probe::compare(*sides.reference, sides.model, flags.tolerance));
  ProbeSubject subject{
      flags.model.model, flags.reference, sides.ids.size(), flags.tolerance, {}, {}};
  if (flags.bisect) {
    ANEMONE_TRY(subject.operation, bisect(flags, common, sides.ids));
    subject.bisected = true;
  }
  ANEMONE_RETURN_IF_ERROR(
      write_stdout(common.json ? probe_json(report, subject) : probe_text(report, subject)));
  if (!flags.strict || report.passed()) return {};
  return Error{
      ErrorCode::mismatch, report.points[*report.first_over].name + " is over tolerance", {}, {}};
}

}  // namespace

Action add_probe(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Parity of a model with a reference, layer by layer");
  app.add_option("model", flags->model.model, "Model, or a dump (.npz, .pt)")->required();
  app.add_option("--reference", flags->reference,
                 "Checkpoint, model or dump (.npz, .pt) to compare with");
  app.add_option("--dump", flags->dump, "NumPy archive to write: input_ids and the model's points");
  app.add_option("--ids", flags->ids, "NumPy archive with the token ids: input_ids int32 [T]");
  app.add_option("--text", flags->text, "Text file whose first tokens are run");
  add_tokenizer_flag(app, flags->model);
  app.add_option("--tokens", flags->tokens, "Most tokens to run (32)")->check(whole_number());
  app.add_option("--seed", flags->seed, "Of the random tokens, where none are given (1337)")
      ->check(whole_number());
  app.add_option("--relative", flags->tolerance.relative,
                 "Most mean error over the reference's largest magnitude (0.02)")
      ->check(number_from_zero());
  app.add_option("--mse", flags->tolerance.mse, "Most mean squared error (0.001)")
      ->check(number_from_zero());
  app.add_option("--name", flags->names, "ARRAY=POINT: what an array of a dump is");
  app.add_option("--reference-numerics", flags->reference_numerics,
                 "fp16 or fp32, for the reference (default: that of --numerics)");
  app.add_flag("--bisect", flags->bisect,
               "Name the first operation over tolerance, where both programs have the same names");
  app.add_flag("--strict", flags->strict, "Exit with 1 when a point is over tolerance");
  app.add_option("--adapter", flags->model.adapter,
                 "Adapter (LoRA, DoRA) to merge into a checkpoint, of MODEL");
  app.add_option("--context", flags->model.context,
                 "Most tokens of a sequence, for a checkpoint; 0: its positions, at most 2048")
      ->check(whole_number());
  app.footer("Example: anemone probe models/anemone-tiny-anemll --reference models/anemone-tiny");
  return [flags, &common] { return run_probe(*flags, common); };
}

}  // namespace anemone::tools
