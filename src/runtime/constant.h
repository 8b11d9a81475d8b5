#pragma once

#include <memory>
#include <vector>

#include "mil/op.h"

namespace anemone::runtime {

struct Constant;
using ConstantPtr = std::shared_ptr<const Constant>;

/// A constexpr operation whose operands are all constants and that nobody has expanded yet.
struct CompressedConstant {
  const mil::OpDef* op = nullptr;
  std::vector<ConstantPtr> operands;  ///< by parameter index, as mil::Operands.
  std::vector<uint32_t> offsets;
  std::vector<mil::ValueType> output_types;
  int opset = 0;

  /// Operands with the values that need no expansion; `scratch` keeps what they point to.
  mil::Operands bind(std::vector<mil::Operand>& scratch) const;
};

/// A value that is known when a function is planned. Compressed weights stay compressed until
/// `expand`, because most consumers read them as they are.
struct Constant {
  mil::ValueType type;
  Tensor tensor;  ///< not defined while compressed.
  std::shared_ptr<const CompressedConstant> compressed;
  size_t output = 0;  ///< of `compressed`.

  bool is_compressed() const { return !tensor.defined(); }
  /// The tensor itself, or the evaluation of the compressed form (a new tensor at every call).
  Result<Tensor> expand() const;
};

}  // namespace anemone::runtime
