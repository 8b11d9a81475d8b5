#include <algorithm>

#include "ane/rule.h"

namespace anemone::ane {

#define RULE(id) extern const Rule k_##id;
#include "ane/rules.inc"
#undef RULE

namespace {

constexpr const Rule* kRules[] = {
#define RULE(id) &k_##id,
#include "ane/rules.inc"
#undef RULE
};

}  // namespace

std::span<const Rule* const> all_rules() { return kRules; }

void judge(const ModelView& model, const Rule& rule, Findings& findings) {
  findings.set_rule(rule);
  for (const auto& package : model.packages) {
    if (!package->faults.empty() && !rule.judges_ill_formed) continue;
    if (rule.check_package != nullptr) rule.check_package(*package, findings);
    if (rule.check_function == nullptr) continue;
    for (const FunctionView& function : package->functions) rule.check_function(function, findings);
  }
  const auto well_formed = [](const auto& package) { return package->faults.empty(); };
  if (rule.check_model != nullptr && std::ranges::all_of(model.packages, well_formed))
    rule.check_model(model, findings);
}

Obstacles obstacles_in(const ModelView& model, const Chip& chip) {
  Findings findings({&chip});
  for (const Rule* rule : kRules)
    if (rule->leaves != Leaves::nothing) judge(model, *rule, findings);
  return findings.obstacles();
}

std::vector<RuleInfo> rules() {
  std::vector<RuleInfo> infos;
  for (const Rule* rule : kRules) infos.push_back(rule->info);
  return infos;
}

}  // namespace anemone::ane
