#include "checkpoint/tensor_source.h"

#include <algorithm>

namespace anemone::checkpoint {

const TensorInfo* TensorSource::find(std::string_view name) const {
  const auto all = tensors();
  const auto found = std::ranges::lower_bound(all, name, {}, &TensorInfo::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

}  // namespace anemone::checkpoint
