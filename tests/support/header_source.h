#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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

  /// Of every .safetensors file of a folder.
  static HeaderSource of_folder(const std::filesystem::path& folder) {
    std::vector<checkpoint::TensorInfo> tensors;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".safetensors") continue;
      std::ifstream file(entry.path(), std::ios::binary);
      uint64_t size = 0;
      file.read(reinterpret_cast<char*>(&size), sizeof size);
      std::string header(size, '\0');
      file.read(header.data(), static_cast<std::streamsize>(size));
      const auto document = nlohmann::json::parse(header);
      for (const auto& [name, entry_json] : document.items()) {
        if (name == "__metadata__") continue;
        const auto dims = entry_json.at("shape").get<std::vector<int64_t>>();
        const bool is_integer = entry_json.at("dtype").get<std::string>() == "I64";
        tensors.push_back({name, is_integer ? DType::int64 : DType::fp32, Shape(dims)});
      }
    }
    return HeaderSource(std::move(tensors));
  }

  std::span<const checkpoint::TensorInfo> tensors() const override { return tensors_; }
  std::vector<checkpoint::TensorInfo>& mutable_tensors() { return tensors_; }
  Result<Tensor> read(std::string_view) const override {
    return Error{ErrorCode::not_found, "there are only headers here", {}, {}};
  }

 private:
  std::vector<checkpoint::TensorInfo> tensors_;
};

}  // namespace anemone::test
