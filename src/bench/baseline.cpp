#include "bench/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "bench/baseline_document.h"
#include "bench/baseline_fit.h"
#include "bench/machine.h"
#include "bench/prompt.h"
#include "bench/reference_work.h"
#include "bench/slowdown.h"
#include "bench/sweep.h"

namespace anemone::bench {
namespace {

/// Samples of both runs together that an interval of their scatter is drawn from: 0.3 s of draws.
constexpr size_t kMostDrawnFrom = 10'000;

/// The samples of each visit; all of them are one where they are not the visits' requests.
std::vector<VisitTime> by_visit(const std::vector<double>& samples,
                                const std::vector<Visit>& visits, const Metric& metric) {
  const auto time = [&](std::span<const double> of) {
    const double median = statistics::percentile(of, 0.5);
    return metric.higher_is_better ? 1e9 / median : median;
  };
  size_t requests = 0;
  for (const Visit& visit : visits) requests += visit.requests;
  if (requests != samples.size()) return {{.ns = time(samples)}};
  std::vector<VisitTime> times;
  std::span<const double> rest = samples;
  for (const Visit& visit : visits) {
    if (visit.requests == 0) continue;
    times.push_back({time(rest.first(visit.requests)), visit.*metric.reference});
    rest = rest.subspan(visit.requests);
  }
  return times;
}

/// Other versions ran the reference work beside all units.
void remove_references(std::vector<Visit>& visits) {
  for (Visit& visit : visits) visit.reference_ns = visit.cached_reference_ns = std::nullopt;
}

struct Samples {
  const std::vector<double>& all;
  const std::vector<Visit>& visits;
};

/// Nothing where it would take long.
std::optional<statistics::Interval> scatter_of(const Metric& metric,
                                               const std::vector<double>& before,
                                               const std::vector<double>& after,
                                               const statistics::BootstrapOptions& bootstrap) {
  if (before.size() + after.size() > kMostDrawnFrom) return {};
  return (metric.higher_is_better ? statistics::ratio_of_medians(before, after, bootstrap)
                                  : statistics::ratio_of_medians(after, before, bootstrap))
      .interval;
}

/// Of the visits' medians, in the metric's unit.
double mean_of(const std::vector<VisitTime>& visits, const Metric& metric) {
  double sum = 0;
  for (const VisitTime& one : visits) sum += std::log(one.ns);
  const double ns = std::exp(sum / static_cast<double>(visits.size()));
  return metric.higher_is_better ? 1e9 / ns : ns;
}

BaselineVerdict::Compared compare(const Configuration& after, const Metric& metric,
                                  const Samples& earlier, const Samples& now,
                                  const SlowdownRule& rule) {
  const std::vector<VisitTime> visits_before = by_visit(earlier.all, earlier.visits, metric);
  const std::vector<VisitTime> visits_after = by_visit(now.all, now.visits, metric);
  BaselineVerdict::Compared compared = judge_slowdown(visits_before, visits_after, rule);
  compared.id = after.id();
  // Core ML chooses its threads itself.
  if (!after.execution || after.execution->backend == runtime::Backend::cpu)
    compared.threads = after.threads;
  compared.metric = metric.name;
  compared.baseline_visits = visits_before.size();
  compared.visits = visits_after.size();
  compared.baseline_median = statistics::percentile(earlier.all, 0.5);
  compared.median = statistics::percentile(now.all, 0.5);
  compared.baseline_visits_mean = mean_of(visits_before, metric);
  compared.visits_mean = mean_of(visits_after, metric);
  const auto slowdown = [&](double first, double second) {
    return metric.higher_is_better ? first / second : second / first;
  };
  compared.slowdown = slowdown(compared.baseline_median, compared.median);
  compared.visits_slowdown = slowdown(compared.baseline_visits_mean, compared.visits_mean);
  return compared;
}

constexpr const char* kStopped = "a run that was stopped is held against no baseline";

enum class Scatter : uint8_t { drawn, left_out };

Result<BaselineVerdict> compare_all(const Json& document, const Report& report, Scatter scatter,
                                    BaselineVerdict verdict) {
  ANEMONE_TRY(const auto measured, measured_of(document));
  const SlowdownRule rule{.threshold = verdict.threshold, .confidence = verdict.confidence};
  const statistics::BootstrapOptions bootstrap{.confidence = verdict.confidence,
                                               .seed = report.options.seed};
  for (const Json* const entry : measured) {
    const Json& before = *entry;
    const std::string id = text_of(before, "id");
    const auto after = std::ranges::find_if(report.configurations, [&](const Configuration& one) {
      return one.is_measured() && one.id() == id && ran_alike(before, one);
    });
    if (after == report.configurations.end()) {
      verdict.missing.push_back(id);
      if (is_lost(before, measured, report)) verdict.lost.push_back(id);
      continue;
    }
    if (weights_of(before, *after) == Weights::other) verdict.other_artifacts.push_back(id);
    if (weights_of(before, *after) == Weights::of_other_size)
      verdict.other_sizes.push_back({id, *weight_bytes_of(before), after->artifact->weight_bytes});
    ANEMONE_TRY(auto earlier_visits, visits_in(before));
    if (!tells_speed_of(*after)) remove_references(earlier_visits);
    for (const Metric& metric : kMetrics) {
      ANEMONE_TRY(const auto earlier, samples_of(before, metric));
      const auto& now = metric.of(*after->measurement).samples;
      if (earlier.empty() || now.empty()) continue;
      verdict.compared.push_back(compare(*after, metric, {earlier, earlier_visits},
                                         {now, after->measurement->visits}, rule));
      if (scatter == Scatter::drawn)
        verdict.compared.back().scatter = scatter_of(metric, earlier, now, bootstrap);
    }
  }
  if (verdict.compared.empty() && verdict.lost.empty())
    return with_hint(fail(ErrorCode::mismatch, "it has no configuration that was measured here"),
                     "sweep the configurations of the baseline");
  return verdict;
}

/// Whatever is wrong with a baseline, it makes no sense to ask for it: no verdict is one of these.
template <typename T>
Result<T> as_refusal(Result<T> result) {
  if (result.ok()) return result;
  Error error = std::move(result).error();
  error.code = ErrorCode::invalid_argument;
  return error;
}

Status check_document(const std::filesystem::path& baseline, const Options& options) {
  ANEMONE_TRY(const Json document, read_json_object(baseline));
  Report report{.isa = kernel_isa(options.isa), .machine = find_machine(), .options = options};
  // Whether the model has a tokenizer is not known yet.
  if (const Json* settings = member(document, "settings"))
    if (text_of(*settings, "prompt") == kRandomPrompt) report.options.prompt_name = kRandomPrompt;
  ANEMONE_TRY(report.model.numerics, options.numerics.empty()
                                         ? Result<runtime::Numerics>(runtime::Numerics::fp16)
                                         : runtime::parse_numerics(options.numerics));
  report.configurations = make_sweep(options, report.machine);
  const auto work = [&]() -> Status {
    ANEMONE_RETURN_IF_ERROR(check_identity(document, report.machine));
    ANEMONE_RETURN_IF_ERROR(check_settings(document, report));
    ANEMONE_RETURN_IF_ERROR(check_model(document, report));
    ANEMONE_TRY(const auto measured, measured_of(document));
    for (const Json* before : measured) {
      ANEMONE_RETURN_IF_ERROR(visits_in(*before));
      for (const Metric& metric : kMetrics) ANEMONE_RETURN_IF_ERROR(samples_of(*before, metric));
    }
    return {};
  };
  return work().in(baseline.string());
}

Result<std::string> fit(const std::filesystem::path& baseline, const Report& report) {
  ANEMONE_TRY(const Json document, read_json_object(baseline));
  const auto work = [&]() -> Result<std::string> {
    ANEMONE_RETURN_IF_ERROR(check_identity(document, report.machine));
    ANEMONE_RETURN_IF_ERROR(check_settings(document, report));
    ANEMONE_RETURN_IF_ERROR(check_model(document, report));
    return remark_on_weights(document, report);
  };
  return work().in(baseline.string());
}

Result<BaselineVerdict> judge_with(Scatter scatter, const Report& report,
                                   const std::filesystem::path& baseline, double threshold) {
  ANEMONE_TRY(const Json document, read_json_object(baseline));
  const auto work = [&]() -> Result<BaselineVerdict> {
    ANEMONE_RETURN_IF_ERROR(check_identity(document, report.machine));
    ANEMONE_RETURN_IF_ERROR(check_model(document, report));
    ANEMONE_RETURN_IF_ERROR(check_settings(document, report));
    return compare_all(document, report, scatter,
                       {.file = baseline.filename().string(),
                        .threshold = threshold,
                        .confidence = report.options.confidence});
  };
  return work().in(baseline.string());
}

}  // namespace

Status check_baseline(const std::filesystem::path& baseline, const Options& options) {
  return as_refusal(check_document(baseline, options));
}

Result<std::string> check_fit(const std::filesystem::path& baseline, const Report& report) {
  return as_refusal(fit(baseline, report));
}

std::string baseline_reason(const Report& report) {
  return report.options.baseline.empty() || report.complete ? "" : kStopped;
}

Result<BaselineVerdict> judge(const Report& report, const std::filesystem::path& baseline,
                              double threshold) {
  if (!report.complete) return fail(ErrorCode::interrupted, "{}", kStopped);
  return as_refusal(judge_with(Scatter::drawn, report, baseline, threshold));
}

Result<BaselineVerdict> judge_visits(const Report& report, const std::filesystem::path& baseline,
                                     double threshold) {
  return as_refusal(judge_with(Scatter::left_out, report, baseline, threshold));
}

}  // namespace anemone::bench
