#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "anemone/model.h"
#include "anemone/result.h"

namespace anemone::runtime {

/// Runs one function on arrays as they stand in an `.npz` file, and gives arrays to write to one.
///
/// Inputs are found by name and converted to the dtype that the program wants, where the kind of
/// number (bool, integer, float) stays and no value overflows; a scalar may come as
/// [] or [1]; images are uint8 [H, W, 3] in RGB order or [H, W]; absent optional inputs take their
/// default value. Names `step0/x`, `step1/x` … run the steps in order on one state that starts at
/// zero; the results have the same prefixes. A classifier's dictionary comes back as `<name>.keys`
/// (text or int64) and `<name>.values`. Other results keep the dtype in which they are stored: fp32
/// for fp16 under Numerics::fp32.
///
/// Errors: not_found (function; an input that is missing), mismatch (an array that is no input; a
/// shape that the description excludes; a dtype that cannot be converted), and those of
/// Model::prepare and Runner::run.
Result<std::vector<NamedTensor>> predict_arrays(Model& model, std::string_view function,
                                                std::span<const NamedTensor> arrays,
                                                int64_t steps_at_least = 1);

}  // namespace anemone::runtime
