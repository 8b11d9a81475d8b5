#include "passes/passes.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace anemone::passes {

#define PASS(name) extern const Pass k_##name;
#include "passes/passes.inc"
#undef PASS

namespace {

constexpr const Pass* kPasses[] = {
#define PASS(name) &k_##name,
#include "passes/passes.inc"
#undef PASS
};

std::string joined(const mil::Diagnostics& faults) {
  std::string text;
  for (const mil::Diagnostic& fault : faults) text += "; " + fault.to_string();
  return text;
}

Status check_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::ranges::find(kPasses, name, &Pass::name) != std::end(kPasses)) continue;
    std::string known;
    for (const Pass* pass : kPasses) known += (known.empty() ? "" : ", ") + std::string(pass->name);
    return with_hint(fail(ErrorCode::invalid_argument, "no pass is called '{}'", name),
                     "the passes are " + known);
  }
  return {};
}

}  // namespace

std::span<const Pass* const> all_passes() { return kPasses; }

Result<std::vector<Report>> run(mil::Program& program, const Options& options) {
  ANEMONE_RETURN_IF_ERROR(check_names(options.off));
  if (const mil::Diagnostics faults = mil::verify(program); !faults.empty())
    return fail(ErrorCode::corrupt, "the program breaks {} constraints{}", faults.size(),
                joined(faults));
  std::vector<Report> reports;
  for (const Pass* pass : kPasses) {
    if (std::ranges::find(options.off, pass->name) != options.off.end()) continue;
    Report& report = reports.emplace_back(Report{.pass = pass->name});
    for (mil::Function& function : program.functions) {
      const Counts counts = pass->run(function);
      report.counts.removed += counts.removed;
      report.counts.changed += counts.changed;
    }
    const mil::Diagnostics faults = mil::verify(program);
    ANEMONE_CHECK(faults.empty(), fmt::format("a program verifies after the pass {}{}", pass->name,
                                              joined(faults)));
  }
  return reports;
}

}  // namespace anemone::passes
