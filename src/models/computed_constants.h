#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "anemone/tensor.h"

namespace anemone::models {

/// Constants that are computed, not read from a checkpoint: rotary tables, masks. Each is made
/// once, so that all functions that need it share its memory. Copies share the constants. Not
/// synchronised.
class ComputedConstants {
 public:
  /// What `make` gave the first time `key` was asked for. The key says all that it depends on.
  Tensor get(const std::string& key, const std::function<Tensor()>& make) const {
    const auto known = made_->find(key);
    return known != made_->end() ? known->second : made_->emplace(key, make()).first->second;
  }

 private:
  std::shared_ptr<std::map<std::string, Tensor>> made_ =
      std::make_shared<std::map<std::string, Tensor>>();
};

}  // namespace anemone::models
