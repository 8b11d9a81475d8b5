#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace anemone::checkpoint {

using OpenFile =
    std::function<Result<std::shared_ptr<const TensorSource>>(const std::filesystem::path&)>;

/// Weights and the files that they are read from, in a fixed order.
struct WeightFiles {
  std::shared_ptr<const TensorSource> source;
  std::vector<std::filesystem::path> files;
};

/// The shards that an index ("weight_map": tensor → file of the same folder) names, each opened by
/// `open`. A shard's tensors that the index does not name are there too; of a tensor in several
/// shards the index says which one counts.
/// Errors: corrupt (the index, a name that leads out of the folder), not_found (a shard), mismatch
/// (a tensor that is not in its shard, or is in two and not in the index), and those of `open`.
Result<WeightFiles> open_sharded(const std::filesystem::path& index, const OpenFile& open);

}  // namespace anemone::checkpoint
