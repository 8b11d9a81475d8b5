#include "eval/correction/edits.h"

#include <algorithm>

namespace anemone::eval::correction {
namespace {

using Words = std::vector<std::string>;

/// costs[i][j]: edit distance of the first i words of `from` and the first j of `to`.
std::vector<std::vector<size_t>> costs_of(const Words& from, const Words& to) {
  std::vector<std::vector<size_t>> costs(from.size() + 1, std::vector<size_t>(to.size() + 1));
  for (size_t i = 0; i <= from.size(); ++i)
    for (size_t j = 0; j <= to.size(); ++j) {
      if (i == 0 || j == 0)
        costs[i][j] = i + j;
      else
        costs[i][j] = std::min({costs[i - 1][j - 1] + (from[i - 1] == to[j - 1] ? 0U : 1U),
                                costs[i - 1][j] + 1, costs[i][j - 1] + 1});
    }
  return costs;
}

}  // namespace

std::set<Edit> edits(const Words& from, const Words& to) {
  const auto costs = costs_of(from, to);
  std::set<Edit> result;
  size_t i = from.size();
  size_t j = to.size();
  size_t end_of_from = i;
  size_t end_of_to = j;
  const auto close = [&] {
    if (i != end_of_from || j != end_of_to)
      result.insert({i, end_of_from,
                     Words(to.begin() + static_cast<std::ptrdiff_t>(j),
                           to.begin() + static_cast<std::ptrdiff_t>(end_of_to))});
  };
  while (i > 0 || j > 0) {
    const bool same = i > 0 && j > 0 && from[i - 1] == to[j - 1];
    const bool both = i > 0 && j > 0 && costs[i][j] == costs[i - 1][j - 1] + (same ? 0U : 1U);
    if (both && same) {
      close();
      end_of_from = --i;
      end_of_to = --j;
    } else if (both) {
      --i;
      --j;
    } else if (i > 0 && costs[i][j] == costs[i - 1][j] + 1) {
      --i;
    } else {
      --j;
    }
  }
  close();
  return result;
}

}  // namespace anemone::eval::correction
