#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/generate.h"
#include "anemone/language_model.h"
#include "anemone/result.h"
#include "anemone/text.h"
#include "anemone/tool_calls.h"

namespace anemone::generate {

/// A conversation by a model's chat template. What the model knows of it is kept between turns (in
/// Options::cache, or in a cache of its own), so a turn costs what is new in it. Not thread-safe;
/// model, tokenizer and cache must outlive it.
class Conversation {
 public:
  /// Errors: not_found, corrupt (the chat template), invalid_argument (see `read_tools`).
  /// `system`: empty: none. `tools`: JSON list of tool schemas, empty: none. Calls in answers are
  /// kept as calls; Options::shown_tokens is set to what they need.
  static Result<Conversation> start(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                                    const Options& options, std::string system = {},
                                    std::string tools = {});
  Conversation(Conversation&&) noexcept;
  Conversation& operator=(Conversation&&) noexcept;
  ~Conversation();

  /// Asks and keeps the answer, also a cancelled one. Errors: as `generate` and
  /// ChatTemplate::render (then the conversation is as before); out_of_range when the conversation
  /// fills the context.
  Result<Generation> say(std::string_view text, const TextSink& sink = {});
  /// Another answer in place of the last, with the next seed; results of its calls are dropped.
  /// Where `go_on` failed, the answer that it did not give. Errors: invalid_argument (there is
  /// none), and as `say`.
  Result<Generation> again(const TextSink& sink = {});

  /// Calls of the last answer that have no result yet, in the order of the answer.
  std::vector<ToolCall> waiting_calls() const;
  /// Keeps `content` as the result of the first of them. Errors: invalid_argument (there is none,
  /// or it is not UTF-8).
  Status give_result(std::string_view content);
  /// Lets the model go on from the results of its calls. Errors: invalid_argument (the last message
  /// is no result, or calls wait), and as `say`; the results stay, but where it is out_of_range all
  /// calls of the answer wait again.
  Result<Generation> go_on(const TextSink& sink = {});

  /// From here on; empty: none.
  void set_system(std::string system);
  /// Errors: as `start`; then nothing changes.
  Status set_tools(std::string tools);
  /// Of the answers from here on.
  void set_constraint(Constraint constraint);
  /// Forgets all messages but the system's.
  void clear();
  int64_t messages() const;

  /// {"version", "messages", "tools"}, for `read`.
  std::string to_json() const;
  /// Replaces messages and tools. Reads OpenAI's messages, too: arguments that are a text, the role
  /// developer. Errors: corrupt (what is wrong, such as a result without its call), limit (nested
  /// deeper than 64, objects of more than 1,024 keys); then nothing changes.
  Status read(std::string_view json);

 private:
  struct State;
  explicit Conversation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anemone::generate
