#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace anemone::checkpoint {

/// The tensors of one `.safetensors` file, which is mapped. The whole header is checked here:
/// offsets, sizes against shape and dtype, no gaps, no overlaps, nothing after the last tensor.
/// Errors: not_found, io, corrupt (tensor, expected, found), unsupported (a dtype that `DType`
/// lacks, more than Shape::kMaxRank dimensions), limit (a header of more than 100 MB).
/// Source: the format section of the safetensors README and its `validate`, version 0.8.
Result<std::shared_ptr<const TensorSource>> open_safetensors(const std::filesystem::path& path);

/// The same of bytes that `owner` keeps: in memory, or those of `mapped`, whose memory can be
/// released.
Result<std::shared_ptr<const TensorSource>> parse_safetensors(std::span<const std::byte> file,
                                                              std::shared_ptr<const void> owner,
                                                              const MappedFile* mapped = nullptr);

}  // namespace anemone::checkpoint
