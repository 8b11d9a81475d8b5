#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "eval/question.h"
#include "eval/requests.h"
#include "eval/response.h"

namespace anemone::eval {

/// Tokens that ways to answer the same requests take.
struct TokenCounts {
  uint64_t alone = 0;         ///< every request on its own, as a server runs them.
  uint64_t logits_cache = 0;  ///< each distinct input once, as the harness' hf model runs them.
  uint64_t truncated = 0;     ///< requests that lost tokens on the left.
};

/// The requests of all tasks of a run as questions, and the way back from answers.
class Questionnaire {
 public:
  /// Inputs have `max_length` tokens at most; longer ones lose their beginning.
  Questionnaire(const Codec& codec, int64_t max_length);

  /// Adds the requests of the next task, A request that cannot be
  /// asked (nothing to score, too long a continuation) has an error in its response. `told` hears
  /// of each document and may ask for a stop. Errors: interrupted.
  Status add_task(OutputType type, std::span<const DocumentRequests> documents,
                  const std::function<bool(size_t documents)>& told = nullptr);

  std::span<const Question> questions() const { return questions_; }
  int64_t max_length() const { return max_length_; }
  uint64_t failed_requests() const { return failed_requests_; }

  /// Of one task, without what its answers generate. An input that an earlier task has too counts
  /// there alone.
  const TokenCounts& counts(size_t task) const { return tasks_[task].counts; }
  /// Questions of one task.
  size_t question_count(size_t task) const { return tasks_[task].question_count; }

  /// The responses to the requests of one task by document, from the answers to all questions,
  /// which are moved away.
  std::vector<std::vector<Response>> responses(size_t task, std::span<Response> answers) const;

 private:
  struct AskedRequest {
    size_t first_question = 0;
    size_t question_count = 0;
    bool no_tokens = false;
    std::optional<Error> error;
  };
  struct AskedTask {
    std::vector<std::vector<AskedRequest>> documents;
    size_t question_count = 0;
    TokenCounts counts;
  };

  Result<AskedRequest> ask(OutputType type, const Request& request, const Question& place);
  Result<AskedRequest> ask_rolling(const std::string& text, Question place);
  Result<AskedRequest> ask_generation(const Request& request, Question place);
  Result<AskedRequest> ask_pair(const Request& request, Question place);
  Result<std::shared_ptr<const Tokens>> context_tokens(std::string_view text);
  Result<std::shared_ptr<const GenerationOptions>> generation_of(const Value& kwargs);
  void count(const Question& question, std::span<const int32_t> whole_context);

  Codec codec_;
  int64_t max_length_;
  std::vector<Question> questions_;
  std::vector<AskedTask> tasks_;
  uint64_t failed_requests_ = 0;
  std::unordered_set<uint64_t> inputs_;  ///< hashes of what `count` has seen.
  /// Of the task that is being added, by their text in its documents.
  std::unordered_map<std::string_view, std::shared_ptr<const Tokens>> contexts_;
  Value generation_kwargs_;  ///< the last ones, and what they say.
  std::shared_ptr<const GenerationOptions> generation_;
};

/// Most tokens that are fed when `asked` are wanted (0: all that the model takes). Errors:
/// invalid_argument (more than the model's context).
Result<int64_t> input_limit(int64_t context_length, int64_t asked);

}  // namespace anemone::eval
