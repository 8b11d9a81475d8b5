#include <fmt/format.h>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

void judge(const ModelView& model, Findings& findings) {
  for (size_t i = 0; i + 1 < model.chunks.size(); ++i)
    for (const FunctionView& function : model.chunks[i]->functions)
      for (const std::string& output : function.function().block.outputs)
        if (is_normalised(function, output))
          findings.add(function,
                       fmt::format("chunk {} of {} normalises its result '{}'", i + 1,
                                   model.chunks.size(), output),
                       {.operand = output});
}

}  // namespace

extern const Rule k_norm_in_every_chunk{
    .info = {.id = "norm_in_every_chunk",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A chunk that is not the last normalises what it hands on: the "
                            "final norm was applied in every chunk, and the model is wrong "
                            "(logits off by 10.8 on a small one).",
             .fix = "Convert again with a release that normalises in the last chunk "
                    "only (ANEMLL from 0.3.5 on), or into one chunk.",
             .source = "ANEMLL 0.3.4 and before, Qwen2.5 and Qwen3 in several chunks; "
                       "found by running it"},

    .check_model = judge};

}  // namespace anemone::ane
