#pragma once

#include "runtime/weights.h"

namespace anemone::runtime {

/// Packs a compressed constant of shape [columns, depth, 1 …] without expanding it: scalar palettes
/// whose table depends on the column alone, and integers with one scale (and integer offset) per
/// block of columns and depth. False for every other form; `packed` is then unchanged.
bool pack_compressed(const Constant& constant, PackedWeight& packed);

}  // namespace anemone::runtime
