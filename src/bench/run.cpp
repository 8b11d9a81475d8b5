#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ranges>

#include "base/error.h"
#include "base/json_document.h"
#include "bench/baseline.h"
#include "bench/beside.h"
#include "bench/campaign.h"
#include "bench/judgement.h"
#include "bench/machine.h"
#include "bench/power_log.h"
#include "bench/prompt.h"
#include "bench/sweep.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

std::string now_utc() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

}  // namespace

Campaign::Campaign(const fs::path& path, const Options& options, const ProgressSink& progress,
                   const LogSink& log, Variants variants)
    : path_(path),
      options_(options),
      progress_(progress),
      log_(log),
      variants_(std::move(variants)),
      energy_(options.power_log.empty() ? make_rapl_meter(kPowercap)
                                        : make_log_meter(options.power_log)) {}

Result<Report> Campaign::all(const fs::path& tokenizer_path) {
  const int64_t start = clock_.now_ns();
  report_.started = now_utc();
  report_.options = options_;
  ANEMONE_RETURN_IF_ERROR(prepare(tokenizer_path));
  report_.configurations = make_sweep(options_, report_.machine);
  for (Configuration& one : report_.configurations)
    if (one.outcome != Outcome::not_reached) predict_only(one);
  ANEMONE_RETURN_IF_ERROR(find_artifacts());
  if (report_.complete) visit_all();
  const bool has_samples = std::ranges::any_of(
      report_.configurations, [](const auto& one) { return one.measurement.has_value(); });
  if (!report_.complete && !has_samples) return fail(ErrorCode::interrupted, "interrupted");
  if (report_.model.name.empty()) return no_model();
  add_qualities();
  hold_against_reference();
  judge_all();
  report_.seconds = static_cast<double>(clock_.now_ns() - start) * 1e-9;
  return std::move(report_);
}

/// What would spoil hours of measurements at their end is tried before them.
Status Campaign::prepare(const fs::path& tokenizer_path) {
  report_.machine = find_machine();
  report_.isa = kernel_isa(options_.isa);
  ANEMONE_RETURN_IF_ERROR(check_threads(options_, report_.machine));
  report_.machine.read_bytes_per_s =
      measure_bandwidth(clock_, report_.machine.cores, report_.machine.cache_bytes);
  ANEMONE_TRY(numerics_, options_.numerics.empty()
                             ? Result<runtime::Numerics>(runtime::Numerics::fp16)
                             : runtime::parse_numerics(options_.numerics));
  for (const int threads : options_.threads)
    if (threads > report_.machine.cores)
      warn(fmt::format("{} threads on {} cores: they wait for each other", threads,
                       report_.machine.cores));
  ANEMONE_RETURN_IF_ERROR(find_tokenizer(tokenizer_path));
  if (tokenizer_) {
    ANEMONE_RETURN_IF_ERROR(check_quality(*tokenizer_, options_));
    if (!options_.prompt.empty())
      ANEMONE_RETURN_IF_ERROR(
          make_prompt(*tokenizer_, options_.prompt, 1).in("the prompt " + options_.prompt_name));
  }
  std::error_code error;
  if (!options_.power_log.empty() && !fs::exists(options_.power_log, error))
    return with_hint(fail(ErrorCode::not_found, "{}: not there", options_.power_log.string()),
                     "start powermetrics or macmon before the run: it writes this file meanwhile");
  if (!options_.power_log.empty()) {
    ANEMONE_TRY(const std::string log, read_text(options_.power_log));
    ANEMONE_RETURN_IF_ERROR(parse_power_log(log).in(options_.power_log.string()));
  }
  if (!options_.reference.empty()) ANEMONE_RETURN_IF_ERROR(open_reference());
  return {};
}

Status Campaign::find_tokenizer(const fs::path& asked) {
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
  warn("no tokenizer is there: prompts are random tokens, tokenizing is n/a");
  return {};
}

void Campaign::warn(std::string words) {
  if (std::ranges::count(warnings_, words) > 0) return;
  if (!report_.model.name.empty()) log_(LogLevel::warning, words);
  warnings_.push_back(std::move(words));
}

Error Campaign::no_model() const {
  if (first_error_) return *first_error_;
  return fail(ErrorCode::unsupported, "none of the configurations can be measured here: {}",
              report_.configurations.front().reason);
}

void Campaign::predict_only(Configuration& one) {
  if (options_.chips.empty()) return;
  if (const auto choice = variants_.choose(one, options_, log_, [&] { return may_prepare(); });
      choice.ok())
    predict(choice->path, options_.chips, prompt_tokens_of(one), one);
  else
    one.predicted_reason = choice.error().to_string();
}

