#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "anemone/result.h"

/// What the programs of this folder share: they end at the first error, with its words.
namespace anemone::driver {

inline void check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  std::exit(1);
}

template <typename T>
T value_of(Result<T> result) {
  if (!result.ok()) check(std::move(result).error());
  return *std::move(result);
}

/// A word of the command line as a whole number from 1 on; `otherwise` where there are fewer words.
inline int number(std::span<char* const> words, size_t index, int otherwise) {
  return words.size() > index ? std::max(1, std::atoi(words[index])) : otherwise;
}

inline std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace anemone::driver
