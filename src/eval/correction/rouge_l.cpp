#include <algorithm>

#include "eval/correction/measure.h"
#include "eval/correction/words.h"

namespace anemone::eval::correction {
namespace {

size_t longest_common_subsequence(const std::vector<std::string>& a,
                                  const std::vector<std::string>& b) {
  std::vector<size_t> row(b.size() + 1);
  for (const std::string& word : a) {
    size_t diagonal = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

Value rouge_l(const Pair& pair) {
  const auto answer = lower_words(pair.answer);
  const auto target = lower_words(pair.target);
  const auto common = static_cast<double>(longest_common_subsequence(answer, target));
  if (common == 0) return 0.0;
  const double precision = common / static_cast<double>(answer.size());
  const double recall = common / static_cast<double>(target.size());
  return 2 * precision * recall / (precision + recall);
}

}  // namespace anemone::eval::correction
