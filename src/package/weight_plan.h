#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "anemone/program.h"

namespace anemone::package {

/// A blob of the weight file to come. Its contents are at hand, or deferred: then `tensor` is
/// undefined and `reference` says what to fetch.
struct PlannedBlob {
  mil::TensorType type;
  uint64_t offset_bytes = 0;  ///< of its record; the data follow the record.
  uint64_t size_bytes = 0;
  Tensor tensor;
  mil::BlobReference reference;
};

/// Which constants of a program go to the weight file, and where they will lie in it. Constants
/// with equal contents, and deferred constants with equal reference and dtype, are one blob. The
/// order is that of the program.
class WeightPlan {
 public:
  /// Constants go to the file when they come from one or are deferred, else by coremltools' rule:
  /// weights (see ValuePlace) of 10 elements and more, of the
  /// dtypes that the specification version stores there.
  /// Errors: invalid_argument (a constant without contents), mismatch (contents that are not of the
  /// constant's type; one reference with two sizes), unsupported (a dtype that weight files do not
  /// know), limit (a file beyond 2^63 bytes).
  static Result<WeightPlan> make(const mil::Program& program, int64_t specification_version);

  const std::vector<PlannedBlob>& blobs() const { return blobs_; }
  uint64_t file_bytes() const { return file_bytes_; }
  /// Where the record of `value`, a constant of the planned program itself and no copy, will lie;
  /// nothing when the program holds the contents.
  std::optional<uint64_t> find(const mil::Value& value) const;

 private:
  /// Data (null when deferred), reference (empty otherwise), dtype and number of elements.
  using Key = std::tuple<const void*, std::string, uint64_t, DType, int64_t>;
  static Key key_of(const mil::Value& value);
  Status add(const mil::Value& value);
  std::optional<size_t> find_equal(const Tensor& tensor);
  Status place();

  std::vector<PlannedBlob> blobs_;
  std::unordered_map<const mil::Value*, size_t> of_value_;
  std::map<Key, size_t> index_;
  std::map<std::tuple<DType, int64_t, uint64_t>, std::vector<size_t>> alike_;
  uint64_t file_bytes_ = 0;
};

}  // namespace anemone::package
