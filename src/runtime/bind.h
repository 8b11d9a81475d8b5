#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "kernels/kernels.h"
#include "runtime/arguments.h"
#include "runtime/binding.h"
#include "runtime/constant.h"
#include "runtime/weights.h"

namespace anemone::runtime {

/// What a binder may look at. Shapes are known; values only of constants.
struct BindRequest {
  const mil::Operation& operation;
  const mil::OpDef& op;
  mil::Operands operands;
  std::span<const ConstantPtr> constants;  ///< by flat operand; null where it is no constant.
  std::span<const DType> storage;          ///< by flat operand: the dtype in memory.
  std::span<const mil::ValueType> outputs;
  std::span<const DType> output_storage;
  /// By matrix of operand `y`: the matrix that is read for it. Empty: each its own.
  std::span<const int64_t> repeated_matrices;
  const kernels::KernelSet& kernels;
  Weights& weights;

  Arguments arguments() const { return Arguments(op, operands); }
};

/// A binding, or null when the kernels do not cover this use of the op.
using Binder = std::unique_ptr<Binding> (*)(const BindRequest& request);

/// What a binder wants to see of constants.
enum class Reads : uint8_t {
  values,   ///< expanded, in the dtype in which values of their type are stored.
  weights,  ///< compressed ones as they are, in their own dtype.
};

struct FastOp {
  std::string_view op;
  Binder bind;
  Reads reads;
};

/// The fast op of that name in that arithmetic, or null. The one place that chooses kernels by
/// numerics: the Neural Engine's are in ane/ops.inc; ops that only choose and move numbers are the
/// same for all, and every other op is computed exactly and rounded as the Neural Engine rounds.
const FastOp* find_fast_op(std::string_view op, Numerics numerics);

/// fp16 and fp32, in which the kernels compute.
constexpr bool is_kernel_dtype(DType dtype) { return dtype == DType::fp16 || dtype == DType::fp32; }
constexpr size_t storage_index(DType dtype) { return dtype == DType::fp16 ? 0 : 1; }

/// The elements of a float tensor as fp32.
std::vector<float> to_floats(const Tensor& tensor);

}  // namespace anemone::runtime
