#include "kernels/lanes/neon.h"

#include "kernels/conversion/conversion.inl"

namespace anemone::kernels {
extern const ConversionKernels k_conversion_neon;
constinit const ConversionKernels k_conversion_neon = kConversion;
}  // namespace anemone::kernels
