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

std::vector<RuleInfo> rules() {
  std::vector<RuleInfo> infos;
  for (const Rule* rule : kRules) infos.push_back(rule->info);
  return infos;
}

}  // namespace anemone::ane
