#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "anemone/text.h"

namespace anemone::generate {

/// What an answer must look like. Tokens that would break it are never chosen, by no sampler, and
/// what it leaves no choice about is appended without a choice of the model.
///
/// Texts are judged as Tokenizer::decode gives them without special tokens; a special token is
/// allowed only where a Lark grammar names it (`<|name|>`, `<[id]>`), a token that ends a
/// generation wherever the text may end.
struct Constraint {
  enum class Kind : uint8_t {
    none,
    /// `text` is a JSON Schema (draft 2020-12 and before). Blanks are those of Python's json.dumps
    /// unless the schema's `x-guidance` says which.
    json_schema,
    json_object,  ///< any JSON object, with the same blanks.
    regex,        ///< `text` is a regular expression that the whole answer matches.
    lark,         ///< `text` is a grammar in llguidance's dialect of Lark; its root is `start`.
    choice,       ///< one of `choices`, to the letter.
  };
  Kind kind = Kind::none;
  std::string text;
  std::vector<std::string> choices;
  bool operator==(const Constraint&) const = default;
};
const char* to_string(Constraint::Kind kind);

/// What ConstraintCompiler::check made of a constraint.
class CheckedConstraint {
 public:
  virtual ~CheckedConstraint() = default;
};

/// Compiles constraints for one tokenizer, whose tokens it holds as a tree. Made once for a model
/// (0.7 s of one core for 150,000 tokens) and given to all answers by Options::compiler; the
/// last constraints it compiled are kept, so that an equal one costs nothing. All methods may be
/// called from several threads; it must outlive the answers that use it. One thread of its own
/// computes, while the model runs, which tokens may come next.
class ConstraintCompiler {
 public:
  /// `vocab_size`: columns of the model's logits (ModelInfo::vocab_size). Errors: unsupported (a
  /// tokenizer whose tokens are no pieces of text: which part of tokenizer.json).
  static Result<std::unique_ptr<ConstraintCompiler>> make(const text::Tokenizer& tokenizer,
                                                          int64_t vocab_size);
  virtual ~ConstraintCompiler() = default;

  /// Whether an answer under this constraint can begin: it is compiled and the tokens that may come
  /// first are computed, for callers who want that before they queue a request. Options::checked
  /// keeps the work for the answer; null where there is none to keep (no constraint, or very many
  /// are kept already). Errors: invalid_argument (what cannot be compiled: what of it, and where),
  /// limit (a grammar that is too large, or under which no token may come first).
  virtual Result<std::shared_ptr<const CheckedConstraint>> check(const Constraint& constraint) = 0;
};

}  // namespace anemone::generate