Status Campaign::find_artifacts() {
  for (const size_t i : running_order(options_, report_.configurations.size())) {
    Configuration& one = report_.configurations[i];
    // A conversion takes long.
    if (found_ > 0 && !may_prepare()) {
      report_.complete = false;
      return {};
    }
    ++found_;
    if (one.outcome != Outcome::not_reached) continue;
    const Status status = find_artifact(one);
    if (!status.ok() && status.error().code == ErrorCode::interrupted) {
      report_.complete = false;
      return {};
    }
    if (!status.ok()) note_failure(one, status.error());
    // The next conversion is not waited for where this one shows that the baseline does not fit.
    if (status.ok() && choices_.at(&one).converted && !options_.baseline.empty())
      ANEMONE_RETURN_IF_ERROR(check_fit(options_.baseline, report_));
  }
  if (options_.baseline.empty() || report_.model.name.empty()) return {};
  ANEMONE_TRY(const std::string remark, check_fit(options_.baseline, report_));
  if (!remark.empty()) warn(remark);
  return {};
}

void Campaign::visit_all() {
  std::vector<Configuration*> order;
  for (const size_t i : running_order(options_, report_.configurations.size()))
    if (report_.configurations[i].outcome == Outcome::not_reached)
      order.push_back(&report_.configurations[i]);
  visits_ = visits_of(options_, order.size());
  for (int i = 0; i < visits_; ++i) total_ += order.size() * requests_of(options_, i, visits_);
  const auto is_left = [](const Configuration* one) {
    return one->outcome == Outcome::not_reached || one->outcome == Outcome::interrupted;
  };
  for (int i = 0; i < visits_; ++i) {
    for (Configuration* one : order | std::views::filter(is_left))
      if (!visit(*one, i)) return;
    std::ranges::reverse(order);
  }
  if (!options_.baseline.empty()) visit_unsettled(std::move(order));
}

void Campaign::visit_unsettled(std::vector<Configuration*> order) {
  for (int round = 0; round < kMoreRounds; ++round) {
    const auto verdict = judge_visits(report_, options_.baseline, options_.baseline_threshold);
    if (!verdict.ok()) return;  // the caller judges again, and is told why not
    std::erase_if(order, [&](const Configuration* one) {
      return !one->is_measured() || !verdict->is_unsettled(one->id());
    });
    const int first = visits_ + round * kVisitsOfRound;
    for (int i = first; i < first + kVisitsOfRound; ++i)
      total_ += order.size() * requests_of(options_, i, visits_);
    for (int i = first; i < first + kVisitsOfRound; ++i) {
      for (Configuration* one : order | std::views::filter(&Configuration::is_measured))
        if (!visit(*one, i)) return;
      std::ranges::reverse(order);
    }
  }
}

bool Campaign::visit(Configuration& one, int visit) {
  const uint64_t before = done_;
  const Status status = measure_one(one, visit);
  if (!status.ok() && status.error().code == ErrorCode::interrupted) {
    report_.complete = false;
    if (!one.measurement) one.execution.reset();
    return false;
  }
  done_ = before + requests_of(options_, visit, visits_);
  if (status.ok()) return true;
  note_failure(one, status.error());
  return true;
}

void Campaign::note_failure(Configuration& one, const Error& error) {
  one.execution.reset();
  one.measurement.reset();
  one.reason = error.to_string();
  const bool unsupported = error.code == ErrorCode::unsupported;
  one.outcome = unsupported ? Outcome::not_available : Outcome::failed;
  if (!unsupported) warn(one.id() + ": " + one.reason);
  if (!first_error_) first_error_ = error;
}

void Campaign::judge_all() {
  report_.best = choose_best(report_.configurations);
  report_.scaling = find_scaling(report_.configurations);
  if (options_.preset == "phase2") report_.phase2 = judge_phase2(report_);
  report_.targets = judge_targets(report_);
}

bool Campaign::may_prepare() const {
  return !progress_ ||
         progress_({"models", found_, report_.configurations.size(), "configurations"});
}

bool Campaign::tick_nothing(const std::string& item) const {
  return !progress_ || progress_({"bench", done_, total_, "requests", item});
}

Result<Report> run(const fs::path& path, const fs::path& tokenizer_path, const Options& options,
                   const ProgressSink& progress, const LogSink& log) {
  ANEMONE_RETURN_IF_ERROR(check_options(options));
  ANEMONE_TRY(Variants variants, Variants::of(path));
  ANEMONE_RETURN_IF_ERROR(variants.check_options(options));
  return Campaign(path, options, progress, log, std::move(variants)).all(tokenizer_path);
}

}  // namespace anemone::bench
