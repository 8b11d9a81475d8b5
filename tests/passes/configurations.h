#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "anemone/tensor.h"
#include "passes/passes.h"

namespace anemone::test {

inline passes::Options only(std::string_view name) {
  passes::Options options;
  for (const passes::Pass* pass : passes::all_passes())
    if (pass->name != name) options.off.emplace_back(pass->name);
  return options;
}

struct Configuration {
  std::string name;
  passes::Options options;
};

/// All passes, and each alone.
inline std::vector<Configuration> configurations() {
  std::vector<Configuration> result = {{"all passes", {}}};
  for (const passes::Pass* pass : passes::all_passes())
    result.push_back({std::string(pass->name), only(pass->name)});
  return result;
}

/// Where results are not those expected, bit by bit; empty where they are.
inline std::string difference_in_bits(std::span<const NamedTensor> got,
                                      std::span<const NamedTensor> expected) {
  if (got.size() != expected.size())
    return std::to_string(got.size()) + " results, expected " + std::to_string(expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const Tensor& a = got[i].tensor;
    const Tensor& b = expected[i].tensor;
    if (got[i].name != expected[i].name) return got[i].name + ", expected " + expected[i].name;
    if (a.dtype() != b.dtype() || a.shape() != b.shape()) return got[i].name + " has another type";
    if (a.dtype() == DType::string ? !std::ranges::equal(a.strings(), b.strings())
                                   : !std::ranges::equal(a.bytes(), b.bytes()))
      return got[i].name + " has other contents";
  }
  return {};
}

}  // namespace anemone::test
