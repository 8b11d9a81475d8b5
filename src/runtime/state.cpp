#include <algorithm>
#include <cstring>

#include "anemone/model.h"

namespace anemone::runtime {

std::span<NamedTensor> State::tensors() {
  if (home_ != nullptr) home_->visit(true);
  return tensors_;
}

std::span<const NamedTensor> State::tensors() const {
  if (home_ != nullptr) home_->visit(false);
  return tensors_;
}

NamedTensor* State::find(std::string_view name) {
  if (home_ != nullptr) home_->visit(true);
  const auto found = std::ranges::find(tensors_, name, &NamedTensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

State State::clone() const {
  std::vector<NamedTensor> copies;
  copies.reserve(tensors_.size());
  for (const NamedTensor& named : tensors()) copies.push_back({named.name, named.tensor.clone()});
  return State(std::move(copies));
}

void State::reset() {
  for (NamedTensor& named : tensors()) {
    const auto bytes = named.tensor.mutable_bytes();
    if (!bytes.empty()) std::memset(bytes.data(), 0, bytes.size());
  }
}

uint64_t State::size_bytes() const {
  uint64_t total = 0;
  for (const NamedTensor& named : tensors_) total += named.tensor.bytes().size();
  return total;
}

}  // namespace anemone::runtime
