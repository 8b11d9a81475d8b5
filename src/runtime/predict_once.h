#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "anemone/model.h"

namespace anemone::runtime {

/// Model::predict by way of the model's `prepare`, whatever its backend.
Result<std::vector<NamedTensor>> predict_once(Model& model, std::string_view function,
                                              std::span<const NamedTensor> inputs, State* state);

}  // namespace anemone::runtime
