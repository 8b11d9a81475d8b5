#include "runtime/convert_halves.h"

#include "base/check.h"
#include "kernels/kernels.h"

namespace anemone::runtime {

void convert_halves(std::span<const uint16_t> halves, std::span<float> floats) {
  ANEMONE_CHECK(floats.size() >= halves.size(), "there is room for every number");
  kernels::kernel_sets().back().elementwise->to_fp32(halves.data(), floats.data(),
                                                     static_cast<int64_t>(halves.size()));
}

}  // namespace anemone::runtime
