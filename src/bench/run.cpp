#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/check.h"
#include "base/error.h"
#include "bench/beside.h"
#include "bench/beside_cpu.h"
#include "bench/function_times.h"
#include "bench/judgement.h"
#include "bench/machine.h"
#include "bench/measure.h"
#include "bench/no_compiled_packages.h"
#include "bench/prompt.h"
#include "bench/sweep.h"
#include "bench/thermal.h"
#include "bench/variants.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPowercap = "/sys/class/powercap";
constexpr const char* kThermal = "/sys/class/thermal";

std::string now_utc() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

using OpenedModel = Result<std::unique_ptr<lm::LanguageModel>>;

class Bench {
 public:
  Bench(const fs::path& path, const Options& options, const ProgressSink& progress,
        const LogSink& log, Variants variants)
      : path_(path),
        options_(options),
        progress_(progress),
        log_(log),
        variants_(std::move(variants)),
        energy_(options.power_log.empty() ? make_rapl_meter(kPowercap)
                                          : make_log_meter(options.power_log)) {}

  Result<Report> all(const fs::path& tokenizer_path) {
    const int64_t start = clock_.now_ns();
    report_.started = now_utc();
    report_.options = options_;
    report_.machine = find_machine();
    report_.isa = kernel_isa(options_.isa);
    ANEMONE_RETURN_IF_ERROR(check_threads(options_, report_.machine));
    report_.machine.read_bytes_per_s =
        measure_bandwidth(clock_, report_.machine.cores, report_.machine.cache_bytes);
    ANEMONE_TRY(numerics_, options_.numerics.empty()
                               ? Result<runtime::Numerics>(runtime::Numerics::fp16)
                               : runtime::parse_numerics(options_.numerics));
    ANEMONE_RETURN_IF_ERROR(find_tokenizer(tokenizer_path));
    // What would spoil hours of measurements at their end is tried before them.
    if (tokenizer_) {
      ANEMONE_RETURN_IF_ERROR(check_quality(*tokenizer_, options_));
      if (!options_.prompt.empty())
        ANEMONE_RETURN_IF_ERROR(make_prompt(*tokenizer_, options_.prompt, 1));
    }
    std::error_code error;
    if (!options_.power_log.empty() && !fs::exists(options_.power_log, error))
      return with_hint(
          fail(ErrorCode::not_found, "{}: not there", options_.power_log.string()),
          "start powermetrics or macmon before the run: it writes this file meanwhile");
    if (!options_.reference.empty()) {
      ANEMONE_TRY(const auto reference, open_reference());
    }
    report_.configurations = make_sweep(options_, report_.machine);
    for (const Configuration& one : report_.configurations)
      if (one.outcome == Outcome::not_reached) total_ += requests_of(options_);
    for (const size_t i : running_order(options_, report_.configurations.size())) {
      Configuration& one = report_.configurations[i];
      if (one.outcome != Outcome::not_reached) {
        predict_only(one);
        continue;
      }
      if (!run_one(one)) break;
    }
    const bool measured = std::ranges::any_of(report_.configurations, [](const Configuration& one) {
      return one.measurement.has_value();
    });
    if (!report_.complete && !measured) return fail(ErrorCode::interrupted, "interrupted");
    if (report_.model.name.empty()) return no_model();
    add_qualities();
    hold_against_reference();
    report_.best = choose_best(report_.configurations);
    report_.scaling = find_scaling(report_.configurations);
    if (options_.preset == "phase2") report_.phase2 = judge_phase2(report_);
    report_.targets = judge_targets(report_);
    report_.seconds = static_cast<double>(clock_.now_ns() - start) * 1e-9;
    return std::move(report_);
  }

 private:
  Status find_tokenizer(const fs::path& asked) {
    auto loaded = text::Tokenizer::load(asked.empty() ? path_ : asked);
    if (loaded.ok()) {
      tokenizer_ = *std::move(loaded);
      return {};
    }
    if (!asked.empty() || loaded.error().code != ErrorCode::not_found)
      return std::move(loaded).error();
    if (!options_.quality.empty())
      return with_hint(std::move(loaded).error(), "--quality needs the tokenizer: --tokenizer DIR");
    report_.options.prompt_name = kRandomPrompt;
    log_(LogLevel::warning, "no tokenizer is there: prompts are random tokens, tokenizing is n/a");
    return {};
  }

