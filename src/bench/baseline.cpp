#include "bench/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/json_document.h"
#include "bench/document.h"
#include "bench/judgement.h"
#include "bench/machine.h"
#include "bench/prompt.h"
#include "bench/reference_work.h"
#include "bench/slowdown.h"

namespace anemone::bench {
namespace {

struct Metric {
  const char* name;
  bool higher_is_better;
  const Series& (*of)(const Measurement& measurement);
  const char* first_key;   ///< in the document, below the configuration.
  const char* second_key;  ///< below that, or null.
  std::optional<double> Visit::*reference;
};

const Series& decode(const Measurement& one) { return one.decode_tokens_per_second; }
const Series& prefill(const Measurement& one) { return one.prefill_tokens_per_second; }
const Series& warm(const Measurement& one) { return one.first_token.warm_ns; }
const Series& cached(const Measurement& one) { return one.first_token.cached_ns; }

constexpr std::array kMetrics = {
    Metric{"decode_tokens_per_second", true, decode, "decode_tokens_per_second", nullptr,
           &Visit::reference_ns},
    Metric{"prefill_tokens_per_second", true, prefill, "prefill_tokens_per_second", nullptr,
           &Visit::reference_ns},
    Metric{"first_token_ns.warm", false, warm, "first_token_ns", "warm", &Visit::reference_ns},
    Metric{"first_token_ns.cached", false, cached, "first_token_ns", "cached",
           &Visit::cached_reference_ns},
};

/// No time in nanoseconds (31 years) and no speed is larger.
constexpr double kMostSample = 1e18;
constexpr uint64_t kMostRequests = 1'000'000'000;  ///< of a visit.
/// What a run writes with the most repetitions and all visits of the gate.
constexpr size_t kMostSamples = 300'000;
constexpr size_t kMostVisits = 1000;
constexpr size_t kMostConfigurations = 10'000;
constexpr size_t kMostIdBytes = 1000;

/// Samples of both runs together that an interval of their scatter is drawn from: 0.3 s of draws.
constexpr size_t kMostDrawnFrom = 10'000;

/// The positive samples of one series; none where the document has none.
Result<std::vector<double>> samples_of(const Json& configuration, const Metric& metric) {
  std::string place = fmt::format("{}, {}", text_of(configuration, "id"), metric.first_key);
  const auto wrong = [&](std::string_view expected, const Json& got) {
    return fail(ErrorCode::corrupt, "'{}': expected {}, got {}", place, expected,
                got.is_structured() ? got.type_name()
                                    : got.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  const Json* series = member(configuration, metric.first_key);
  if (series != nullptr && metric.second_key != nullptr && !series->is_null()) {
    if (!series->is_object()) return wrong("an object or null", *series);
    series = member(*series, metric.second_key);
    place += std::string("/") + metric.second_key;
  }
  std::vector<double> values;
  if (series == nullptr || series->is_null()) return values;
  const Json* samples = member(*series, "samples");
  if (samples == nullptr || !samples->is_array())
    return wrong("null or an object with samples", *series);
  if (samples->size() > kMostSamples)
    return wrong(fmt::format("{} samples at most", kMostSamples), samples->size());
  for (const Json& sample : *samples) {
    if (!sample.is_number() || !(sample.get<double>() > 0) || sample.get<double>() > kMostSample)
      return wrong("samples above 0 and up to 1e18", sample);
    values.push_back(sample.get<double>());
  }
  return values;
}

/// The visits of a configuration; documents of older versions say nothing of this reference work
/// (`reference_ns` was of another one), or of visits at all.
Result<std::vector<Visit>> visits_in(const Json& configuration) {
  const std::string place = text_of(configuration, "id") + ", visits";
  const auto wrong = [&](std::string_view expected, const Json& got) {
    return fail(ErrorCode::corrupt, "'{}': expected {}, got {}", place, expected,
                got.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  std::vector<Visit> visits;
  const Json* list = member(configuration, "visits");
  if (list == nullptr || list->is_null()) return visits;
  if (!list->is_array()) return wrong("a list or null", list->type_name());
  if (list->size() > kMostVisits)
    return wrong(fmt::format("{} visits at most", kMostVisits), list->size());
  for (const Json& one : *list) {
    const Json* requests = member(one, "requests");
    if (requests == nullptr || !requests->is_number_unsigned() || *requests > kMostRequests)
      return wrong("a number of requests", requests == nullptr ? Json() : *requests);
    Visit visit{.requests = requests->get<size_t>()};
    for (const auto& [key, to] :
         {std::pair("reference_round_ns", &visit.reference_ns),
          std::pair("cached_reference_round_ns", &visit.cached_reference_ns)}) {
      const Json* reference = member(one, key);
      if (reference == nullptr || reference->is_null()) continue;
      if (!reference->is_number() || !(reference->get<double>() > 0) ||
          reference->get<double>() > kMostSample)
        return wrong("references above 0 and up to 1e18", *reference);
      *to = reference->get<double>();
    }
    visits.push_back(visit);
  }
  return visits;
}

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

Status check_model(const Json& document, const Report& report) {
  const Json* model = member(document, "model");
  for (const auto& [key, own] :
       {std::pair("name", report.model.name),
        std::pair("numerics", std::string(to_string(report.model.numerics)))}) {
    const std::string found = model == nullptr ? "" : text_of(*model, key);
    if (found != own)
      return fail(ErrorCode::mismatch, "the baseline's model has the {} '{}', this one '{}'", key,
                  found, own);
  }
  return {};
}

/// Of what speed depends on and no id has. Documents of older versions do not say all of it.
Status check_settings(const Json& document, const Report& report) {
  const Json* settings = member(document, "settings");
  if (settings == nullptr) return {};
  const std::string prompt =
      report.options.prompt_name.empty() ? "built-in text" : report.options.prompt_name;
  for (const auto& [key, own] :
       {std::pair("answer_tokens", Json(report.options.answer_tokens)),
        std::pair("prompt", Json(prompt)), std::pair("isa", Json(report.isa)),
        std::pair("warmup", Json(report.options.warmup))}) {
    const Json* found = member(*settings, key);
    if (found == nullptr || found->is_null() || own == "" || *found == own) continue;
    return with_hint(
        fail(ErrorCode::mismatch, "the baseline was measured with {} {}, this run with {}", key,
             found->dump(), own.dump()),
        "speeds of different settings are not compared");
  }
  return {};
}

/// By the same backend, on the units that the configuration names. Older documents do not say.
bool ran_alike(const Json& before, const Configuration& after) {
  const Json* execution = member(before, "execution");
  if (execution == nullptr || !execution->is_object() || !after.execution) return true;
  const Json* fell_back = member(*execution, "fell_back");
  return text_of(*execution, "backend") == to_string(after.execution->backend) &&
         (fell_back == nullptr || *fell_back == has_fallen_back(*after.execution));
}

/// Whether the options of this run ask for it in `one`, whose own blocks and chunks are what was
/// found, where no flag names them.
bool is_asked_for(const Json& before, const Configuration& one, const Options& options) {
  const auto is = [&](const char* key, const Json& own) {
    const Json* found = member(before, key);
    return found != nullptr && *found == own;
  };
  return is("context_tokens", one.context_tokens) && is("compute_units", one.compute_units) &&
         is("threads", one.threads) && text_of(before, "quantize") == one.quantize &&
         (options.prefill.empty() || !one.prefill_block_tokens ||
          is("prefill_block_tokens", *one.prefill_block_tokens)) &&
         (options.chunks.empty() || !one.chunks || is("chunks", *one.chunks));
}

/// Whether the run should have measured what it has not, as itself or, with other blocks or chunks,
/// as a configuration that the baseline does not have. One that Core ML's CPU ran for the Neural
/// Engine in the baseline alone is no loss.
bool is_lost(const Json& before, const std::vector<const Json*>& baseline, const Report& report) {
  const auto is_better = [&](const Configuration& one) {
    const Json* execution = member(before, "execution");
    const Json* fell_back = execution == nullptr ? nullptr : member(*execution, "fell_back");
    return one.execution && fell_back != nullptr && *fell_back == true &&
           !has_fallen_back(*one.execution) &&
           text_of(*execution, "backend") == to_string(one.execution->backend);
  };
  const auto is_new = [&](const Configuration& one) {
    return std::ranges::none_of(
        baseline, [&](const Json* entry) { return text_of(*entry, "id") == one.id(); });
  };
  return std::ranges::any_of(report.configurations, [&](const Configuration& one) {
    if (one.is_measured() && one.id() == text_of(before, "id")) return !is_better(one);
    return (!one.is_measured() || is_new(one)) && is_asked_for(before, one, report.options);
  });
}

/// Weights of another size are another model, whatever its name. Of the same size with another
/// hash they may be what a changed conversion made of them: that is compared and said.
Status check_artifact(const Json& before, const std::string& id, const Configuration& after,
                      BaselineVerdict& verdict) {
  const Json* artifact = member(before, "artifact");
  if (artifact == nullptr || !artifact->is_object() || !after.artifact) return {};
  const Json* weights = member(*artifact, "weight_bytes");
  if (weights != nullptr && weights->is_number() && *weights != after.artifact->weight_bytes)
    return fail(ErrorCode::mismatch, "the baseline's {} has {} bytes of weights, this one {}", id,
                weights->dump(), after.artifact->weight_bytes);
  if (text_of(*artifact, "hash") != after.artifact->hash) verdict.other_artifacts.push_back(id);
  return {};
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

BaselineVerdict::Compared compare(const std::string& id, const Metric& metric,
                                  const Samples& earlier, const Samples& now,
                                  const SlowdownRule& rule) {
  const std::vector<VisitTime> visits_before = by_visit(earlier.all, earlier.visits, metric);
  const std::vector<VisitTime> visits_after = by_visit(now.all, now.visits, metric);
  BaselineVerdict::Compared compared = judge_slowdown(visits_before, visits_after, rule);
  compared.id = id;
  compared.metric = metric.name;
  compared.baseline_visits = visits_before.size();
  compared.visits = visits_after.size();
  compared.baseline_median = statistics::percentile(earlier.all, 0.5);
  compared.median = statistics::percentile(now.all, 0.5);
  compared.slowdown = metric.higher_is_better ? compared.baseline_median / compared.median
                                              : compared.median / compared.baseline_median;
  return compared;
}

/// Of letters, digits and what else a run writes into ids: ids are shown on terminals and in
/// Markdown.
bool is_id(const std::string& text) {
  return !text.empty() && text.size() <= kMostIdBytes && std::ranges::all_of(text, [](char c) {
    return c >= ' ' && c <= '~' && std::string_view("<>&|`\\*[]\"'").find(c) == std::string::npos;
  });
}

Result<std::vector<const Json*>> measured_of(const Json& document) {
  const Json* list = member(document, "configurations");
  if (list == nullptr || !list->is_array())
    return fail(ErrorCode::corrupt, "the document has no configurations");
  if (list->size() > kMostConfigurations)
    return fail(ErrorCode::corrupt, "'configurations': expected {} at most, got {}",
                kMostConfigurations, list->size());
  std::vector<const Json*> measured;
  std::set<std::string> ids;
  for (const Json& one : *list) {
    if (text_of(one, "id").empty())
      return fail(ErrorCode::corrupt, "'configurations': expected objects with an id, got {}",
                  one.type_name());
    if (!is_id(text_of(one, "id")))
      return fail(ErrorCode::corrupt,
                  "'configurations': expected an id as \"context=128 units=cpu\", got a text of {} "
                  "bytes with other characters",
                  text_of(one, "id").size());
    if (!ids.insert(text_of(one, "id")).second)
      return fail(ErrorCode::corrupt, "'configurations': two have the id '{}'", text_of(one, "id"));
    if (text_of(one, "status") == to_string(Outcome::measured)) measured.push_back(&one);
  }
  return measured;
}

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
    ANEMONE_RETURN_IF_ERROR(check_artifact(before, id, *after, verdict));
    ANEMONE_TRY(auto earlier_visits, visits_in(before));
    if (!tells_speed_of(*after)) remove_references(earlier_visits);
    for (const Metric& metric : kMetrics) {
      ANEMONE_TRY(const auto earlier, samples_of(before, metric));
      const auto& now = metric.of(*after->measurement).samples;
      if (earlier.empty() || now.empty()) continue;
      verdict.compared.push_back(
          compare(id, metric, {earlier, earlier_visits}, {now, after->measurement->visits}, rule));
      if (scatter == Scatter::drawn)
        verdict.compared.back().scatter = scatter_of(metric, earlier, now, bootstrap);
    }
  }
  if (verdict.compared.empty() && verdict.lost.empty())
    return with_hint(fail(ErrorCode::mismatch, "it has no configuration that was measured here"),
                     "sweep the configurations of the baseline");
  return verdict;
}

}  // namespace

Status check_baseline(const std::filesystem::path& baseline, const Options& options) {
  ANEMONE_TRY(const Json document, read_json_object(baseline));
  Report report{.isa = kernel_isa(options.isa), .machine = find_machine(), .options = options};
  // Whether the model has a tokenizer is not known yet.
  if (const Json* settings = member(document, "settings"))
    if (text_of(*settings, "prompt") == kRandomPrompt) report.options.prompt_name = kRandomPrompt;
  const auto work = [&]() -> Status {
    ANEMONE_RETURN_IF_ERROR(check_identity(document, report.machine));
    ANEMONE_RETURN_IF_ERROR(check_settings(document, report));
    ANEMONE_TRY(const auto measured, measured_of(document));
    for (const Json* before : measured) {
      ANEMONE_RETURN_IF_ERROR(visits_in(*before));
      for (const Metric& metric : kMetrics) ANEMONE_RETURN_IF_ERROR(samples_of(*before, metric));
    }
    if (!measured.empty()) return {};
    return fail(ErrorCode::mismatch, "the baseline has no configuration that was measured");
  };
  return work().in(baseline.string());
}

namespace {

Result<BaselineVerdict> judge_with(Scatter scatter, const Report& report,
                                   const std::filesystem::path& baseline, double threshold) {
  if (!report.complete)
    return fail(ErrorCode::interrupted, "a run that was stopped is held against no baseline");
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

Result<BaselineVerdict> judge(const Report& report, const std::filesystem::path& baseline,
                              double threshold) {
  return judge_with(Scatter::drawn, report, baseline, threshold);
}

Result<BaselineVerdict> judge_visits(const Report& report, const std::filesystem::path& baseline,
                                     double threshold) {
  return judge_with(Scatter::left_out, report, baseline, threshold);
}

}  // namespace anemone::bench
