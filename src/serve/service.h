#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "anemone/constraint.h"
#include "anemone/serve.h"
#include "anemone/text.h"
#include "anemone/tool_calls.h"
#include "serve/documents/answer_fields.h"
#include "serve/metrics.h"
#include "serve/work.h"

namespace anemone::serve {

/// What the endpoints know; nothing of it changes while they run, but the metrics.
struct Service {
  const lm::ModelInfo info;
  const text::Tokenizer& tokenizer;
  const Options& options;
  Metrics& metrics;
  std::optional<text::ChatTemplate> chat_template;
  std::optional<text::ChatTemplate> tool_template;
  generate::ToolDialect dialect;
  generate::ConstraintCompiler* compiler = nullptr;  ///< null: answers cannot be kept to a form.
  int64_t started_s = 0;                             ///< Unix time.
  bool local_only = true;                            ///< listens on a loopback address.

  /// The names that a request may use; the first is told.
  std::vector<std::string> model_names() const;
  /// The name that answers tell for a model that a request names so, or does not name.
  std::string told_model(const std::string& name) const;
  /// Errors: not_found.
  Status check_model(const std::string& name) const;
  /// For what one request does not say; its seed is new, unless the server's is fixed.
  generate::Options defaults() const;
  /// The work for each of the choices. Errors: out_of_range (a prompt that the context cannot
  /// hold), invalid_argument (no tokens, more of them asked for than allowed), unsupported.
  Status add_work(const AnswerFields& answer, std::vector<int32_t> prompt, int64_t top_logprobs,
                  bool scores_prompt, std::vector<Work>& work) const;
};

/// Such as "chatcmpl-" and 24 digits that no other answer has.
std::string new_id(std::string_view prefix);
int64_t unix_time_s();

/// {"prompt_tokens", "completion_tokens", "total_tokens", …}, summed over answers.
class Usage {
 public:
  /// `repeats_prompt`: its prompt was counted for another choice.
  void add(const generate::Generation& generation, bool repeats_prompt);
  Json chat_json() const;
  Json responses_json() const;

 private:
  int64_t prompt_ = 0;
  int64_t reused_ = 0;
  int64_t generated_ = 0;
};

}  // namespace anemone::serve
