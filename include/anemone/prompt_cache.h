#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"

namespace anemone::generate {

/// What a model remembers of beginnings of texts, so that they need not be computed again: by token
/// ids, in memory and, where a folder is given, on disk for the next start. A sequence that comes
/// from here goes on as one that was computed, bit by bit (as far as the artifact
/// makes no difference between blocks and steps). Not thread-safe.
///
/// Files hold the keys and values of prompts, from which their text can be guessed: they and a
/// folder that is made here are their owner's alone, and a folder of somebody else, or one that
/// others may write to, is refused.
class PromptCache {
 public:
  struct Options {
    uint64_t memory_bytes = uint64_t{256} << 20;
    /// Where blocks of `kFileTokens` tokens are kept, in files named by what they hold: the model,
    /// its numerics and all tokens up to their end. Empty: nowhere. Made when missing.
    std::filesystem::path folder;
    uint64_t folder_bytes = uint64_t{1} << 30;
    LogSink log;  ///< files that are damaged or of something else, which are passed over.
  };
  static constexpr int64_t kFileTokens = 64;

  struct Stats {
    uint64_t lookups = 0;
    uint64_t hits = 0;          ///< lookups that found a token or more.
    uint64_t asked_tokens = 0;  ///< of all lookups.
    uint64_t found_tokens = 0;
    uint64_t file_tokens = 0;  ///< of them, that came from files.
    uint64_t memory_bytes = 0;
    uint64_t nodes = 0;
    uint64_t evicted_tokens = 0;  ///< that memory had no room for.
    uint64_t rejected_files = 0;  ///< damaged ones.
  };

  /// A cache for `model`, which must outlive it. Errors: unsupported (a model whose memory cannot
  /// be cut by tokens; a folder for a model without a hash), io (the folder), invalid_argument (a
  /// folder that others may write to).
  static Result<std::unique_ptr<PromptCache>> open(lm::LanguageModel& model,
                                                   const Options& options);
  virtual ~PromptCache() = default;

  /// A sequence of the model that holds the longest known beginning of `tokens`, perhaps none.
  virtual std::unique_ptr<lm::Sequence> find(std::span<const int32_t> tokens) = 0;
  /// Keeps the tokens of a sequence of the model, as many as there is room for; what was not used
  /// for the longest time goes.
  virtual void keep(const lm::Sequence& sequence) = 0;
  virtual Stats stats() const = 0;
};

}  // namespace anemone::generate
