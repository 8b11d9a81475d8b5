#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace anemone::checkpoint {

/// A model as other tools leave it, with its adapter merged if there is one.
struct Checkpoint {
  std::filesystem::path path;     ///< the folder of the base: config.json, tokenizer.
  std::filesystem::path adapter;  ///< the folder of the adapter; empty: there is none.
  std::string config_json;        ///< of the base, an object.
  std::shared_ptr<const TensorSource> weights;
  std::vector<std::filesystem::path> files;  ///< all that weights and config are read from.
};

/// Opens a folder, or one file of weights with config.json beside it. The folder holds
/// - model.safetensors, pytorch_model.bin, either with `.index.json` for shards, weights.npz, or
///   one other file .safetensors, .pt or .pth; quantised by MLX if config.json says so;
/// - or an adapter alone (adapter_config.json, or weights.npz whose config.json has lora_rank),
///   whose config names the base by a path, relative to the folder;
/// - or a base and lora_adapters.safetensors, with lora_rank and lora_alpha in adapter_config.json
///   or config.json.
/// `adapter` is a folder or a file that is laid over the base at `path` instead.
/// Errors: not_found, io, corrupt, mismatch, limit, unsupported (form, field, dtype or global by
/// name), invalid_argument (a folder with both a base and an adapter_config.json).
Result<Checkpoint> open(const std::filesystem::path& path,
                        const std::optional<std::filesystem::path>& adapter = {});

/// BLAKE3 over names, sizes and contents of `files`: `blake3:` and 64 digits. Reads all of them.
/// Errors: io, interrupted (`stop` became true).
Result<std::string> hash_checkpoint(const Checkpoint& checkpoint,
                                    const std::atomic<bool>* stop = nullptr);

}  // namespace anemone::checkpoint
