#include "eval/engine.h"

#include "base/error.h"
#include "eval/tree_walk.h"

namespace anemone::eval {

Result<Engine> Engine::create(lm::LanguageModel& model, const Codec& codec,
                              uint64_t kv_budget_bytes) {
  const lm::ModelInfo& info = model.info();
  if (!info.gives_logits)
    return with_hint(fail(ErrorCode::unsupported,
                          "{}: the model gives the likeliest token, not logits, so nothing can be "
                          "scored",
                          info.name),
                     "convert it without argmax in the model");
  return Engine(model, codec, kv_budget_bytes);
}

Status Engine::run(std::span<const Question> questions, std::span<const uint32_t> asked,
                   const Answered& answered, const Told& told) {
  return TreeWalk(path_, codec_, vocabulary_, questions, asked, answered, told).run();
}

}  // namespace anemone::eval
