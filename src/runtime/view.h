#pragma once

#include <optional>
#include <span>

#include "runtime/arguments.h"

namespace anemone::runtime {

/// An output that is nothing but bytes of an operand.
struct View {
  size_t operand = 0;  ///< in the flat list of operands.
  int64_t first_element = 0;
};

/// Whether output `output` of the operation is a view: reshapes, squeezes, casts that change
/// nothing, transposes that move only single dimensions, contiguous slices and splits. All shapes
/// are known; `operand_storage` and `output_storage` are the dtypes in which the values are kept.
std::optional<View> find_view(const mil::OpDef& op, const mil::Operands& operands,
                              std::span<const DType> operand_storage,
                              std::span<const mil::ValueType> outputs, size_t output,
                              DType output_storage);

}  // namespace anemone::runtime
