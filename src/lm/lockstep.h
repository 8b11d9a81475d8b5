#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace anemone::lm {

/// What a model that carries several sequences at once says of it, for a caller who has many. A
/// LanguageModel that is none of these carries one after the other.
class Lockstep {
 public:
  virtual ~Lockstep() = default;
  /// Sequences whose steps `extend_many` carries at once, at most.
  virtual int64_t lockstep_sequences() const = 0;
  /// Several tokens of one of them at once, too, also where their logits are wanted: extensions
  /// that are carried together need not have as many tokens each.
  virtual bool joins_positions() const = 0;
  /// Blocks of ModelInfo::prefill_block_tokens also carry tokens whose logits are wanted.
  virtual bool blocks_give_rows() const = 0;
  /// Calls body(i) for each i below `count` once, on the threads that run the model. `body` must
  /// not throw.
  virtual void share_work(size_t count, const std::function<void(size_t)>& body) const = 0;
};

}  // namespace anemone::lm
