#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compress/second_moment.h"

namespace anemone::compress {

/// Rounding with regard to what a weight is multiplied with: what rounding one input channel does
/// to the outputs, the channels that are rounded after it make good as far as they can.
///
/// For H = U D UT, U unit upper triangular, the error e H eT of a row whose target at channel k is
/// w_k + sum of e_j U_jk over the channels j before, is the sum of D_k r_k^2 over what rounding the
/// targets changes, r. That is GPTQ (Frantar et al., arXiv:2210.17323) in the form of LDLQ (Chee et
/// al., arXiv:2307.13304, which proves them equal). Channels with the largest inputs come first.
/// Immutable; any thread.
class Compensation {
 public:
  /// Of the mean of the diagonal, added to it: inputs that the text does not have stay bounded.
  /// The share that GPTQ takes (its percdamp); no other was tried.
  static constexpr float kDamping = 0.01f;

  /// Errors cannot occur: moments without tokens are those of independent channels.
  Compensation(const SecondMoment& moment, int threads, float damping = kDamping);

  int64_t size() const { return size_; }
  /// What a squared change of the channel's target costs, D, by channel.
  std::span<const float> costs() const { return costs_; }
  /// (H + damping) [K, K], both halves.
  std::span<const float> moment() const { return moment_; }

  struct Rounded {
    float value = 0;
    uint8_t code = 0;
  };
  /// `row` counts from the first of the rows that are given.
  using Round = std::function<Rounded(int64_t row, int64_t channel, float target)>;
  /// `weights` and `codes` are [rows, K]. Returns the sum of e H eT.
  double round(std::span<const float> weights, const Round& round, std::span<uint8_t> codes) const;

  /// The sum of e H eT over the rows of `errors`, [rows, K], without damping.
  double weigh(std::span<const float> errors) const;

 private:
  void factor(int threads);
  void apply(std::span<const float> rows, std::vector<float>& targets, int64_t begin,
             int64_t end) const;

  int64_t size_;
  float added_ = 0;             ///< to the diagonal.
  std::vector<int32_t> order_;  ///< channels in the order of rounding.
  std::vector<float> moment_;
  std::vector<float> factor_;  ///< U, [K, K], in that order.
  std::vector<float> pivots_;  ///< D, in that order.
  std::vector<float> costs_;
};

}  // namespace anemone::compress
