#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/fewshot.h"
#include "eval/task.h"

namespace anemone::eval {

/// Renders a conversation, a list of {"role", "content"}, to text. With `continue_last` the text
/// ends inside the last message, else with what starts an answer.
using RenderChat = std::function<Result<std::string>(const Value& messages, bool continue_last)>;

struct PromptOptions {
  std::string system_instruction;
  RenderChat chat;        ///< empty: prompts are plain text.
  bool multiturn = true;  ///< with `chat`: examples are turns of their own.
};

/// The context before the scored or generated text: description, examples, question. One text, or
/// one for each choice where the task has several inputs.
Result<std::vector<std::string>> build_contexts(const Task& task, const Value& document,
                                                FewshotSampler& sampler,
                                                const PromptOptions& options);

}  // namespace anemone::eval
