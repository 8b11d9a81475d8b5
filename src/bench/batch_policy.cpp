#include "anemone/batch_policy.h"

#include <fmt/format.h>

#include <algorithm>

namespace anemone::bench {
namespace {

double change(double from, double to) { return (to - from) / from; }

}  // namespace

const char* to_string(Workload workload) {
  return workload == Workload::interactive ? "interactive" : "offline";
}

std::optional<Workload> find_workload(std::string_view name) {
  for (const Workload workload : {Workload::interactive, Workload::offline})
    if (name == to_string(workload)) return workload;
  return {};
}

BatchPolicy choose_batch(Workload workload, std::span<const BatchSpeed> measured,
                         const BatchRule& rule) {
  if (workload == Workload::interactive)
    return {.why = "interactive: an answer waits for no other"};
  const auto one = std::ranges::find(measured, 1, &BatchSpeed::sequences);
  if (one == measured.end()) return {.why = "one sequence alone was not measured"};
  BatchPolicy best{.why = fmt::format(
                       "no number of sequences is {:.0f} % faster at steps at most {:.0f} % longer",
                       rule.least_gain * 100, rule.most_penalty * 100)};
  double best_score = 0;
  bool found = false;
  for (const BatchSpeed& batch : measured) {
    if (batch.sequences <= 1) continue;
    const double gain = change(one->tokens_per_second, batch.tokens_per_second);
    const double penalty = change(one->p95_step_ns, batch.p95_step_ns);
    if (gain < rule.least_gain || penalty > rule.most_penalty) continue;
    const double score = gain - rule.penalty_weight * penalty;
    if (found && (score < best_score || (score == best_score && batch.sequences > best.sequences)))
      continue;
    found = true;
    best_score = score;
    best = {batch.sequences, gain, penalty,
            fmt::format("{} sequences together: {:+.1f} % tokens a second, {:+.1f} % on the 95th "
                        "percentile of a step",
                        batch.sequences, gain * 100, penalty * 100)};
  }
  return best;
}

}  // namespace anemone::bench
