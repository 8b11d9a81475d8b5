#include "eval/prompt.h"

#include "base/error.h"
#include "eval/python_format.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

struct Message {
  std::string role;
  std::string content;
  std::string delimiter;  ///< follows the content in plain text.
};

bool blank_at_seam(std::string_view before, std::string_view after) {
  return python::ends_with_space(before) || python::starts_with_space(after);
}

std::string joined(const std::string& before, const std::string& after,
                   const std::string& delimiter) {
  if (before.empty()) return after;
  if (after.empty()) return before;
  return before + (blank_at_seam(before, after) ? "" : delimiter) + after;
}

std::string to_text(const std::vector<Message>& messages) {
  std::string text;
  for (const Message& message : messages) text += message.content + message.delimiter;
  return text;
}

Value to_turn(const std::string& role, const std::string& content) {
  return Value{{"role", role}, {"content", content}};
}

/// Everything but the system message and a started answer becomes one user message.
Value single_turn(std::vector<Message> messages) {
  Value turns = Value::array();
  if (!messages.empty() && messages.front().role == "system") {
    turns.push_back(to_turn("system", messages.front().content));
    messages.erase(messages.begin());
  }
  std::optional<Message> started;
  if (!messages.empty() && messages.back().role == "assistant") {
    started = std::move(messages.back());
    messages.pop_back();
  }
  if (!messages.empty()) messages.back().delimiter.clear();
  turns.push_back(to_turn("user", to_text(messages)));
  if (started) turns.push_back(to_turn("assistant", started->content));
  return turns;
}

/// One question, with its answer when `answer` is given.
struct Turn {
  std::string question;
  std::optional<std::string> answer;
  std::string gen_prefix;
  std::string target_delimiter;
  std::string fewshot_delimiter;
};

void add_turn(const Turn& turn, std::vector<Message>& messages) {
  const bool delimited =
      turn.gen_prefix.empty()
          ? turn.answer.has_value()
          : !turn.question.empty() && !blank_at_seam(turn.question, turn.gen_prefix);
  messages.push_back({"user", turn.question, delimited ? turn.target_delimiter : ""});
  if (turn.answer)
    messages.push_back(
        {"assistant", joined(turn.gen_prefix, *turn.answer, " "), turn.fewshot_delimiter});
  else if (!turn.gen_prefix.empty())
    messages.push_back({"assistant", turn.gen_prefix, ""});
}

/// The answer of an example as text; nothing for an empty one.
Result<std::optional<std::string>> answer_text(const Value& target,
                                               const std::vector<std::string>& choices) {
  if (target.is_null() || target == "") return std::optional<std::string>();
  Value answer = target.is_array() && !target.empty() ? target[0] : target;
  if (!choices.empty() && target.is_number_integer()) {
    const auto count = static_cast<int64_t>(choices.size());
    int64_t index = target.get<int64_t>();
    if (index < 0) index += count;
    if (index < 0 || index >= count)
      return fail(ErrorCode::out_of_range, "the answer of an example is choice {} of {}",
                  target.get<int64_t>(), count);
    answer = choices[static_cast<size_t>(index)];
  }
  if (!answer.is_string())
    return fail(ErrorCode::mismatch, "the answer of an example is {}, expected text",
                python::to_repr(answer));
  return std::optional(answer.get<std::string>());
}

Result<std::string> question_text(const Value& text) {
  if (text.is_string()) return text.get<std::string>();
  return fail(ErrorCode::mismatch, "doc_to_text gave {}, expected text", python::to_repr(text));
}

Status add_example(const Task& task, const Value& example, std::vector<Message>& messages) {
  const FewshotConfig& fewshot = task.config().fewshot;
  ANEMONE_TRY(Value question, task.text(fewshot.doc_to_text, example));
  std::vector<std::string> choices;
  if (fewshot.doc_to_choice.given()) {
    ANEMONE_TRY(choices, task.choices(fewshot.doc_to_choice, example));
  }
  ANEMONE_TRY(const Value target, task.target(fewshot.doc_to_target, example));
  Turn turn;
  ANEMONE_TRY(turn.gen_prefix,
              task.column_or_template("gen_prefix", fewshot.gen_prefix.spec, example));
  if (task.multiple_input()) {
    const int64_t index = question.is_number_integer() ? question.get<int64_t>() : -1;
    if (index < 0 || index >= static_cast<int64_t>(choices.size()))
      return fail(ErrorCode::out_of_range, "doc_to_text of an example gave {}, expected a choice",
                  python::to_repr(question));
    question = choices[static_cast<size_t>(index)];
    choices.clear();
  }
  ANEMONE_TRY(turn.question, question_text(question));
  ANEMONE_TRY(turn.answer, answer_text(target, choices));
  turn.target_delimiter = fewshot.target_delimiter;
  turn.fewshot_delimiter = fewshot.fewshot_delimiter;
  add_turn(turn, messages);
  return {};
}

Result<std::string> rendered(std::vector<Message> messages, const std::string& gen_prefix,
                             const PromptOptions& options) {
  if (!options.chat) return to_text(messages);
  if (!options.multiturn)
    return options.chat(single_turn(std::move(messages)), !gen_prefix.empty());
  Value turns = Value::array();
  for (const Message& message : messages) turns.push_back(to_turn(message.role, message.content));
  return options.chat(turns, !gen_prefix.empty());
}

}  // namespace

Result<std::vector<std::string>> build_contexts(const Task& task, const Value& document,
                                                FewshotSampler& sampler,
                                                const PromptOptions& options) {
  const TaskConfig& config = task.config();
  std::vector<Message> messages;
  // First, so that a document which fails leaves the draws of those behind it as they are.
  ANEMONE_TRY(const auto examples, sampler.draw(document));
  ANEMONE_TRY(const std::string description,
              task.column_or_template("description", config.description, document));
  const std::string system =
      joined(options.system_instruction, description, config.fewshot_delimiter);
  if (!system.empty()) messages.push_back({"system", system, ""});
  for (const Value* example : examples)
    ANEMONE_RETURN_IF_ERROR(add_example(task, *example, messages));

  Turn turn;
  ANEMONE_TRY(turn.gen_prefix,
              task.column_or_template("gen_prefix", config.gen_prefix.spec, document));
  std::vector<std::string> questions;
  if (task.multiple_input()) {
    ANEMONE_TRY(questions, task.choices(config.doc_to_choice, document));
  } else {
    ANEMONE_TRY(const Value question, task.text(config.doc_to_text, document));
    ANEMONE_TRY(turn.question, question_text(question));
    questions.push_back(turn.question);
    turn.target_delimiter = config.target_delimiter;
  }
  std::vector<std::string> contexts;
  for (const std::string& question : questions) {
    turn.question = question;
    std::vector<Message> all = messages;
    add_turn(turn, all);
    ANEMONE_TRY(std::string context, rendered(std::move(all), turn.gen_prefix, options));
    contexts.push_back(std::move(context));
  }
  return contexts;
}

}  // namespace anemone::eval
