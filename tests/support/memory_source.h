#pragma once

#include <map>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace anemone::test {

/// Tensors that a test made.
class MemorySource : public checkpoint::TensorSource {
 public:
  explicit MemorySource(const std::vector<NamedTensor>& tensors) {
    for (const auto& [name, tensor] : tensors) {
      infos_.push_back({name, tensor.dtype(), tensor.shape()});
      tensors_[name] = tensor;
    }
    checkpoint::sort_by_name(infos_);
  }

  std::span<const checkpoint::TensorInfo> tensors() const override { return infos_; }

  Result<Tensor> read(std::string_view name) const override {
    if (const auto index = index_of(name); !index.ok()) return index.error();
    return tensors_.at(std::string(name));
  }

 private:
  std::vector<checkpoint::TensorInfo> infos_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace anemone::test
