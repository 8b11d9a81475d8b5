#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "anemone/program.h"
#include "checkpoint/tensor_source.h"
#include "models/decoder.h"

/// From the weights that a program names to their contents.
namespace anemone::models {

/// Deferred constants have this in front of their key as path.
inline constexpr std::string_view kCheckpointPath = "@checkpoint/";

/// The same for equal weights in the same form, different for all others; never an escape.
std::string weight_key(const WeightRef& ref, DType dtype, const Shape& shape);

/// A weight as a program wants it.
struct WeightEntry {
  WeightRef ref;
  DType dtype = DType::fp16;  ///< fp16 or fp32.
  Shape shape;  ///< the matrix [out, in] or the vector [n] with dimensions of 1 around them.
};

/// The weights of the functions built so far, by key.
class WeightTable {
 public:
  /// Returns the key.
  std::string add(const WeightRef& ref, DType dtype, const Shape& shape);
  const WeightEntry* find(std::string_view key) const;
  const std::map<std::string, WeightEntry, std::less<>>& entries() const { return entries_; }

 private:
  std::map<std::string, WeightEntry, std::less<>> entries_;
};

/// The contents of one weight: a view of the source where nothing is to be changed, else a new
/// tensor. Computed in fp32 and rounded once, to nearest even.
/// Errors: those of reading; mismatch (tensor, expected and found shape); unsupported (a tensor of
/// integers); corrupt (a value that is infinite or no number: tensor and place); out_of_range (a
/// value that fp16 cannot hold: tensor and value).
Result<Tensor> load_weight(const checkpoint::TensorSource& source, const WeightEntry& entry);

/// The same of the tensor's contents, which are read already.
Result<Tensor> load_weight(const Tensor& stored, const WeightEntry& entry);

/// The same as tensors [rows, columns] of whole rows, a few MB at a time, in their order. A
/// part is valid until `add` returns. The source is read once, and its memory released behind.
/// Errors: as load_weight, and those of `add`.
Status stream_weight(const checkpoint::TensorSource& source, const WeightEntry& entry,
                     const std::function<Status(const Tensor&)>& add);

/// Fetches every deferred constant of `program`. What several functions or shapes share is read
/// once and shared. Errors: as load_weight.
Status fetch_weights(const checkpoint::TensorSource& source, const WeightTable& table,
                     mil::Program& program);

}  // namespace anemone::models
