#include "bench_gate.h"

#include <fmt/format.h>

#include <algorithm>

#include "terminal.h"

namespace anemone::tools {
namespace {

using bench::BaselineVerdict;

/// The first with this verdict, and how many more have it.
std::string named(const BaselineVerdict& verdict, const BaselineVerdict::Compared& first) {
  const auto more =
      std::ranges::count(verdict.compared, first.verdict, &BaselineVerdict::Compared::verdict) - 1;
  return first.metric + " of " + first.id + (more > 0 ? fmt::format(" and {} more", more) : "");
}

/// "1.21 times as long (1.18 to 1.24)".
std::string times_of(const BaselineVerdict::Compared& one) {
  if (!one.adjusted) return {};
  return fmt::format(": {:.2f} times as long ({:.2f} to {:.2f}) beside the machine's own speed",
                     one.adjusted->value, one.adjusted->interval.low, one.adjusted->interval.high);
}

void tell_pass(const BaselineVerdict& verdict, const std::string& baseline, const LogSink& log) {
  const auto faster = std::ranges::count(verdict.compared, std::string("faster"),
                                         &BaselineVerdict::Compared::verdict);
  log(LogLevel::info,
      fmt::format("{}: passed: none of {} is slower by more than {:.4g} %{}", baseline,
                  counted(verdict.compared.size(), "metric"), 100 * verdict.threshold,
                  faster > 0 ? fmt::format(", {} faster", faster) : ""));
  for (const std::string& remark : verdict.remarks()) log(LogLevel::info, remark);
}

}  // namespace

Status check_verdict(const BaselineVerdict& verdict, const std::string& baseline,
                     const LogSink& log) {
  if (!verdict.lost.empty())
    return Error{ErrorCode::mismatch,
                 fmt::format("{} is in {} and was not measured", verdict.lost[0], baseline),
                 {},
                 {}};
  for (const auto& one : verdict.compared)
    if (one.verdict == "slower")
      return Error{ErrorCode::mismatch,
                   fmt::format("slower than {} by more than {:.4g} %: {}{}", baseline,
                               100 * verdict.threshold, named(verdict, one), times_of(one)),
                   {},
                   one.threads > 1 ? verdict.remarks().front() : ""};
  for (const auto& one : verdict.compared)
    if (const auto doubt = one.doubt())
      return Error{ErrorCode::unsupported,
                   fmt::format("cannot tell whether this is slower than {}: {}: {}", baseline,
                               named(verdict, one), doubt->cause),
                   {},
                   doubt->hint};
  tell_pass(verdict, baseline, log);
  return {};
}

}  // namespace anemone::tools
