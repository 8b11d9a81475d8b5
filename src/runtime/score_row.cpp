#include "runtime/score_row.h"

#include "kernels/kernels.h"

namespace anemone::runtime {

float highest_of(std::span<const float> row) {
  constexpr auto kMaximum = static_cast<size_t>(kernels::Reduction::maximum);
  constexpr size_t kFp32 = 1;
  return kernels::kernel_sets().back().rowwise->reduce[kMaximum][kFp32](
      row.data(), static_cast<int64_t>(row.size()));
}

double sum_of_powers(std::span<const float> row, double highest) {
  return kernels::kernel_sets().back().rowwise->sum_powers(
      row.data(), static_cast<int64_t>(row.size()), highest);
}

}  // namespace anemone::runtime
