#pragma once

#include "runtime/bind.h"

namespace anemone::runtime {

/// Whether an operation computes in fp16: others do not run on the Neural Engine. Parameters that
/// are constants (an epsilon, a gamma) may be of other dtypes, which Core ML allows from iOS17 on.
bool computes_in_fp16(const BindRequest& request);

/// Whether all floats that it reads and makes are fp16.
bool is_all_fp16(const BindRequest& request);

/// Binds what computes in fp16 by `bind_reference`, no sum: the Neural Engine's arithmetic of all
/// ops that have none of their own and do not only move numbers.
std::unique_ptr<Binding> bind_ane_rounded(const BindRequest& request);

/// Binds the op's reference evaluation, on decoded operands, rounded once as the Neural Engine
/// rounds. `is_sum`: of products, which pass its limit when they are finished.
std::unique_ptr<Binding> bind_reference(const BindRequest& request, bool is_sum);

}  // namespace anemone::runtime
