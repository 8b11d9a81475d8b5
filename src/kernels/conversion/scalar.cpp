#include "kernels/lanes/scalar.h"

#include "kernels/conversion/conversion.inl"

namespace anemone::kernels {
extern const ConversionKernels k_conversion_scalar;
constinit const ConversionKernels k_conversion_scalar = kConversion;
}  // namespace anemone::kernels
