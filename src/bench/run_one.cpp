#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "bench/beside.h"
#include "bench/campaign.h"
#include "bench/function_times.h"
#include "bench/machine.h"
#include "bench/no_compiled_packages.h"
#include "bench/prompt.h"
#include "bench/reference_work.h"
#include "bench/sweep.h"
#include "bench/thermal.h"
#include "lm/anemone_manifest.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

runtime::ComputeUnits units_of(const Configuration& one) {
  const auto units = runtime::parse_compute_units(one.compute_units);
  ANEMONE_CHECK(units.ok(), "check_options knows the same names");
  return *units;
}

/// What is noted once stays: a load that knows better than to ask Core ML again says less.
void note_execution(Configuration& one, runtime::Execution execution) {
  if (one.execution)
    for (std::string& note : one.execution->notes)
      if (std::ranges::find(execution.notes, note) == execution.notes.end())
        execution.notes.push_back(std::move(note));
  one.execution = std::move(execution);
}

Result<std::optional<double>> load_uncompiled(const Variants::Choice& choice,
                                              const lm::LanguageModel::Options& options,
                                              Clock& clock) {
  ANEMONE_TRY(const NoCompiledPackages none, NoCompiledPackages::make());
  const int64_t start = clock.now_ns();
  ANEMONE_TRY(const auto model, lm::LanguageModel::open(choice.path, options));
  const int64_t end = clock.now_ns();
  if (!none.has_compiled()) return std::optional<double>();
  return std::optional(static_cast<double>(end - start));
}

}  // namespace

int64_t Campaign::answer_tokens_of(const Configuration& one) const {
  return std::min(options_.answer_tokens, one.context_tokens / 2);
}

int64_t Campaign::prompt_tokens_of(const Configuration& one) const {
  return one.context_tokens - answer_tokens_of(one);
}

Result<Prompt> Campaign::prompt_of(const Configuration& one) const {
  const int64_t tokens = prompt_tokens_of(one);
  if (!tokenizer_) return make_random_prompt(report_.model.vocabulary, tokens, options_.seed);
  const std::string_view text =
      options_.prompt.empty() ? builtin_text() : std::string_view(options_.prompt);
  return make_prompt(*tokenizer_, text, tokens);
}

lm::LanguageModel::Options Campaign::open_options(const Configuration& one,
                                                  const Variants::Choice& choice) const {
  lm::LanguageModel::Options options;
  options.runtime.numerics = numerics_;
  options.runtime.threads = one.threads;
  options.runtime.isa = options_.isa;
  // Other units than the CPU are Core ML's: no other backend takes their place.
  options.runtime.backend =
      one.compute_units == "cpu" ? options_.backend : runtime::Backend::coreml;
  options.runtime.compute_units = units_of(one);
  options.single_steps = choice.single_steps;
  options.context = choice.context;
  options.hash = false;
  return options;
}

Subject Campaign::subject_of(Configuration& one, const Variants::Choice& choice,
                             const lm::LanguageModel::Options& options) {
  Subject subject;
  subject.answer_tokens = answer_tokens_of(one);
  subject.files = choice.path;
  subject.threads = one.threads;
  subject.batch_repetitions = options_.repetitions;
  subject.open = [&](std::shared_ptr<runtime::Observer> observer) -> OpenedModel {
    lm::LanguageModel::Options own = options;
    // Core ML shows nothing of the inside of its functions.
    if (!one.execution || one.execution->backend == runtime::Backend::cpu) {
      own.runtime.observer = std::move(observer);
      if (one.execution) own.runtime.backend = runtime::Backend::cpu;
    }
    ANEMONE_TRY(auto model, lm::LanguageModel::open(choice.path, own));
    note_execution(one, model->info().execution);
    return model;
  };
  if (may_use_coreml(options_) && options_.loads > 0 &&
      seen_uncompiled_.insert(one.artifact->hash + one.compute_units).second)
    subject.load_uncompiled = [&](Clock& clock) { return load_uncompiled(choice, options, clock); };
  return subject;
}

Status Campaign::find_artifact(Configuration& one) {
  // Once: `describe` adds what was found to what was asked for.
  ANEMONE_TRY(auto choice, variants_.choose(one, options_, log_, [&] { return may_prepare(); }));
  ANEMONE_RETURN_IF_ERROR(describe(one, choice, open_options(one, choice)));
  choices_.emplace(&one, std::move(choice));
  return {};
}

