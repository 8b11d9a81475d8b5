#pragma once

#include <list>
#include <mutex>

#include "anemone/constraint.h"
#include "generate/background.h"
#include "text/grammar.h"

namespace anemone::generate {

/// The ConstraintCompiler, as answers use it.
class CompiledConstraints final : public ConstraintCompiler {
 public:
  /// So many constraints stay compiled.
  static constexpr size_t kKept = 64;

  static Result<std::unique_ptr<CompiledConstraints>> open(const text::Tokenizer& tokenizer,
                                                           int64_t vocab_size);
  Status check(const Constraint& constraint) override;

  /// At the beginning of an answer. Errors: as `check`.
  Result<text::GrammarMatcher> start(const Constraint& constraint);
  Background& background() { return background_; }
  int64_t vocab_size() const { return vocab_size_; }

 private:
  struct Entry {
    Constraint constraint;
    text::GrammarMatcher matcher;
  };

  CompiledConstraints(text::GrammarCompiler compiler, int64_t vocab_size)
      : compiler_(std::move(compiler)), vocab_size_(vocab_size) {}
  Result<text::GrammarMatcher> compile(const Constraint& constraint) const;

  text::GrammarCompiler compiler_;
  int64_t vocab_size_;
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< the last used first.
  Background background_;
};

}  // namespace anemone::generate