  /// Why nothing could be opened.
  Error no_model() const {
    if (first_error_) return *first_error_;
    return fail(ErrorCode::unsupported, "none of the configurations can be measured here: {}",
                report_.configurations.front().reason);
  }

  /// Of one that this machine cannot run.
  void predict_only(Configuration& one) {
    if (options_.chips.empty()) return;
    if (const auto choice = variants_.choose(one, options_, log_); choice.ok())
      predict(choice->path, options_.chips, prompt_tokens_of(one), one);
    else
      one.predicted_reason = choice.error().to_string();
  }

  int64_t answer_tokens_of(const Configuration& one) const {
    return std::min(options_.answer_tokens, one.context_tokens / 2);
  }
  int64_t prompt_tokens_of(const Configuration& one) const {
    return one.context_tokens - answer_tokens_of(one);
  }

  /// False when the run is to end.
  bool run_one(Configuration& one) {
    const uint64_t before = done_;
    const Status status = measure_one(one);
    if (!status.ok() && status.error().code == ErrorCode::interrupted) {
      report_.complete = false;
      if (one.measurement) {
        one.outcome = Outcome::measured;
        return false;
      }
      one.artifact.reset();
      one.execution.reset();
      one.measurement.reset();
      return false;
    }
    done_ = before + requests_of(options_);
    if (status.ok()) {
      one.outcome = Outcome::measured;
      return true;
    }
    one.execution.reset();
    one.measurement.reset();
    one.reason = status.error().to_string();
    const bool unsupported = status.error().code == ErrorCode::unsupported;
    one.outcome = unsupported ? Outcome::not_available : Outcome::failed;
    if (!unsupported) log_(LogLevel::warning, one.id() + ": " + one.reason);
    if (!first_error_) first_error_ = status.error();
    return true;
  }

  static runtime::ComputeUnits units_of(const Configuration& one) {
    const auto units = runtime::parse_compute_units(one.compute_units);
    ANEMONE_CHECK(units.ok(), "check_options knows the same names");
    return *units;
  }

