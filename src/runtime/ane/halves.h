#pragma once

#include "runtime/bind.h"

namespace anemone::runtime {

/// Whether all floats that an operation reads and makes are fp16: others do not run on the Neural
/// Engine.
bool is_all_fp16(const BindRequest& request);

/// Binds the op's reference evaluation, on decoded operands, rounded once as the Neural Engine
/// rounds. `is_sum`: of products, which pass its limit when they are finished.
std::unique_ptr<Binding> bind_reference(const BindRequest& request, bool is_sum);

}  // namespace anemone::runtime
