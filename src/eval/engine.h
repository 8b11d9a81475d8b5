#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"
#include "eval/model_path.h"
#include "eval/question.h"
#include "eval/response.h"
#include "eval/tokens.h"

namespace anemone::eval {

/// Answers questions by a model. All that are asked together and scored from logits are one tree of
/// tokens, and each token of it runs once: what questions begin with is shared, whatever tasks they
/// belong to, and the model forgets what parts them. Those that are scored by whole blocks share
/// their contexts among themselves. Several sequences go through the tree in lockstep, where the
/// model can carry them so. An answer is a function of its question alone. Not thread-safe.
class Engine {
 public:
  /// Takes the answer to questions[index]. Its error ends the run.
  using Answered = std::function<Status(size_t index, Response&& response)>;
  /// Tokens that have run of all that will: an upper bound where answers are generated. False asks
  /// for a stop.
  using Told = std::function<bool(uint64_t done, uint64_t total)>;

  /// Memory for states of the model beside the first one: of sequences that run in lockstep, and
  /// copies where the model cannot go back without.
  static constexpr uint64_t kDefaultBudgetBytes = uint64_t{1} << 30;

  /// Logits that are held at once: 16 MiB. No fewer than TreeWalk::kMostRows rows of them.
  static constexpr size_t kMostLogits = size_t{1} << 22;

  /// Errors: unsupported (a model that gives no logits).
  static Result<Engine> create(lm::LanguageModel& model, const Codec& codec,
                               uint64_t kv_budget_bytes = kDefaultBudgetBytes,
                               size_t most_logits = kMostLogits);

  /// Answers those of `questions` whose indices are in `asked`, in the order in which they were
  /// asked as far as shared beginnings allow. A question on which the model fails has the error in
  /// its response. Errors: interrupted, those of `answered`.
  Status run(std::span<const Question> questions, std::span<const uint32_t> asked,
             const Answered& answered, const Told& told = nullptr);

  /// Leaves nothing in the model of what was asked before.
  void forget();

  /// Tokens that the model has taken so far.
  uint64_t tokens_run() const;

 private:
  Engine(lm::LanguageModel& model, const Codec& codec, uint64_t kv_budget_bytes,
         size_t most_logits);

  /// As many paths as lanes pay for so many questions.
  std::span<ModelPath> paths_for(size_t questions);

  lm::LanguageModel* model_;
  Codec codec_;
  uint64_t budget_bytes_;
  size_t most_logits_;
  std::unique_ptr<StateBudget> budget_;
  std::vector<ModelPath> paths_;  ///< at least one.
};

}  // namespace anemone::eval
