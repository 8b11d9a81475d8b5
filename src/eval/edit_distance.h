#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace anemone::eval {

/// Levenshtein distance of two sequences: characters of a text, words of a list.
template <typename Sequence>
size_t edit_distance(const Sequence& from, const Sequence& to) {
  std::vector<size_t> row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[to.size()];
}

}  // namespace anemone::eval
