#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "anemone/tensor.h"

/// What a trained checkpoint is, without reading its weights.
namespace anemone {

struct CheckpointSummary {
  /// The tensors of one element type.
  struct Kind {
    DType dtype = DType::fp32;  ///< as stored; fp32 where they are computed (quantised, adapted).
    uint64_t tensors = 0;
    uint64_t elements = 0;
  };
  std::filesystem::path path;  ///< the folder with config.json.
  std::string architecture;    ///< model_type of the config; empty when it is not understood.
  int64_t layers = 0;          ///< this and what follows is 0 when it is not understood.
  int64_t hidden_size = 0;
  int64_t vocab_size = 0;
  int64_t context_length = 0;  ///< the longest that can be built.
  uint64_t elements = 0;       ///< of all tensors.
  uint64_t file_bytes = 0;     ///< of all files that weights and config are read from.
  std::vector<Kind> kinds;     ///< the most elements first.
  std::vector<std::filesystem::path> files;
  std::optional<Error> fault;  ///< why it can be neither run nor converted.
};

/// Whether a path is what `convert` takes, or means to be: a folder with config.json or
/// adapter_config.json and neither a package nor a manifest, or a file beside config.json that is
/// no package.
bool is_checkpoint(const std::filesystem::path& path);
/// Whether the name is that of a file of weights: .safetensors, .bin, .pt, .pth, .npz, an index.
bool is_weights_file(const std::filesystem::path& path);

/// Reads config and headers of the checkpoint at `path`, a folder or a file of weights, with the
/// adapter that lies in it. Errors: those of opening a checkpoint.
Result<CheckpointSummary> summarize_checkpoint(const std::filesystem::path& path);

}  // namespace anemone
