#include "runtime/matrices.h"

namespace anemone::runtime {

std::vector<int64_t> first_elements(const Shape& own, const Shape& batch,
                                    std::span<const int64_t> repeated) {
  const size_t rank = own.rank() - 2;
  const int64_t size = own[rank] * own[rank + 1];
  std::vector<int64_t> result;
  for (int64_t b = 0; b < batch.element_count(); ++b) {
    int64_t matrix = 0;
    for (size_t axis = 0; axis < rank; ++axis) {
      const size_t outer = batch.rank() - rank + axis;
      const int64_t place = b / batch.stride(outer) % batch[outer];
      matrix = matrix * own[axis] + (own[axis] == 1 ? 0 : place);
    }
    result.push_back((repeated.empty() ? matrix : repeated[static_cast<size_t>(matrix)]) * size);
  }
  return result;
}

}  // namespace anemone::runtime
