#include "mil/ops/hoist.h"

namespace anemone::mil {

std::vector<float> hoist(const Tensor& tensor, int64_t first, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(tensor.at(first + static_cast<int64_t>(i)));
  return values;
}

std::vector<float> hoist(const Tensor& tensor) { return hoist(tensor, 0, tensor.element_count()); }

}  // namespace anemone::mil
