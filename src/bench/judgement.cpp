#include "bench/judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

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

statistics::Interval interval_of(const Series& series) {
  if (!series.summary) return {};
  return series.summary->interval.value_or(
      statistics::Interval{series.summary->median, series.summary->median});
}

double speed(const Measurement& one) { return median_or(one.decode_tokens_per_second, 0); }
double first_token(const Measurement& one) { return median_or(one.first_token.warm_ns, 1e300); }
double peak(const Measurement& one) {
  return one.memory.peak_rss_bytes ? static_cast<double>(*one.memory.peak_rss_bytes) : 1e300;
}

std::optional<runtime::Backend> backend_of(const Configuration& one) {
  return one.execution ? std::optional(one.execution->backend) : std::nullopt;
}

using Candidates = std::vector<const Configuration*>;

Candidates measured_at_largest(const std::vector<Configuration>& all) {
  int64_t largest = 0;
  for (const Configuration& one : all)
    if (one.measurement) largest = std::max(largest, one.context_tokens);
  Candidates found;
  for (const Configuration& one : all)
    if (one.measurement && one.context_tokens == largest) found.push_back(&one);
  return found;
}

std::string explain(const Configuration& best, const Candidates& candidates, size_t equals) {
  const Measurement& own = *best.measurement;
  std::string why = fmt::format(
      "at context {} it decodes {:.1f} tokens a second (interval {:.1f} to {:.1f}), first token "
      "after {:.2f} ms",
      best.context_tokens, speed(own), interval_of(own.decode_tokens_per_second).low,
      interval_of(own.decode_tokens_per_second).high, first_token(own) * 1e-6);
  if (candidates.size() == 1) return why + "; no other configuration was measured there";
  why += fmt::format("; of {} configurations measured there ", candidates.size());
  if (equals == 1) return why + "none of the others reaches that speed";
  return why + fmt::format(
                   "{} are as fast within their intervals, and of these its first token is "
                   "the earliest",
                   equals);
}

}  // namespace

std::optional<Best> choose_best(const std::vector<Configuration>& configurations) {
  const Candidates candidates = measured_at_largest(configurations);
  if (candidates.empty()) return {};
  const auto by = [&](const auto& value, bool largest) {
    return **std::ranges::min_element(candidates, {}, [&](const Configuration* one) {
      const double number = value(*one->measurement);
      return largest ? -number : number;
    });
  };
  const Configuration fastest = by(speed, true);
  const double least = interval_of(fastest.measurement->decode_tokens_per_second).low;
  Candidates equals;
  for (const Configuration* one : candidates)
    if (interval_of(one->measurement->decode_tokens_per_second).high >= least)
      equals.push_back(one);
  const Configuration* best = *std::ranges::min_element(equals, {}, [](const Configuration* one) {
    return std::pair(first_token(*one->measurement), peak(*one->measurement));
  });
  Best result{.id = best->id(), .rule = kRule, .why = explain(*best, candidates, equals.size())};
  result.by["decode_tokens_per_second"] = fastest.id();
  result.by["first_token_ns"] = by(first_token, false).id();
  result.by["peak_rss_bytes"] = by(peak, false).id();
  const auto energy = [](const Measurement& one) {
    return one.energy.joules_per_token.value_or(1e300);
  };
  const Configuration thrifty = by(energy, false);
  if (thrifty.measurement->energy.joules_per_token) result.by["joules_per_token"] = thrifty.id();
  return result;
}

std::vector<Scaling> find_scaling(const std::vector<Configuration>& configurations) {
  std::vector<Scaling> lines;
  const auto add = [&](const char* metric, const auto& series_of) {
    std::map<std::string, std::vector<std::pair<int64_t, double>>> groups;
    for (const Configuration& one : configurations)
      if (one.measurement && series_of(*one.measurement).summary)
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

std::vector<TargetVerdict> judge_targets(const Report& report) {
  std::vector<TargetVerdict> verdicts;
  const auto judge_one = [&](const Configuration& one, const char* metric, double limit,
                             const Series Measurement::*direct, const Series FirstToken::*time,
                             double Floor::*floor) {
    TargetVerdict verdict{.id = one.id(), .metric = metric, .limit = limit};
    if (one.measurement) {
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

Phase2Verdict judge_phase2(const Report& report) {
  Phase2Verdict verdict;
  bool slower = false;
  size_t beyond = 0;
  size_t refused = 0;
  for (const Configuration& engine : report.configurations) {
    if (engine.compute_units != "cpu-ane" || !engine.measurement) continue;
    if (engine.execution && has_fallen_back(*engine.execution)) {
      ++refused;
      continue;
    }
    const auto cpu = std::ranges::find_if(report.configurations, [&](const Configuration& other) {
      return other.compute_units == "cpu" && other.measurement &&
             other.context_tokens == engine.context_tokens &&
             other.prefill_block_tokens == engine.prefill_block_tokens &&
             other.chunks == engine.chunks && other.quantize == engine.quantize &&
             other.threads == engine.threads && backend_of(other) == backend_of(engine);
    });
    if (cpu == report.configurations.end()) continue;
    const auto& fast = engine.measurement->decode_tokens_per_second.samples;
    const auto& slow = cpu->measurement->decode_tokens_per_second.samples;
    if (fast.empty() || slow.empty()) continue;
    const auto ratio = statistics::ratio_of_medians(
        fast, slow, {.confidence = report.options.confidence, .seed = report.options.seed});
    verdict.speedups.push_back({engine.context_tokens, ratio});
    slower = slower || ratio.interval.low <= kTargetSpeedup;
    beyond += ratio.value > kExpectedSpeedup ? 1 : 0;
    const bool equal = engine.measurement->outputs.tokens == cpu->measurement->outputs.tokens;
    verdict.identical_outputs = verdict.identical_outputs.value_or(true) && equal;
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
  verdict.met = !slower && verdict.identical_outputs.value_or(false);
  verdict.reason = fmt::format(
      "the {:.0f} % interval of the ratio of median decoding speeds {} above {} at every context, "
      "the greedy tokens are {}, and {} of {} ratios lie beyond the expected {}",
      100 * report.options.confidence, slower ? "does not lie" : "lies", kTargetSpeedup,
      *verdict.identical_outputs ? "the same" : "not the same", beyond, verdict.speedups.size(),
      kExpectedSpeedup);
  return verdict;
}

}  // namespace anemone::bench
