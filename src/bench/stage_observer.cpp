#include "bench/stage_observer.h"

#include <algorithm>

namespace anemone::bench {

std::vector<std::string> StageObserver::wanted(const package::Package& package,
                                               std::string_view function) {
  const Function* known = find(package, function);
  if (known == nullptr) {
    functions_.push_back({&package, std::string(function), find_borders(package, function)});
    known = &functions_.back();
    sees_embedding_ = sees_embedding_ || !known->borders.embedded.empty();
    sees_head_ = sees_head_ || !known->borders.to_head.empty();
  }
  const Borders& borders = known->borders;
  if (borders.begin.empty() || borders.end.empty()) return {};
  std::vector<std::string> names;
  for (const std::string& name : {borders.begin, borders.embedded, borders.to_head, borders.end})
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

Status StageObserver::observe(const runtime::Observation& seen) {
  const Function* function = find(seen.package, seen.function);
  if (function == nullptr) return {};
  const Borders& borders = function->borders;
  if (seen.value == borders.end)
    timer_.enter(Stage::other);
  else if (seen.value == borders.to_head)
    timer_.enter(Stage::head);
  else if (seen.value == borders.begin && !borders.embedded.empty())
    timer_.enter(Stage::embed);
  else
    timer_.enter(timer_.layers());
  return {};
}

const StageObserver::Function* StageObserver::find(const package::Package& package,
                                                   std::string_view name) const {
  const auto found = std::ranges::find_if(functions_, [&](const Function& function) {
    return function.package == &package && function.name == name;
  });
  return found == functions_.end() ? nullptr : &*found;
}

}  // namespace anemone::bench
