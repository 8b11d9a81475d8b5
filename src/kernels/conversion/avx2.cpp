#include "kernels/lanes/avx2.h"

#include "kernels/conversion/conversion.inl"

namespace anemone::kernels {
extern const ConversionKernels k_conversion_avx2;
constinit const ConversionKernels k_conversion_avx2 = kConversion;
}  // namespace anemone::kernels
