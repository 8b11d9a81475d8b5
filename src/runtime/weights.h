#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/matmul/matmul.h"
#include "runtime/constant.h"

namespace anemone::runtime {

/// How a constant is seen as the right operand of a product.
struct WeightView {
  int64_t columns = 0;
  int64_t depth = 0;
  /// True: the constant is [columns, depth, 1 …] row-major (linear, conv); else [depth, columns].
  bool columns_first = true;
};

/// A weight in the layout that the kernels read, with the bytes it stands on.
struct PackedWeight {
  kernels::Matrix matrix;
  std::string description;  ///< "fp16", "palette4", "int4 per 32", …
  std::vector<uint8_t> bytes;
  std::vector<float> floats;
  std::vector<float> offsets;
  std::vector<int32_t> table_start;
  ConstantPtr source;  ///< keeps the key's addresses from being used again.
};

/// The packed weights of a model, shared by all functions and plans that read the same constant, as
/// long as one of them lives.
/// Not synchronised: the model plans under its own lock.
class Weights {
 public:
  /// Errors: those of expanding a compressed form that has no kernel layout.
  Result<std::shared_ptr<const PackedWeight>> pack(const ConstantPtr& constant,
                                                   const WeightView& view);

 private:
  std::map<std::string, std::weak_ptr<const PackedWeight>> packed_;
};

}  // namespace anemone::runtime
