#include "generate/fewest.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "generate/exponential.h"

namespace anemone::generate {

void Fewest::weigh(const std::vector<Candidate>& candidates) {
  const auto top = static_cast<double>(std::ranges::max(candidates, {}, &Candidate::logit).logit);
  weights_.resize(candidates.size());
  total_ = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    weights_[i] = exponential(static_cast<double>(candidates[i].logit) - top);
    total_ += weights_[i];
  }
}

void Fewest::narrow(std::vector<Candidate>& candidates, double mass, Equals equals) {
  std::ranges::make_heap(ranked_, std::greater());
  auto end = ranked_.end();
  for (double reached = 0; end != ranked_.begin();) {
    std::pop_heap(ranked_.begin(), end, std::greater());
    --end;
    reached += weights_[end->place];
    if (reached >= mass) break;
  }
  Ranked last = *end;
  if (equals == Equals::keep) last.place = std::numeric_limits<size_t>::max();
  kept_.clear();
  for (const Ranked& each : ranked_)
    if (each <= last) kept_.push_back(each.place);
  std::ranges::sort(kept_);
  for (size_t i = 0; i < kept_.size(); ++i) candidates[i] = candidates[kept_[i]];
  candidates.resize(kept_.size());
}

}  // namespace anemone::generate
