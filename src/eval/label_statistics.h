#pragma once

#include <cstdint>
#include <span>

/// What scikit-learn works out of right and predicted labels.
namespace anemone::eval {

struct LabelPair {
  int64_t right = 0;
  int64_t predicted = 0;
};

/// All labels are 0 or 1, and there is a pair.
bool are_binary(std::span<const LabelPair> pairs);

/// sklearn.metrics.f1_score of label 1; 0 where it is nowhere.
double f1_score(std::span<const LabelPair> pairs);

/// sklearn.metrics.matthews_corrcoef; 0 where all right or all predicted labels are alike.
/// At least one pair.
double matthews_correlation(std::span<const LabelPair> pairs);

}  // namespace anemone::eval
