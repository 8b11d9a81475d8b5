#pragma once

#include <algorithm>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "runtime/plan.h"

namespace anemone::runtime {

/// The plans that were used last, by function and input shapes. A Runner shares its plan, so it
/// does not mind when the cache lets go of it. Not synchronised.
class PlanCache {
 public:
  /// A language model needs a handful; flexible shapes make one each.
  static constexpr size_t kMostPlans = 16;

  /// Null when it is not kept (any more).
  std::shared_ptr<const Plan> find(const std::string& key) {
    const auto found = std::ranges::find(plans_, key, &Kept::first);
    if (found == plans_.end()) return nullptr;
    plans_.splice(plans_.begin(), plans_, found);
    return plans_.front().second;
  }

  void keep(std::string key, std::shared_ptr<const Plan> plan) {
    plans_.emplace_front(std::move(key), std::move(plan));
    if (plans_.size() > kMostPlans) plans_.pop_back();
  }

 private:
  using Kept = std::pair<std::string, std::shared_ptr<const Plan>>;
  std::list<Kept> plans_;  ///< last used first.
};

}  // namespace anemone::runtime
