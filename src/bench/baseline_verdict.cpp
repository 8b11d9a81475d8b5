#include <fmt/format.h>

#include <algorithm>

#include "bench/baseline.h"
#include "bench/slowdown.h"

namespace anemone::bench {
namespace {

std::string speed_words(double machine) {
  return machine >= 1 ? fmt::format("{:.2f} times as slow", machine)
                      : fmt::format("{:.2f} times as fast", 1 / machine);
}

}  // namespace

std::optional<BaselineVerdict::Doubt> BaselineVerdict::Compared::doubt() const {
  if (verdict != "unclear") return {};
  if (!adjusted)
    return Doubt{"one visit of each run says nothing of how far runs differ",
                 "measure both with 8 --repetitions or more, which make four visits"};
  const std::string times = fmt::format("the time is {:.2f} to {:.2f} times the baseline's",
                                        adjusted->interval.low, adjusted->interval.high);
  if (!machine)
    return Doubt{"nothing says how fast the machine was: " + times,
                 "other units than cpu have no reference work, nor have older versions: measure a "
                 "baseline of those again"};
  if (*machine > kMostMachineChange || *machine < 1 / kMostMachineChange)
    return Doubt{"the machine is " + speed_words(*machine) + " as when the baseline was measured",
                 "measure the baseline again"};
  return Doubt{fmt::format("by the scatter of visits, on a machine that is {}, {}",
                           speed_words(*machine), times),
               "measure both with nothing else running, or with more --repetitions"};
}

std::vector<std::string> BaselineVerdict::remarks() const {
  const auto several =
      std::ranges::find_if(compared, [](const Compared& one) { return one.threads > 1; });
  if (several == compared.end()) return {};
  return {fmt::format(
      "With {} threads whole processes of one program differed by up to 20 % where that was tried, "
      "which no verdict knows: --threads 1, of the baseline too, tells more.",
      several->threads)};
}

std::string rule_of(const BaselineVerdict& verdict) {
  return fmt::format(
      "Baseline and now are geometric means of the visits' medians; the slowdown from one to the "
      "other is the machine's times what is left without it, which alone is judged. Slower: the "
      "whole interval lies above {:.4g} %, and the times themselves do. The same: all "
      "of it lies below {:.4g} %. Unclear: neither; measure both again with nothing else running.",
      100 * verdict.threshold, 100 * (verdict.threshold + kResolution));
}

bool BaselineVerdict::regressed() const {
  return !lost.empty() ||
         std::ranges::any_of(compared, [](const Compared& one) { return one.verdict == "slower"; });
}

bool BaselineVerdict::unclear() const {
  return !regressed() && std::ranges::any_of(compared, [](const Compared& one) {
    return one.verdict == "unclear";
  });
}

bool BaselineVerdict::is_unsettled(const std::string& id) const {
  return std::ranges::any_of(compared, [&](const Compared& one) {
    return one.id == id && (one.verdict == "slower" || one.verdict == "unclear");
  });
}

const char* BaselineVerdict::status() const {
  return regressed() ? "regressed" : unclear() ? "unclear" : "passed";
}

}  // namespace anemone::bench
