#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace anemone::checkpoint {

/// The arrays of a NumPy `.npz` archive, read one at a time from the mapped file. Opening checks
/// every array once (as `read_npz` does) and keeps none.
/// Errors: not_found, io, corrupt, unsupported (objects and other types, by member).
Result<std::shared_ptr<const TensorSource>> open_npz(const std::filesystem::path& path);

/// The same; arrays of types that are not read are left out, and named.
Result<std::shared_ptr<const TensorSource>> open_readable_npz(const std::filesystem::path& path,
                                                              std::vector<UnreadTensor>& unread);

}  // namespace anemone::checkpoint
