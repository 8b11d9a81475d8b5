#include "bench/judgement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "runtime/coreml.h"

namespace anemone::bench {
namespace {

constexpr const char* kRule =
    "the highest median decoding speed at the largest context that was measured; speeds whose "
    "confidence intervals overlap with the highest count as equal, and then the lowest median time "
    "to a warm first token, the lowest peak memory and the order of the sweep decide";

double median_or(const Series& series, double otherwise) {
  return series.summary ? series.summary->median : otherwise;
}

/// Of decoding; one sample has none.
std::optional<statistics::Interval> interval_of(const Measurement& one) {
  const auto& summary = one.decode_tokens_per_second.summary;
  return summary ? summary->interval : std::nullopt;
}

double speed(const Measurement& one) { return median_or(one.decode_tokens_per_second, 0); }
/// Later, larger or dearer than any that was measured.
constexpr double kNotMeasured = 1e300;

double first_token(const Measurement& one) {
  return median_or(one.first_token.warm_ns, kNotMeasured);
}

double peak(const Measurement& one) {
  const Memory& memory = one.memory;
  return memory.peak_rss_bytes && memory.peak_is_own ? static_cast<double>(*memory.peak_rss_bytes)
                                                     : kNotMeasured;
}

double energy(const Measurement& one) { return one.energy.joules_per_token.value_or(kNotMeasured); }

std::optional<runtime::Backend> backend_of(const Configuration& one) {
  return one.execution ? std::optional(one.execution->backend) : std::nullopt;
}

/// Not known to be slower: by their intervals, or without them by the same median.
bool reaches(const Measurement& one, const Measurement& fastest) {
  const auto own = interval_of(one);
  const auto best = interval_of(fastest);
  return own && best ? own->high >= best->low : speed(one) >= speed(fastest);
}

using Candidates = std::vector<const Configuration*>;

/// With a decoding speed: an answer of one token has none.
Candidates measured_at_largest(const std::vector<Configuration>& all) {
  const auto has_speed = [](const Configuration& one) {
    return one.is_measured() && one.measurement->decode_tokens_per_second.summary;
  };
  int64_t largest = 0;
  for (const Configuration& one : all)
    if (has_speed(one)) largest = std::max(largest, one.context_tokens);
  Candidates found;
  for (const Configuration& one : all)
    if (has_speed(one) && one.context_tokens == largest) found.push_back(&one);
  return found;
}

std::string explain(const Configuration& best, const Candidates& candidates, size_t equals) {
  const Measurement& own = *best.measurement;
  const auto interval = interval_of(own);
  std::string why = fmt::format(
      "at context {} it decodes {:.1f} tokens a second ({})", best.context_tokens, speed(own),
      interval ? fmt::format("interval {:.1f} to {:.1f}", interval->low, interval->high)
               : std::string("one request, which has no interval"));
  if (own.first_token.warm_ns.summary)
    why += fmt::format(", first token after {:.2f} ms", first_token(own) * 1e-6);
  if (candidates.size() == 1) return why + "; no other configuration was measured there";
  why += fmt::format("; of {} configurations measured there ", candidates.size());
  if (equals == 1) return why + "none of the others reaches that speed";
  return why + fmt::format("{} are as fast{}, and of these its first token is the earliest", equals,
                           interval ? " within their intervals" : "");
}

}  // namespace

std::optional<Best> choose_best(const std::vector<Configuration>& configurations) {
  const Candidates candidates = measured_at_largest(configurations);
  if (candidates.empty()) return {};
  const Configuration& fastest = **std::ranges::max_element(
      candidates, {}, [](const Configuration* one) { return speed(*one->measurement); });
  Candidates equals;
  for (const Configuration* one : candidates)
    if (reaches(*one->measurement, *fastest.measurement)) equals.push_back(one);
  const Configuration* best = *std::ranges::min_element(equals, {}, [](const Configuration* one) {
    return std::pair(first_token(*one->measurement), peak(*one->measurement));
  });
  Best result{.id = best->id(), .rule = kRule, .why = explain(*best, candidates, equals.size())};
  result.by["decode_tokens_per_second"] = fastest.id();
  for (const auto& [metric, value] :
       {std::pair("first_token_ns", &first_token), std::pair("peak_rss_bytes", &peak),
        std::pair("joules_per_token", &energy)}) {
    const Configuration& least_of = **std::ranges::min_element(
        candidates, {}, [&](const Configuration* one) { return value(*one->measurement); });
    if (value(*least_of.measurement) < kNotMeasured) result.by[metric] = least_of.id();
  }
  return result;
}

std::vector<Scaling> find_scaling(const std::vector<Configuration>& configurations) {
  std::vector<Scaling> lines;
  const auto add = [&](const char* metric, const auto& series_of) {
    std::map<std::string, std::vector<std::pair<int64_t, double>>> groups;
    for (const Configuration& one : configurations)
      if (one.is_measured() && series_of(*one.measurement).summary)
        groups[one.group()].emplace_back(one.context_tokens,
                                         series_of(*one.measurement).summary->median);
    for (auto& [group, points] : groups) {
      std::ranges::sort(points);
      std::vector<double> x;
      std::vector<double> y;
      for (const auto& [context, median] : points) {
        x.push_back(static_cast<double>(context));
        y.push_back(median);
      }
      if (points.size() < 3) continue;
      if (const auto line = statistics::fit_line(x, y))
        lines.push_back({metric, group, std::move(points), *line});
    }
  };
  add("step_ns", [](const Measurement& one) -> const Series& { return one.step_ns; });
  add("first_token_ns",
      [](const Measurement& one) -> const Series& { return one.first_token.warm_ns; });
  return lines;
}

bool has_fallen_back(const runtime::Execution& execution) {
  return std::ranges::any_of(execution.notes, [](const std::string& note) {
    return note.find(runtime::kRefusedUnits) != std::string::npos;
  });
}

std::string drift_text(const statistics::Drift& drift) {
  if (std::abs(drift.change) > 1) return "n/a (varies more than a line says)";
  return fmt::format("{:+.1f} %", 100 * drift.change);
}

std::vector<TargetVerdict> judge_targets(const Report& report) {
  std::vector<TargetVerdict> verdicts;
  const auto judge_one = [&](const Configuration& one, const char* metric, double limit,
                             const Series Measurement::*direct, const Series FirstToken::*time,
                             double Floor::*floor) {
    TargetVerdict verdict{.id = one.id(), .metric = metric, .limit = limit};
    if (one.is_measured()) {
      const Measurement& own = *one.measurement;
      const Series& series = direct != nullptr ? own.*direct : own.first_token.*time;
      if (series.summary) verdict.median = series.summary->median;
      if (own.floor.*floor > 0) verdict.floor = own.floor.*floor;
    }
    if (verdict.median)
      verdict.met = direct != nullptr ? *verdict.median > limit : *verdict.median < limit;
    verdicts.push_back(std::move(verdict));
  };
  for (const Configuration& one : report.configurations) {
    if (const auto ms = report.options.target_first_token_ms) {
      judge_one(one, "first_token_ns.warm", *ms * 1e6, nullptr, &FirstToken::warm_ns,
                &Floor::first_token_ns);
      judge_one(one, "first_token_ns.cached", *ms * 1e6, nullptr, &FirstToken::cached_ns,
                &Floor::cached_first_token_ns);
    }
    if (const auto speed = report.options.target_tokens_per_second)
      judge_one(one, "decode_tokens_per_second", *speed, &Measurement::decode_tokens_per_second,
                nullptr, &Floor::tokens_per_second);
  }
  return verdicts;
}

namespace {

/// The measured configuration on the CPU that differs from `engine` by its units alone.
const Configuration* on_cpu(const Configuration& engine, const Report& report) {
  const auto hash_of = [](const Configuration& one) {
    return one.artifact ? one.artifact->hash : std::string();
  };
  const auto found = std::ranges::find_if(report.configurations, [&](const Configuration& other) {
    return other.compute_units == "cpu" && other.is_measured() &&
           other.context_tokens == engine.context_tokens &&
           other.prefill_block_tokens == engine.prefill_block_tokens &&
           other.chunks == engine.chunks && other.quantize == engine.quantize &&
           other.threads == engine.threads && backend_of(other) == backend_of(engine) &&
           hash_of(other) == hash_of(engine);
  });
  return found == report.configurations.end() ? nullptr : &*found;
}

/// Contexts of the sweep that no speed-up speaks of: "256, 512".
std::string missing_contexts(const Report& report, const Phase2Verdict& verdict) {
  std::set<int64_t> missing;
  for (const Configuration& one : report.configurations) missing.insert(one.context_tokens);
  for (const auto& speedup : verdict.speedups) missing.erase(speedup.context_tokens);
  return fmt::format("{}", fmt::join(missing, ", "));
}

/// What of a pair's ratio heat may have made: its speeds are not measured at the same time.
void note_drift(const Configuration& one, std::string& drifts) {
  const auto& drift = one.measurement->drift;
  if (drift && drift->significant)
    drifts += fmt::format("; the speed of {} drifted by {} while it was measured", one.id(),
                          drift_text(*drift));
}

}  // namespace

Phase2Verdict judge_phase2(const Report& report) {
  Phase2Verdict verdict;
  bool slower = false;
  bool varies = false;
  size_t beyond = 0;
  size_t refused = 0;
  std::string drifts;
  for (const Configuration& engine : report.configurations) {
    if (engine.compute_units != "cpu-ane" || !engine.is_measured()) continue;
    if (engine.execution && has_fallen_back(*engine.execution)) {
      ++refused;
      continue;
    }
    const Configuration* cpu = on_cpu(engine, report);
    if (cpu == nullptr) continue;
    const auto& fast = engine.measurement->decode_tokens_per_second.samples;
    const auto& slow = cpu->measurement->decode_tokens_per_second.samples;
    if (fast.empty() || slow.empty()) continue;
    const auto ratio = statistics::ratio_of_medians(
        fast, slow, {.confidence = report.options.confidence, .seed = report.options.seed});
    verdict.speedups.push_back({engine.context_tokens, ratio});
    slower = slower || ratio.interval.low <= kTargetSpeedup;
    beyond += ratio.value > kExpectedSpeedup ? 1 : 0;
    const Outputs& ours = engine.measurement->outputs;
    const Outputs& theirs = cpu->measurement->outputs;
    varies = varies || !ours.repeatable || !theirs.repeatable;
    verdict.identical_outputs =
        verdict.identical_outputs.value_or(true) && ours.tokens == theirs.tokens && !varies;
    note_drift(*cpu, drifts);
    note_drift(engine, drifts);
  }
  if (refused > 0) {
    verdict.speedups.clear();
    verdict.identical_outputs.reset();
    verdict.reason = fmt::format(
        "Core ML refuses the Neural Engine in {} of the configurations and ran them, or functions "
        "of them, on the CPU: their speeds are not its speeds",
        refused);
    return verdict;
  }
  if (verdict.speedups.empty()) {
    verdict.reason =
        "no configuration was measured on the Neural Engine and on the CPU alike, by one backend: "
        "this needs a Mac";
    return verdict;
  }
  if (const std::string missing = missing_contexts(report, verdict); !missing.empty()) {
    verdict.reason = fmt::format(
        "the target is for every context, and of {} no speeds of Neural Engine and CPU, by one "
        "backend and of one model, were measured",
        missing);
    return verdict;
  }
  verdict.met = !slower && verdict.identical_outputs.value_or(false);
  verdict.reason = fmt::format(
      "the {:.4g} % interval of the ratio of median decoding speeds {} above {} at every context, "
      "the greedy tokens {}, and {} of {} ratios lie beyond the expected {}{}",
      100 * report.options.confidence, slower ? "does not lie" : "lies", kTargetSpeedup,
      varies                       ? "vary from request to request"
      : *verdict.identical_outputs ? "are the same"
                                   : "are not the same",
      beyond, verdict.speedups.size(), kExpectedSpeedup, drifts);
  return verdict;
}

}  // namespace anemone::bench
