#include <algorithm>
#include <cmath>
#include <set>

#include "eval/correction/measure.h"
#include "eval/correction/words.h"

namespace anemone::eval::correction {
namespace {

using Grams = std::set<std::pair<std::string, std::string>>;

Grams bigrams(const std::vector<std::string>& words) {
  Grams result;
  for (size_t i = 1; i < words.size(); ++i) result.emplace(words[i - 1], words[i]);
  return result;
}

/// The share of `mine` that is in `theirs`.
template <typename Set>
double precision(const Set& mine, const Set& theirs) {
  const auto shared =
      std::ranges::count_if(mine, [&](const auto& gram) { return theirs.contains(gram); });
  return mine.empty() ? 0 : static_cast<double>(shared) / static_cast<double>(mine.size());
}

}  // namespace

Value bleu_like(const Pair& pair) {
  const auto answer = lower_words(pair.answer);
  const auto target = lower_words(pair.target);
  if (answer.empty() || target.empty()) return 0.0;
  const std::set<std::string> mine(answer.begin(), answer.end());
  const std::set<std::string> theirs(target.begin(), target.end());
  const double single = precision(mine, theirs);
  const double pairs = precision(bigrams(answer), bigrams(target));
  const double brevity =
      std::min(1.0, static_cast<double>(answer.size()) / static_cast<double>(target.size()));
  return brevity * (single > 0 && pairs > 0 ? std::sqrt(single * pairs) : single);
}

}  // namespace anemone::eval::correction
