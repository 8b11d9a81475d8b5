#include "eval/engine.h"

#include <algorithm>

#include "base/error.h"
#include "eval/block_walk.h"
#include "eval/tree_walk.h"
#include "eval/walk_progress.h"
#include "eval/ways.h"
#include "lm/lockstep.h"

namespace anemone::eval {
namespace {

/// Of a model that cannot always go back: the lane's own and copies on its way.
constexpr uint64_t kStatesOfALane = 4;

}  // namespace

Result<Engine> Engine::create(lm::LanguageModel& model, const Codec& codec,
                              uint64_t kv_budget_bytes, size_t most_logits) {
  const lm::ModelInfo& info = model.info();
  if (!info.gives_logits)
    return with_hint(fail(ErrorCode::unsupported,
                          "{}: the model gives the likeliest token, not logits, so nothing can be "
                          "scored",
                          info.name),
                     "convert it without argmax in the model");
  return Engine(model, codec, kv_budget_bytes, most_logits);
}

Engine::Engine(lm::LanguageModel& model, const Codec& codec, uint64_t kv_budget_bytes,
               size_t most_logits)
    : model_(&model),
      codec_(codec),
      budget_bytes_(kv_budget_bytes),
      most_logits_(most_logits),
      budget_(std::make_unique<StateBudget>(kv_budget_bytes)) {
  paths_.emplace_back(model, *budget_);
}

uint64_t Engine::tokens_run() const {
  uint64_t tokens = 0;
  for (const ModelPath& path : paths_) tokens += path.tokens_run();
  return tokens;
}

std::span<ModelPath> Engine::paths_for(size_t questions) {
  const auto* lockstep = dynamic_cast<const lm::Lockstep*>(model_);
  const int64_t sequences = lockstep == nullptr ? 1 : lockstep->lockstep_sequences();
  const auto most = static_cast<size_t>(std::max<int64_t>(sequences, 1));
  const uint64_t state = std::max<uint64_t>(paths_[0].state_bytes(), 1);
  const uint64_t states = budget_bytes_ / (paths_[0].forgets() ? state : state * kStatesOfALane);
  const size_t lanes =
      std::min({most, std::max<size_t>(questions, 1), static_cast<size_t>(states) + 1});
  while (paths_.size() < lanes && budget_->take(state)) paths_.emplace_back(*model_, *budget_);
  return std::span(paths_).first(std::min(lanes, paths_.size()));
}

void Engine::forget() {
  for (ModelPath& path : paths_) path.forget_all();
}

Status Engine::run(std::span<const Question> questions, std::span<const uint32_t> asked,
                   const Answered& answered, const Told& told) {
  const Ways ways = divide(questions, asked, model_->info().score_block_tokens);
  const std::span<ModelPath> paths = paths_for(
      std::max(ways.by_logits.size(), std::min(ways.by_blocks.size(), BlockWalk::kMostPaths)));
  WalkProgress progress(told);
  BlockWalk blocks(*model_, paths, questions, ways.by_blocks, answered, progress);
  TreeWalk tree(*model_, paths, codec_, questions, ways.by_logits, most_logits_, answered,
                progress);
  ANEMONE_RETURN_IF_ERROR(tree.run());
  return blocks.run();
}

}  // namespace anemone::eval
