#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

using Blobs = std::set<std::pair<std::string, uint64_t>>;

void judge(const PackageView& package, Findings& findings) {
  const mil::Function* first = nullptr;
  Blobs of_first;
  for (const mil::Function& function : package.package.program.functions) {
    Blobs blobs;
    for_each_blob(function.block, [&](const mil::Value& value) {
      blobs.emplace(value.blob->path, value.blob->offset_bytes);
    });
    if (blobs.empty()) continue;
    if (first == nullptr) {
      first = &function;
      of_first = std::move(blobs);
      continue;
    }
    const auto shared =
        std::ranges::count_if(blobs, [&](const auto& blob) { return of_first.contains(blob); });
    if (shared == 0)
      findings.add(package,
                   fmt::format("'{}' and '{}' share none of their {} and {} weights", first->name,
                               function.name, of_first.size(), blobs.size()),
                   {.value = "0"});
  }
}

}  // namespace

extern const Rule k_weights_not_shared{
    .info = {.id = "weights_not_shared",
             .family = RuleFamily::converter,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "Two functions of a package hold weights of their own each, where "
                            "they could share them: the package is larger than it has to be, "
                            "and one of them may be stale.",
             .fix = "Merge functions that were compressed to the same bytes "
                    "(ANEMLL-Dedup); anemone convert shares them.",
             .source = "ANEMLL, docs/anemll-dedup.md (identical palettes have to be "
                       "byte-identical to be shared)"},

    .check_package = judge};

}  // namespace anemone::ane