Status Campaign::measure_one(Configuration& one, int visit) {
  const Variants::Choice& choice = choices_.at(&one);
  const lm::LanguageModel::Options options = open_options(one, choice);
  Subject subject = subject_of(one, choice, options);
  subject.again = visit > 0;
  ANEMONE_TRY(subject.prompt, prompt_of(one));
  const Meters meters{clock_,
                      memory_,
                      *energy_,
                      drop_from_page_cache,
                      [] { return hottest_zone(kThermalZones); },
                      used_cpu_seconds,
                      tells_speed_of(one) ? [&] { return reference_work_ns(clock_, one.threads); }
                                          : std::function<Result<double>()>()};
  const std::string item = one.id();
  const auto tick = [&] {
    ++done_;
    return tick_nothing(item);
  };
  ANEMONE_TRY(Measured measured,
              measure(subject, of_visit(options_, visit, visits_), meters, tick));
  note_execution(one, measured.model->execution());
  Visited now{std::move(measured.measurement), std::move(measured.at_seconds)};
  if (one.measurement) {
    Visited whole{*std::move(one.measurement), std::move(at_seconds_[&one])};
    add_visit(whole, std::move(now), options_);
    now = std::move(whole);
  }
  one.measurement = std::move(now.measurement);
  at_seconds_[&one] = std::move(now.at_seconds);
  // Visits beyond the planned ones add to what is measured already.
  const bool is_done = visit >= visits_ || (visit + 1 == visits_ && !measured.interrupted);
  one.outcome = is_done ? Outcome::measured : Outcome::interrupted;
  one.reason = is_done
                   ? ""
                   : fmt::format("{} of {} timed requests are done",
                                 one.measurement->request_ns.samples.size(), options_.repetitions);
  add_floor(one, choice);
  if (visit == 0) predict(choice.path, options_.chips, one.measurement->prompt_tokens, one);
  if (measured.interrupted) return fail(ErrorCode::interrupted, "interrupted");
  if (visit > 0) return {};
  return add_beside(one, choice, options, std::move(subject.prompt), std::move(measured.model));
}

Status Campaign::add_beside(Configuration& one, const Variants::Choice& choice,
                            lm::LanguageModel::Options options, Prompt prompt,
                            std::unique_ptr<lm::LanguageModel> model) {
  const std::string item = one.id();
  ANEMONE_RETURN_IF_ERROR(excuse(hold_against_cpu(one, prompt.ids, *model), item,
                                 one.measurement->outputs.beside_cpu_reason));
  if (!options_.functions || choice.context != 0 ||
      !timed_functions_.insert(one.artifact->hash + one.group()).second)
    return {};
  model.reset();
  options.runtime.backend = one.execution->backend;
  const auto time = [&]() -> Status {
    ANEMONE_TRY(one.functions, time_functions(choice.path, options.runtime, options_, clock_,
                                              [&] { return tick_nothing(item); }));
    return {};
  };
  return excuse(time(), item, one.functions_reason);
}

Status Campaign::describe(Configuration& one, const Variants::Choice& choice,
                          lm::LanguageModel::Options options) {
  auto known = artifacts_.find(choice.path.string() + "@" + std::to_string(choice.context));
  if (known == artifacts_.end()) {
    options.hash = true;
    ANEMONE_TRY(const auto model, lm::LanguageModel::open(choice.path, options));
    known = artifacts_
                .emplace(choice.path.string() + "@" + std::to_string(choice.context), model->info())
                .first;
  }
  const lm::ModelInfo& info = known->second;
  if (report_.model.name.empty()) name_model(info);
  // Of the longest variant the information has the name of the folder.
  const bool is_variant = variants_.source() == Source::variants;
  one.artifact = Artifact{.name = choice.converted ? report_.model.name
                                  : is_variant     ? choice.path.stem().string()
                                                   : info.name,
                          .hash = info.hash,
                          .weight_bytes = info.weight_bytes,
                          .context_tokens = info.context_length,
                          .converted = choice.converted,
                          .checkpoint_hash = {}};
  if (choice.converted) {
    ANEMONE_TRY(const auto manifest, lm::read_anemone_manifest(choice.path));
    one.artifact->checkpoint_hash = manifest.source_digest;
  }
  if (one.context_tokens > info.context_length)
    return fail(ErrorCode::unsupported, "the model's context holds {} tokens", info.context_length);
  const int64_t block = choice.single_steps ? 0 : info.prefill_block_tokens;
  if (one.prefill_block_tokens.value_or(block) != block)
    return fail(ErrorCode::unsupported,
                "the model's blocks have {} tokens; of a checkpoint others are converted", block);
  one.prefill_block_tokens = block;
  const auto chunks = choice.converted || variants_.source() != Source::checkpoint
                          ? chunks_of(choice.path)
                          : std::optional<int64_t>(1);
  if (one.chunks && chunks && *one.chunks != *chunks)
    return fail(ErrorCode::unsupported,
                "the model has {} chunks; of a checkpoint others are converted", *chunks);
  one.chunks = chunks;
  return {};
}

void Campaign::name_model(const lm::ModelInfo& info) {
  const fs::path whole = fs::absolute(path_).lexically_normal();
  const std::string own = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  report_.model = {.name = variants_.source() == Source::artifact ? info.name : own,
                   .path = path_.string(),
                   .form = info.form,
                   .architecture = info.architecture,
                   .hash = info.hash,
                   .weight_bytes = info.weight_bytes,
                   .vocabulary = info.vocab_size,
                   .numerics = info.numerics};
  for (const std::string& words : warnings_) log_(LogLevel::warning, words);
}

void Campaign::add_floor(Configuration& one, const Variants::Choice& choice) const {
  Measurement& own = *one.measurement;
  const auto& speed = own.decode_tokens_per_second.summary;
  own.floor =
      find_floor(step_bytes(choice.path), report_.machine,
                 {.prompt_tokens = own.prompt_tokens,
                  .uncached_tokens = own.prompt_tokens - own.first_token.cached_prefix_tokens,
                  .block_tokens = one.prefill_block_tokens.value_or(0)},
                 speed ? speed->median : 0);
}

}  // namespace anemone::bench
