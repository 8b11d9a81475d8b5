#pragma once

#include <compare>
#include <set>
#include <string>
#include <vector>

namespace anemone::eval::correction {

/// Words [begin, end) of a text become others. With begin = end something comes in before `begin`.
struct Edit {
  size_t begin = 0;
  size_t end = 0;
  std::vector<std::string> words;
  auto operator<=>(const Edit&) const = default;
};

/// What makes `to` of `from`: of the cheapest alignments of the words the one that, from the end
/// backwards, takes a pair of words before a word that goes before a word that comes. Neighbouring
/// changes are one edit.
std::set<Edit> edits(const std::vector<std::string>& from, const std::vector<std::string>& to);

}  // namespace anemone::eval::correction