  lm::LanguageModel::Options open_options(const Configuration& one,
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

  Status measure_one(Configuration& one) {
    ANEMONE_TRY(const Variants::Choice choice, variants_.choose(one, options_, log_));
    lm::LanguageModel::Options options = open_options(one, choice);
    ANEMONE_RETURN_IF_ERROR(describe(one, choice, options));
    Subject subject;
    subject.answer_tokens = answer_tokens_of(one);
    subject.files = choice.path;
    subject.threads = one.threads;
    ANEMONE_TRY(subject.prompt, prompt_of(one));
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
      subject.load_uncompiled = [&](Clock& clock) {
        return load_uncompiled(choice, options, clock);
      };
    const Meters meters{clock_,
                        memory_,
                        *energy_,
                        drop_from_page_cache,
                        [] { return hottest_zone(kThermal); },
                        used_cpu_seconds};
    choices_.insert_or_assign(&one, choice);
    const std::string item = one.id();
    const auto tick = [&] {
      ++done_;
      return !progress_ || progress_({"bench", done_, total_, "requests", item});
    };
    ANEMONE_TRY(Measured measured, measure(subject, options_, meters, tick));
    note_execution(one, measured.model->execution());
    one.measurement = std::move(measured.measurement);
    Measurement& own = *one.measurement;
    add_floor(one, choice);
    predict(choice.path, options_.chips, own.prompt_tokens, one);
    // None of what follows makes a measurement undone.
    ANEMONE_RETURN_IF_ERROR(excuse(hold_against_cpu(one, subject.prompt.ids, *measured.model), item,
                                   own.outputs.beside_cpu_reason));
    if (options_.functions && choice.context == 0 &&
        timed_functions_.insert(one.artifact->hash + one.group()).second) {
      measured.model.reset();
      options.runtime.backend = one.execution->backend;
      const auto time = [&]() -> Status {
        ANEMONE_TRY(one.functions, time_functions(choice.path, options.runtime, options_, clock_,
                                                  [&] { return tick_nothing(item); }));
        return {};
      };
      ANEMONE_RETURN_IF_ERROR(excuse(time(), item, one.functions_reason));
    }
    return {};
  }

  /// What is noted once stays: a load that knows better than to ask Core ML again says less.
  static void note_execution(Configuration& one, runtime::Execution execution) {
    if (one.execution)
      for (std::string& note : one.execution->notes)
        if (std::ranges::find(execution.notes, note) == execution.notes.end())
          execution.notes.push_back(std::move(note));
    one.execution = std::move(execution);
  }

  /// Turns an error into a reason. Errors: interrupted.
  Status excuse(Status status, const std::string& item, std::string& reason) const {
    if (status.ok()) return {};
    reason = status.error().to_string();
    if (status.error().code == ErrorCode::interrupted) return status;
    log_(LogLevel::warning, item + ": " + reason);
    return {};
  }

  Result<Prompt> prompt_of(const Configuration& one) const {
    const int64_t tokens = prompt_tokens_of(one);
    if (!tokenizer_) return make_random_prompt(report_.model.vocabulary, tokens, options_.seed);
    const std::string_view text =
        options_.prompt.empty() ? builtin_text() : std::string_view(options_.prompt);
    return make_prompt(*tokenizer_, text, tokens);
  }

  /// Whether to go on, after work that is not counted in requests.
  bool tick_nothing(const std::string& item) const {
    return !progress_ || progress_({"bench", done_, total_, "requests", item});
  }

  static Result<std::optional<double>> load_uncompiled(const Variants::Choice& choice,
                                                       const lm::LanguageModel::Options& options,
                                                       Clock& clock) {
    ANEMONE_TRY(const NoCompiledPackages none, NoCompiledPackages::make());
    const int64_t start = clock.now_ns();
    ANEMONE_TRY(const auto model, lm::LanguageModel::open(choice.path, options));
    const int64_t end = clock.now_ns();
    if (!none.has_compiled()) return std::optional<double>();
    return std::optional(static_cast<double>(end - start));
  }

  /// Names the artifact and checks that it can run the configuration.
  Status describe(Configuration& one, const Variants::Choice& choice,
                  lm::LanguageModel::Options options) {
    auto known = artifacts_.find(choice.path.string() + "@" + std::to_string(choice.context));
    if (known == artifacts_.end()) {
      options.hash = true;
      ANEMONE_TRY(const auto model, lm::LanguageModel::open(choice.path, options));
      known =
          artifacts_
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
                            .converted = choice.converted};
    if (one.context_tokens > info.context_length)
      return fail(ErrorCode::unsupported, "the model's context holds {} tokens",
                  info.context_length);
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

  void name_model(const lm::ModelInfo& info) {
    const fs::path whole = fs::absolute(path_).lexically_normal();
    const std::string own =
        (whole.has_filename() ? whole : whole.parent_path()).filename().string();
    report_.model = {.name = variants_.source() == Source::artifact ? info.name : own,
                     .path = path_.string(),
                     .form = info.form,
                     .architecture = info.architecture,
                     .hash = info.hash,
                     .weight_bytes = info.weight_bytes,
                     .vocabulary = info.vocab_size,
                     .numerics = info.numerics};
  }

  void add_floor(Configuration& one, const Variants::Choice& choice) const {
    Measurement& own = *one.measurement;
    const auto& speed = own.decode_tokens_per_second.summary;
    own.floor =
        find_floor(step_bytes(choice.path), report_.machine,
                   {.prompt_tokens = own.prompt_tokens,
                    .uncached_tokens = own.prompt_tokens - own.first_token.cached_prefix_tokens,
                    .block_tokens = one.prefill_block_tokens.value_or(0)},
                   speed ? speed->median : 0);
  }

  /// After all measurements: the memory that tasks take is in no peak.
  void add_qualities() {
    if (options_.quality.empty()) return;
    for (Configuration& one : report_.configurations)
      if (one.measurement &&
          !excuse(add_quality(one), one.id(), one.measurement->quality_reason).ok())
        report_.complete = false;
  }

  /// Once an artifact and its units.
  Status add_quality(Configuration& one) {
    if (!report_.complete) return fail(ErrorCode::interrupted, "interrupted");
    const std::string key =
        one.artifact->hash + one.compute_units + std::to_string(one.artifact->context_tokens);
    auto found = qualities_.find(key);
    if (found == qualities_.end()) {
      const Variants::Choice& choice = choices_.at(&one);
      lm::LanguageModel::Options options = open_options(one, choice);
      options.runtime.backend = one.execution->backend;
      ANEMONE_TRY(const auto model, lm::LanguageModel::open(choice.path, options));
      const std::string item = one.id();
      const ProgressSink go_on = [&](const Progress&) { return tick_nothing(item); };
      ANEMONE_TRY(Quality quality, find_quality(*model, *tokenizer_, options_, go_on, log_));
      found = qualities_.emplace(key, std::move(quality)).first;
    }
    one.measurement->quality = found->second;
    return {};
  }

  /// The answer of compute units cpu is kept for those that come after it.
  Status hold_against_cpu(Configuration& one, const std::vector<int32_t>& prompt,
                          lm::LanguageModel& model) {
    const bool is_cpu = one.compute_units == "cpu";
    if (options_.compute_units.size() < 2) return {};
    const std::string asked = fmt::format("{} {} {}", one.artifact->hash, one.context_tokens,
                                          one.prefill_block_tokens.value_or(0));
    if (!is_cpu && asked != cpu_asked_) return {};
    Outputs& outputs = one.measurement->outputs;
    ANEMONE_TRY(Answer answer, read_answer(model, prompt, outputs.tokens));
    if (is_cpu) {
      cpu_answer_ = std::move(answer);
      cpu_asked_ = asked;
      return {};
    }
    outputs.beside_cpu = compare_with_cpu(cpu_answer_, answer);
    outputs.equal_to_cpu = !outputs.beside_cpu->first_difference.has_value();
    return {};
  }

  OpenedModel open_reference() const {
    lm::LanguageModel::Options options;
    options.runtime.numerics = runtime::Numerics::fp32;
    options.runtime.isa = options_.isa;
    options.hash = false;
    return lm::LanguageModel::open(options_.reference, options);
  }

  /// All answers after all measurements: the reference's memory is in no peak.
  void hold_against_reference() {
    if (options_.reference.empty()) return;
    std::unique_ptr<lm::LanguageModel> reference;
    std::map<std::vector<int32_t>, Reference> known;  // by prompt and answer
    for (Configuration& one : report_.configurations) {
      if (!one.measurement) continue;
      Outputs& outputs = one.measurement->outputs;
      const std::string item = one.id();
      const auto work = [&]() -> Status {
        if (!report_.complete) return fail(ErrorCode::interrupted, "interrupted");
        if (reference == nullptr) {
          ANEMONE_TRY(reference, open_reference());
        }
        ANEMONE_TRY(const Prompt prompt, prompt_of(one));
        std::vector<int32_t> whole = prompt.ids;
        whole.insert(whole.end(), outputs.tokens.begin(), outputs.tokens.end());
        auto found = known.find(whole);
        if (found == known.end()) {
          ANEMONE_TRY(auto held, hold_against(*reference, prompt.ids, outputs.tokens,
                                              [&] { return tick_nothing(item); }));
          found = known.emplace(std::move(whole), std::move(held)).first;
        }
        outputs.reference = found->second;
        return {};
      };
      if (!excuse(work(), item, outputs.reference_reason).ok()) report_.complete = false;
    }
  }

  const fs::path& path_;
  const Options& options_;
  const ProgressSink& progress_;
  const LogSink& log_;
  Variants variants_;
  std::unique_ptr<EnergyMeter> energy_;
  SteadyClock clock_;
  SystemMemory memory_;
  runtime::Numerics numerics_ = runtime::Numerics::fp16;
  std::optional<text::Tokenizer> tokenizer_;
  std::map<std::string, lm::ModelInfo> artifacts_;
  std::map<const Configuration*, Variants::Choice> choices_;  ///< what was measured.
  std::map<std::string, Quality> qualities_;
  std::set<std::string> seen_uncompiled_;  ///< artifacts with their units.
  std::set<std::string> timed_functions_;  ///< artifacts with all but their contexts.
  Answer cpu_answer_;
  std::string cpu_asked_;  ///< what it answers; empty: there is none.
  std::optional<Error> first_error_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
  Report report_;
};

}  // namespace

Result<Report> run(const fs::path& path, const fs::path& tokenizer_path, const Options& options,
                   const ProgressSink& progress, const LogSink& log) {
  ANEMONE_RETURN_IF_ERROR(check_options(options));
  ANEMONE_TRY(Variants variants, Variants::of(path));
  return Bench(path, options, progress, log, std::move(variants)).all(tokenizer_path);
}

}  // namespace anemone::bench
