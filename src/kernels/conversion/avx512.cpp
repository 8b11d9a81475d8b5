#include "kernels/lanes/avx512.h"

#include "kernels/conversion/conversion.inl"

namespace anemone::kernels {
extern const ConversionKernels k_conversion_avx512;
constinit const ConversionKernels k_conversion_avx512 = kConversion;
}  // namespace anemone::kernels
