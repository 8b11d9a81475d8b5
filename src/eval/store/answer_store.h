#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/result.h"
#include "anemone/text.h"
#include "eval/store/answer_key.h"
#include "eval/store/database.h"

/// What models have answered, on disk, so that a run that was ended in any way goes on where it
/// was.
namespace anemone::eval {

/// Of the meaning of keys and values; answers under another version are not found.
inline constexpr int kAnswersVersion = 3;

/// An answer to one question. Failures are not kept: they are asked again.
struct StoredAnswer {
  double log_likelihood = 0;  ///< every bit is kept.
  bool greedy = false;
  std::string text;               ///< of a generation.
  uint64_t generated_tokens = 0;  ///< of it.
  bool operator==(const StoredAnswer&) const = default;
};

/// Everything beside a question that decides its answer: the model's bytes, the arithmetic, the
/// tokenizer, this program's version. As one line of JSON.
std::string answer_scope(const lm::ModelInfo& model, const text::Tokenizer& tokenizer);

/// A file of answers, of which this object sees those of one scope. Not thread-safe.
class AnswerStore {
 public:
  /// Opens or creates; the folder exists. Errors name the file: io (also: the disk is full, another
  /// run has it open), corrupt, mismatch (a database of another program), unsupported (a newer
  /// layout).
  static Result<AnswerStore> open(const std::filesystem::path& path, const std::string& scope);
  AnswerStore(AnswerStore&&) noexcept = default;
  AnswerStore& operator=(AnswerStore&&) = delete;
  ~AnswerStore();  ///< Writes what is pending, as far as it can.

  /// Answers of the scope that were there when the store was opened, and those of other scopes.
  uint64_t size() const { return size_; }
  uint64_t foreign() const { return foreign_; }

  /// Errors: as open; corrupt (a value that is not what was written).
  Result<std::optional<StoredAnswer>> find(const AnswerKey& key);

  /// Takes the place of an answer that is there. It is on disk after the next transaction, which
  /// comes every 256 answers or half a second, with `flush`, and with the end of this object.
  Status add(const AnswerKey& key, StoredAnswer answer);
  Status flush();

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    AnswerKey key;
    StoredAnswer answer;
  };
  AnswerStore(Database database, Statement find, Statement add, std::string path, int64_t scope)
      : database_(std::move(database)),
        find_(std::move(find)),
        add_(std::move(add)),
        path_(std::move(path)),
        scope_(scope) {}
  Status write_pending();

  Database database_;
  Statement find_;
  Statement add_;
  std::string path_;
  int64_t scope_;
  uint64_t size_ = 0;
  uint64_t foreign_ = 0;
  std::vector<Pending> pending_;
  Clock::time_point last_flush_ = Clock::now();
};

}  // namespace anemone::eval
