#pragma once

#include <cstdint>
#include <span>

namespace anemone::runtime {

/// fp16 bits as floats, exactly, with the processor's vector instructions. `floats` has room for
/// all.
void convert_halves(std::span<const uint16_t> halves, std::span<float> floats);

}  // namespace anemone::runtime
