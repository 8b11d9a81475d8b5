#pragma once

#include "ane/cost.h"
#include "ane/model_view.h"

namespace anemone::ane {

/// What a call of a function moves and multiplies, as the cost model counts it.
struct FunctionWork {
  StepWork work;  ///< calls is 1.
  int64_t attention_layers = 0;
  int64_t context = 0;  ///< positions that the widest attention looks at.
};
/// Width is that of the mask or of the token ids; where neither is an input, rows of the scores.
FunctionWork work_of(const FunctionView& function);

/// The function that makes one token: "infer", "decode", else the default. Null in a package
/// without functions.
const FunctionView* decoding_function(const PackageView& package);
/// The one for prompts, "prefill", else the same.
const FunctionView* prompt_function(const PackageView& package);

}  // namespace anemone::ane
