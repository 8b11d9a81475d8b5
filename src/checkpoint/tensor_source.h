#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "anemone/tensor.h"

/// The weights of a checkpoint, whatever files hold them.
namespace anemone::checkpoint {

/// What an adapter did to a tensor. Who does not use the tensor loses the adapter.
enum class Adaptation : uint8_t {
  none,
  all_uses,  ///< changed wherever it is used.
  one_use,   ///< of a tensor that is embedding and output layer at once, only one was meant.
};

struct TensorInfo {
  std::string name;  ///< as the checkpoint spells it: "model.layers.0.self_attn.q_proj.weight".
  DType dtype = DType::fp32;  ///< of what `read` gives: as stored, or fp32 when it is computed.
  Shape shape;
  Adaptation adaptation = Adaptation::none;
};

/// Named tensors, read one at a time. Files, quantised files and merged adapters are sources; the
/// latter two compute a tensor when it is read and keep nothing. Thread-safe.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  /// All tensors, sorted by name. Valid as long as the source.
  virtual std::span<const TensorInfo> tensors() const = 0;
  /// Null when there is none of that name.
  const TensorInfo* find(std::string_view name) const;

  /// The dense row-major contents: a view of the mapped file where they lie there as such (the
  /// view keeps the mapping alive), else a new tensor.
  /// Errors: not_found (no such tensor), corrupt (file, tensor, expected, found), io.
  virtual Result<Tensor> read(std::string_view name) const = 0;

  /// Gives the memory back that views of mapped files have filled so far; the views stay valid.
  virtual void release() const {}

 protected:
  /// The place of a tensor in `tensors()`. Errors: not_found.
  Result<size_t> index_of(std::string_view name) const;
};

/// A tensor of a file whose type is not read.
struct UnreadTensor {
  std::string name;
  std::string reason;
};

/// Sorts by name, as `tensors()` promises.
void sort_by_name(std::vector<TensorInfo>& tensors);

/// A view of `bytes`, which hold the shape, where their address suits the type; else a copy.
Tensor view_or_copy(DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                    std::shared_ptr<const void> owner);

}  // namespace anemone::checkpoint
