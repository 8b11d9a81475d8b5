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
/// The positions of a program as they would be in one for another context.
struct OtherContext {
  int64_t from = 0;  ///< what the widest attention of the model looks at.
  int64_t to = 0;
  /// Those of windows stay, as far as the context reaches.
  double share(int64_t positions) const;
};

/// Width is that of the mask or of the token ids; where neither is an input, rows of the scores.
/// `placed`, the forecast of this function: bytes and multiplications of its ops on the Neural
/// Engine alone, and of the caches the part that attention there reads; layers are all counted.
FunctionWork work_of(const FunctionView& function, const OtherContext* other = nullptr,
                     const FunctionForecast* placed = nullptr);

/// The function that makes one token: "infer", "decode", else the default. Null in a package
/// without functions.
const FunctionView* decoding_function(const PackageView& package);
/// The one for prompts, "prefill", else the same.
const FunctionView* prompt_function(const PackageView& package);

}  // namespace anemone::ane
