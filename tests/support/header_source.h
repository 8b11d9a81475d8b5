#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/check.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/sharded.h"
#include "checkpoint/tensor_source.h"

namespace anemone::test {

/// Names, types and shapes of tensors without contents: for tests of what is decided before any
/// weight is read.
class HeaderSource : public checkpoint::TensorSource {
 public:
  explicit HeaderSource(std::vector<checkpoint::TensorInfo> tensors)
      : tensors_(std::move(tensors)) {
    std::ranges::sort(tensors_, {}, &checkpoint::TensorInfo::name);
  }

  /// Of the .safetensors of a folder, one file or shards.
  static HeaderSource of_folder(const std::filesystem::path& folder) {
    const auto index = folder / "model.safetensors.index.json";
    std::shared_ptr<const TensorSource> source;
    if (std::filesystem::exists(index)) {
      auto shards = checkpoint::open_sharded(index, checkpoint::open_safetensors);
      ANEMONE_CHECK(shards.ok(), "the fixture is sound");
      source = shards->source;
    } else {
      auto file = checkpoint::open_safetensors(folder / "model.safetensors");
      ANEMONE_CHECK(file.ok(), "the fixture is sound");
      source = *file;
    }
    const auto tensors = source->tensors();
    return HeaderSource(std::vector<checkpoint::TensorInfo>(tensors.begin(), tensors.end()));
  }

  std::span<const checkpoint::TensorInfo> tensors() const override { return tensors_; }
  Result<Tensor> read(std::string_view) const override {
    return Error{ErrorCode::not_found, "there are only headers here", {}, {}};
  }

 private:
  std::vector<checkpoint::TensorInfo> tensors_;
};

}  // namespace anemone::test
