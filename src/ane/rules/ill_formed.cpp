#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

void judge(const PackageView& package, Findings& findings) {
  for (const mil::Diagnostic& fault : package.faults)
    findings.add(package, fault.to_string(),
                 {.operand = fault.function, .value = fault.constraint});
}

}  // namespace

extern const Rule k_ill_formed{
    .info = {.id = "ill_formed",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The program, its description or its weight file breaks a constraint "
                            "of the format; no other rule judges such a package.",
             .fix = "Convert the model again; anemone inspect --verify lists the same faults.",
             .source = "apple/coremltools, mlmodel/format/MIL.proto and Model.proto"},
    .judges_ill_formed = true,
    .check_package = judge};

}  // namespace anemone::ane
