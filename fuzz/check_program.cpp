// MIL text: every rule judges what can be read, sound or not, and no rule crashes. What it finds
// has a place. The forecast of what is sound is within its bounds.

#include <cstdint>
#include <cstdlib>

#include "anemone/check.h"
#include "anemone/forecast.h"
#include "zero_weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto program = anemone::mil::parse({reinterpret_cast<const char*>(data), size}, load_zeros);
  if (!program.ok()) return 0;
  anemone::package::Package package;
  package.program = std::move(program).value();
  for (const anemone::mil::Function& function : package.program.functions)
    if (auto description = anemone::package::describe(function); description.ok())
      package.functions.push_back(std::move(description).value());
  const auto findings = anemone::ane::check(package);
  if (!findings.ok()) std::abort();
  for (const anemone::ane::Finding& finding : *findings)
    if (finding.rule.empty() || finding.message.empty()) std::abort();
  if (const auto forecast = anemone::ane::forecast(package); forecast.ok())
    for (const anemone::ane::FunctionForecast& function : forecast->functions)
      if (!(function.residency >= 0 && function.residency <= 1 + 1e-9)) std::abort();
  return 0;
}
