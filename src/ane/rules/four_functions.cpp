#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr size_t kFewestSeenToFail = 4;

void judge(const PackageView& package, Findings& findings) {
  const size_t count = package.package.program.functions.size();
  if (count >= kFewestSeenToFail)
    findings.add(package, fmt::format("{} functions in one package", count),
                 {.value = fmt::format("{}", count)});
}

}  // namespace

extern const Rule k_four_functions{
    .info = {.id = "four_functions",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Packages of four functions were seen to fail when their prefill is"
                            " loaded (\"function_name must be nil unless model type is ML "
                            "Program\").",
             .fix = "Put the functions of rotating caches into a package of their own, "
                    "as ANEMLL does with split_rotate.",
             .source = "Anemll/Anemll, CLAUDE.md"},

    .check_package = judge};

}  // namespace anemone::ane
