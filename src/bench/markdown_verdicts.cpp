#include <fmt/format.h>

#include <algorithm>

#include "bench/baseline.h"
#include "bench/judgement.h"
#include "bench/markdown.h"

namespace anemone::bench {
namespace {

std::string targets(const Report& report) {
  MarkdownTable table({"configuration", "metric", "limit", "median", "floor by memory", "met"});
  for (const TargetVerdict& one : report.targets) {
    const bool time = one.metric.starts_with("first_token");
    const double unit = time ? 1e-6 : 1;
    const auto shown = [&](const std::optional<double>& value) {
      return optional_number(value, unit, time ? 2 : 1);
    };
    table.add({one.id, one.metric + (time ? ", ms" : ""), shown(one.limit), shown(one.median),
               shown(one.floor),
               !one.met   ? kNone
               : *one.met ? "yes"
                          : "no"});
  }
  return table.text();
}

/// A number of a metric of `BaselineVerdict`, times in milliseconds.
std::string of_metric(const std::string& metric, double value) {
  const bool is_time = metric.starts_with("first_token");
  return fmt::format("{:.{}f}", value * (is_time ? 1e-6 : 1), is_time ? 3 : 1);
}

std::string baselines(const Report& report) {
  if (const std::string reason = baseline_reason(report); !reason.empty())
    return fmt::format("## Baseline {}: n/a\n\n{}\n\n", report.options.baseline.filename().string(),
                       reason);
  if (!report.baseline) return {};
  const BaselineVerdict& own = *report.baseline;
  MarkdownTable table({"configuration", "metric", "baseline", "now", "slowdown", "the machine's",
                       "without it (" + level(report) + ")", "visits", "verdict"});
  for (const auto& one : own.compared)
    table.add({one.id, one.metric + (one.metric.starts_with("first_token") ? ", ms" : ""),
               of_metric(one.metric, one.baseline_visits_mean),
               of_metric(one.metric, one.visits_mean), fmt::format("{:.3f}", one.visits_slowdown),
               optional_number(one.machine, 1, 3),
               one.adjusted ? fmt::format("{:.3f} ({:.3f}-{:.3f})", one.adjusted->value,
                                          one.adjusted->interval.low, one.adjusted->interval.high)
                            : kNone,
               fmt::format("{} and {}", one.baseline_visits, one.visits), one.verdict});
  std::string notes;
  for (const std::string& id : own.missing)
    notes += fmt::format(
        "- {}: in the baseline, not measured here{}\n", id,
        std::ranges::count(own.lost, id) > 0 ? " though it was asked for: the gate fails" : "");
  for (const std::string& id : own.other_artifacts)
    notes +=
        fmt::format("- {}: other packages than the baseline's, of as many bytes of weights\n", id);
  for (const auto& one : own.other_sizes)
    notes +=
        fmt::format("- {}: other packages than the baseline's, of {} bytes of weights, not {}\n",
                    one.id, one.weight_bytes, one.baseline_weight_bytes);
  for (const std::string& remark : own.remarks()) notes += "- " + remark + "\n";
  return fmt::format("## Baseline {}: {}\n\n{}\n\n", own.file, own.status(), rule_of(own)) +
         (table.empty() ? "" : table.text()) + (notes.empty() ? "" : notes + "\n");
}

}  // namespace

std::string verdicts(const Report& report) {
  std::string out;
  for (const Scaling& line : report.scaling)
    out += fmt::format(
        "- {} over context, {}: {:.4f} ms + {:.6f} ms a token (r2 {:.3f}){}\n",
        line.metric == "step_ns" ? "time of a token" : "first token", line.group,
        line.line.intercept * 1e-6, line.line.slope * 1e-6, line.line.r2,
        line.line.intercept < 0 ? "; no time is below 0: it says nothing of shorter contexts" : "");
  if (!out.empty()) out = "## Scaling with the context\n\n" + out + "\n";
  if (report.best)
    out += fmt::format("## Best configuration\n\n{}: {}.\n\nRule: {}.\n\n", report.best->id,
                       report.best->why, report.best->rule);
  if (report.phase2) {
    const Phase2Verdict& own = *report.phase2;
    out += fmt::format("## Phase 2: Neural Engine against CPU, target {:.1f}\n\n{}: {}.\n\n",
                       kTargetSpeedup,
                       !own.met   ? kNone
                       : *own.met ? "met"
                                  : "not met",
                       own.reason);
    for (const auto& one : own.speedups)
      out += fmt::format("- context {}: {:.2f} ({:.2f} to {:.2f})\n", one.context_tokens,
                         one.ratio.value, one.ratio.interval.low, one.ratio.interval.high);
    out += fmt::format(
        "- the earlier DistilBERT: {:.2f} ms against {:.2f} ms, {:.2f} to {:.2f} times ({}; "
        "{})\n\n",
        DistilBert::kAneMs, DistilBert::kCpuMs, DistilBert::kLow, DistilBert::kHigh,
        DistilBert::kConditions, DistilBert::kSource);
  }
  if (!report.targets.empty()) out += "## Targets\n\n" + targets(report);
  return out + baselines(report);
}

}  // namespace anemone::bench
