#include "eval/label_statistics.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace anemone::eval {

bool are_binary(std::span<const LabelPair> pairs) {
  const auto binary = [](int64_t label) { return label == 0 || label == 1; };
  return !pairs.empty() && std::all_of(pairs.begin(), pairs.end(), [&](const LabelPair& pair) {
    return binary(pair.right) && binary(pair.predicted);
  });
}

double f1_score(std::span<const LabelPair> pairs) {
  double hits = 0;
  double labels = 0;
  for (const LabelPair& pair : pairs) {
    hits += pair.right == 1 && pair.predicted == 1 ? 1 : 0;
    labels += (pair.right == 1 ? 1 : 0) + (pair.predicted == 1 ? 1 : 0);
  }
  return labels == 0 ? 0.0 : 2 * hits / labels;
}

double matthews_correlation(std::span<const LabelPair> pairs) {
  struct Counts {
    double right = 0;
    double predicted = 0;
  };
  std::map<int64_t, Counts> labels;
  double hits = 0;
  for (const LabelPair& pair : pairs) {
    ++labels[pair.right].right;
    ++labels[pair.predicted].predicted;
    hits += pair.right == pair.predicted ? 1 : 0;
  }
  double crossed = 0;
  double right_squares = 0;
  double predicted_squares = 0;
  for (const auto& [label, counts] : labels) {
    crossed += counts.right * counts.predicted;
    right_squares += counts.right * counts.right;
    predicted_squares += counts.predicted * counts.predicted;
  }
  const auto count = static_cast<double>(pairs.size());
  const double spread = (count * count - predicted_squares) * (count * count - right_squares);
  return spread == 0 ? 0.0 : (hits * count - crossed) / std::sqrt(spread);
}

}  // namespace anemone::eval
