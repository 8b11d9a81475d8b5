#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "anemone/result.h"
#include "anemone/text.h"
#include "text/bridge_call.h"

namespace anemone::text {

/// A place in a text under a grammar. One thread at a time. After an error of a function that
/// changes it, only the same error follows. Errors of all: limit (too much work; no token that may
/// follow; a token that must not).
class GrammarMatcher {
 public:
  /// Bit `id % 32` of word `id / 32`: whether token `id` may come next; (vocab_size + 31) / 32
  /// words.
  Status mask(std::span<uint32_t> words);
  Status accept(std::span<const int32_t> tokens);
  /// How many of the tokens may come, one after the other; the place stays.
  Result<size_t> valid_prefix(std::span<const int32_t> tokens);
  /// Back by so many tokens.
  Status take_back(size_t count);
  /// Writes the tokens that must come next, at most tokens.size(); how many. The place stays.
  Result<size_t> forced(std::span<int32_t> tokens);
  /// The text is complete and nothing may follow.
  bool complete() const;
  /// An independent matcher at the same place.
  Result<GrammarMatcher> copy() const;

 private:
  friend class GrammarCompiler;
  explicit GrammarMatcher(BridgeMatcher bridge) : bridge_(std::move(bridge)) {}
  BridgeMatcher bridge_;
};

/// Compiles grammars for one tokenizer. May be called from several threads.
class GrammarCompiler {
 public:
  enum class Kind : uint8_t { json_schema, regex, lark, choice };

  /// Errors: unsupported (a tokenizer whose tokens have no bytes of their own).
  static Result<GrammarCompiler> make(const Tokenizer& tokenizer, int64_t vocab_size);
  /// `text` of a choice: a JSON list of texts. Errors: invalid_argument.
  Result<GrammarMatcher> compile(Kind kind, std::string_view text) const;

 private:
  explicit GrammarCompiler(BridgeCompiler bridge) : bridge_(std::move(bridge)) {}
  BridgeCompiler bridge_;
};

}  // namespace anemone::text
