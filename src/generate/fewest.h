#pragma once

#include <vector>

#include "generate/sampler_step.h"

namespace anemone::generate {

/// Narrows candidates to the fewest that hold a share of the probability.
class Fewest {
 public:
  enum class Equals : uint8_t { drop, keep };

  /// Gives each candidate its weight, e to its logit's distance from the largest; in their order.
  void weigh(const std::vector<Candidate>& candidates);
  const std::vector<double>& weights() const { return weights_; }
  double total() const { return total_; }

  /// Keeps the candidates of the lowest ranks until their weights reach `share` of the total, the
  /// one that reaches it included; equals in the order of their ids. `rank(i)` is that of
  /// candidate i. `equals`: what becomes of the others that have the last one's rank.
  template <typename Rank>
  void keep(std::vector<Candidate>& candidates, double share, Equals equals, const Rank& rank) {
    ranked_.clear();
    for (size_t i = 0; i < candidates.size(); ++i) ranked_.push_back({rank(i), i});
    narrow(candidates, share * total_, equals);
  }

 private:
  struct Ranked {
    double rank;
    size_t place;
    friend auto operator<=>(const Ranked&, const Ranked&) = default;
  };
  void narrow(std::vector<Candidate>& candidates, double mass, Equals equals);

  std::vector<double> weights_;
  double total_ = 0;
  std::vector<Ranked> ranked_;
  std::vector<size_t> kept_;
};

}  // namespace anemone::generate
