#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/tensor_source.h"

namespace anemone::models {

/// Tensors that a test makes up.
class MemorySource final : public checkpoint::TensorSource {
 public:
  explicit MemorySource(std::map<std::string, Tensor> tensors) : tensors_(std::move(tensors)) {
    for (const auto& [name, tensor] : tensors_)
      infos_.push_back({name, tensor.dtype(), tensor.shape()});
  }
  std::span<const checkpoint::TensorInfo> tensors() const override { return infos_; }
  Result<Tensor> read(std::string_view name) const override {
    const auto found = tensors_.find(std::string(name));
    if (found == tensors_.end()) return fail(ErrorCode::not_found, "no tensor '{}'", name);
    return found->second;
  }

 private:
  std::map<std::string, Tensor> tensors_;
  std::vector<checkpoint::TensorInfo> infos_;
};

}  // namespace anemone::models
