#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace anemone::checkpoint {

/// The state dict in a file that `torch.save` wrote (a zip with a pickle; torch 1.6 and later). Of
/// nested dicts ({"model": …, "optimizer": …}) the entry "model", "state_dict" or
/// "model_state_dict" is followed; values that are no tensors are left out. Tensors may share
/// storages, and have offsets and strides. Nothing in the file is executed.
/// Errors: not_found, io, corrupt, mismatch (no tensors, several state dicts), limit, unsupported
/// (older files that are no zip, a global that is not allowed, by name; dtypes).
Result<std::shared_ptr<const TensorSource>> open_torch_file(const std::filesystem::path& path);

/// The same; tensors of types that are not read are left out, and named.
Result<std::shared_ptr<const TensorSource>> open_readable_torch_file(
    const std::filesystem::path& path, std::vector<UnreadTensor>& unread);

/// The same of bytes that `owner` keeps: in memory, or those of `mapped`, whose memory can be
/// released.
Result<std::shared_ptr<const TensorSource>> parse_torch_file(
    std::span<const std::byte> file, std::shared_ptr<const void> owner,
    const MappedFile* mapped = nullptr, std::vector<UnreadTensor>* unread = nullptr);

}  // namespace anemone::checkpoint
