#include <algorithm>
#include <cstring>

#include "anemone/model.h"

namespace anemone::runtime {

void State::visit(bool written) const {
  if (home_ == nullptr) return;
  if (Status status = home_->visit(written); !status.ok() && lost_.ok()) lost_ = std::move(status);
}

Status State::sync() const {
  visit(false);
  return lost_;
}

std::span<NamedTensor> State::tensors() {
  visit(true);
  return tensors_;
}

std::span<const NamedTensor> State::tensors() const {
  visit(false);
  return tensors_;
}

NamedTensor* State::find(std::string_view name) {
  visit(true);
  const auto found = std::ranges::find(tensors_, name, &NamedTensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

State State::clone() const {
  std::vector<NamedTensor> copies;
  copies.reserve(tensors_.size());
  for (const NamedTensor& named : tensors()) copies.push_back({named.name, named.tensor.clone()});
  State copy(std::move(copies));
  copy.lost_ = lost_;
  return copy;
}

void State::reset() {
  for (NamedTensor& named : tensors()) {
    const auto bytes = named.tensor.mutable_bytes();
    if (!bytes.empty()) std::memset(bytes.data(), 0, bytes.size());
  }
  if (lost_.ok()) return;
  home_ = nullptr;  // which may fail for ever
  lost_ = {};
}

uint64_t State::size_bytes() const {
  uint64_t total = 0;
  for (const NamedTensor& named : tensors_) total += named.tensor.bytes().size();
  return total;
}

}  // namespace anemone::runtime
