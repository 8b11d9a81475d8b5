#pragma once

#include <filesystem>
#include <optional>

#include "base/json_document.h"
#include "checkpoint/sharded.h"

namespace anemone::checkpoint {

/// The file, or index, that holds the weights of a base in a folder; nothing if there is none.
/// Errors: mismatch (several files that could be meant).
Result<std::optional<std::filesystem::path>> find_weights(const std::filesystem::path& folder);

/// Opens .safetensors, .bin, .pt, .pth, .npz or an index of shards, by the name's end.
Result<WeightFiles> open_weights(const std::filesystem::path& path);

/// An adapter's tensors and its config.
struct AdapterFiles {
  WeightFiles weights;
  Json config;
  std::filesystem::path folder;
};

/// Opens an adapter: a folder, or its file of tensors with the config beside it.
Result<AdapterFiles> open_adapter(const std::filesystem::path& path);

/// Lays it over a base by the format that its config shows.
Result<std::shared_ptr<const TensorSource>> merge_adapter(std::shared_ptr<const TensorSource> base,
                                                          const AdapterFiles& adapter);

}  // namespace anemone::checkpoint
