#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "anemone/constraint.h"
#include "generate/background.h"
#include "text/grammar.h"

namespace anemone::generate {

/// The ConstraintCompiler, as answers use it.
class CompiledConstraints final : public ConstraintCompiler {
 public:
  /// So many constraints stay compiled though nobody holds them, and with those that are held.
  static constexpr size_t kKept = 64;
  static constexpr size_t kMostKept = 128;
  /// Of one run of tokens without a choice; a longer one is taken in several steps.
  static constexpr size_t kMostForcedTokens = 256;

  static Result<std::unique_ptr<CompiledConstraints>> open(const text::Tokenizer& tokenizer,
                                                           int64_t vocab_size);
  Result<std::shared_ptr<const CheckedConstraint>> check(const Constraint& constraint) override;

  /// A matcher behind the tokens that an answer must begin with.
  struct Start {
    text::GrammarMatcher matcher;
    std::vector<int32_t> beginning;
  };
  /// At the beginning of an answer. `checked` may be null. Errors: as `check`.
  Result<Start> start(const Constraint& constraint, const CheckedConstraint* checked);
  Background& background() { return background_; }
  int64_t vocab_size() const { return vocab_size_; }

 private:
  struct Entry final : CheckedConstraint {
    Entry(Constraint of, Start at) : constraint(std::move(of)), start(std::move(at)) {}
    Constraint constraint;
    Start start;
  };
  using Entries = std::list<std::shared_ptr<const Entry>>;

  CompiledConstraints(text::GrammarCompiler compiler, int64_t vocab_size)
      : compiler_(std::move(compiler)), vocab_size_(vocab_size) {}
  Result<text::GrammarMatcher> compile(const Constraint& constraint) const;
  /// Compiled, behind its beginning, with the first mask.
  Result<Start> prepare(const Constraint& constraint) const;
  std::shared_ptr<const Entry> find(const Constraint& constraint);
  /// Whether it is kept.
  bool keep(std::shared_ptr<const Entry> entry);
  /// One that is kept, or a new one; whether it is kept now.
  Result<std::pair<std::shared_ptr<const Entry>, bool>> entry_of(const Constraint& constraint);

  text::GrammarCompiler compiler_;
  int64_t vocab_size_;
  std::mutex mutex_;
  Entries entries_;  ///< the last used first.
  Background background_;
};

}  // namespace anemone::generate
