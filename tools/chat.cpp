#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "anemone/conversation.h"
#include "chat_commands.h"
#include "chat_lines.h"
#include "command.h"
#include "constraint_flags.h"
#include "generation_flags.h"
#include "input_text.h"
#include "model_flags.h"
#include "not_empty.h"
#include "sampling_flags.h"
#include "simulated_heading.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  ModelFlags model;
  generate::Options options;
  GenerationFlags generation;
  ConstraintFlags constraint;
  std::string system;
};

double rate(uint64_t tokens, int64_t ns) {
  return ns > 0 ? static_cast<double>(tokens) * 1e9 / static_cast<double>(ns) : 0;
}

void print_stats(const std::optional<generate::Generation>& last) {
  if (!last) return write_stderr("no answer yet\n");
  const std::string speed =
      last->tokens.size() > 1
          ? fmt::format("{:.1f}", rate(last->tokens.size() - 1, last->decode_ns))
          : "n/a";
  print_stderr("{} ({} known) in {:.0f} ms; {}, {} tok/s; stopped: {}\n",
               counted(static_cast<uint64_t>(last->prompt_tokens), "prompt token"),
               last->reused_tokens, static_cast<double>(last->prefill_ns) / 1e6,
               counted(last->tokens.size(), "token"), speed, to_string(last->stop));
}

/// Shows an answer as it comes; what lies between thinking tags dimly on a terminal.
class Answers {
 public:
  explicit Answers(const CommonFlags& common)
      : dims_(common.color == "always" || (common.color == "auto" && isatty(STDOUT_FILENO) != 0)) {}

  Status show(const std::function<Result<generate::Generation>(const generate::TextSink&)>& make) {
    Status written;
    thinking_ = false;
    const auto sink = [&](std::string_view piece) {
      written = write_stdout(with_dim(piece));
      return written.ok() && !interrupted();
    };
    auto generation = make(sink);
    clear_interrupt();
    if (thinking_ && dims_) ANEMONE_RETURN_IF_ERROR(write_stdout(kNormal));
    if (!generation.ok()) return generation.error();
    ANEMONE_RETURN_IF_ERROR(std::move(written));
    last_ = *std::move(generation);
    return write_stdout("\n");
  }

  const std::optional<generate::Generation>& last() const { return last_; }

 private:
  static constexpr std::string_view kDim = "\x1b[2m";
  static constexpr std::string_view kNormal = "\x1b[0m";

  std::string with_dim(std::string_view piece) {
    std::string text(piece);
    if (!dims_) return text;
    const auto open = text.find("<think>");
    if (!thinking_ && open != std::string::npos) {
      text.insert(open, kDim);
      thinking_ = true;
    }
    constexpr std::string_view kEnd = "</think>";
    const auto close = text.find(kEnd);
    if (thinking_ && close != std::string::npos) {
      text.insert(close + kEnd.size(), kNormal);
      thinking_ = false;
    }
    return text;
  }

  bool dims_;
  bool thinking_ = false;
  std::optional<generate::Generation> last_;
};

/// Calls of an answer, which the user may run: this program runs nothing.
void show_waiting(const generate::Conversation& conversation) {
  const auto calls = conversation.waiting_calls();
  for (const generate::ToolCall& call : calls)
    print_stderr("call: {} {}\n", call.name, call.arguments_json);
  if (!calls.empty())
    print_stderr("/result gives the result of {}, /result FILE from a file\n", calls[0].name);
}

Status chat(const Flags& flags, const CommonFlags& common) {
  if (common.json)
    return Error{ErrorCode::invalid_argument,
                 "a chat has no JSON",
                 {},
                 "/save writes the conversation; `anemone run --chat --json` answers one message"};
  ANEMONE_TRY(const auto model, flags.model.open(common, !flags.generation.prompt_cache.empty()));
  ANEMONE_TRY(const auto tokenizer, flags.model.load_tokenizer());
  ANEMONE_TRY(const auto parts, GenerationParts::open(flags.generation, common, *model));
  generate::Options options = flags.options;
  parts.fill(options);
  ANEMONE_TRY(auto constraint,
              ConstraintParts::open(flags.constraint, tokenizer, model->info().vocab_size));
  constraint.fill(options);
  ANEMONE_TRY(auto conversation,
              generate::Conversation::start(*model, tokenizer, options, flags.system,
                                            constraint.tools_json()));
  if (model->info().numerics == runtime::Numerics::ane) write_stderr(kSimulatedHeading);
  if (!common.quiet)
    print_stderr("{}: context {}. /help lists commands, Ctrl-C stops an answer, Ctrl-D ends.\n",
                 model->info().name, model->info().context_length);
  ChatLines lines;
  Answers answers(common);
  const auto show_calls = [&] {
    if (!common.quiet) show_waiting(conversation);
  };
  const auto answer = [&](const auto& make) -> Status {
    ANEMONE_RETURN_IF_ERROR(answers.show(make));
    show_calls();
    return {};
  };
  using Sink = generate::TextSink;
  ChatState state{
      conversation,
      [&] { return answer([&](const Sink& sink) { return conversation.again(sink); }); },
      [&](std::string tools) -> Status {
        ANEMONE_RETURN_IF_ERROR(constraint.set_tools(std::move(tools)));
        ANEMONE_RETURN_IF_ERROR(conversation.set_tools(constraint.tools_json()));
        generate::Options changed = options;
        constraint.fill(changed);
        conversation.set_constraint(changed.constraint);
        if (!common.quiet) print_stderr("{} offered\n", counted(constraint.tools().size(), "tool"));
        return {};
      },
      [&] { print_stats(answers.last()); },
      show_calls,
      [&] { return answer([&](const Sink& sink) { return conversation.go_on(sink); }); }};
  while (!state.ended) {
    const auto typed = lines.next();
    const bool is_result = std::exchange(state.awaits_result, false);
    const bool takes_back = !typed && lines.on_terminal() && interrupted_by_key();
    if (takes_back) clear_interrupt();
    if (takes_back && !is_result) {
      print_stderr("\nCtrl-D or /quit ends the chat\n");
      continue;
    }
    if (!typed && !is_result) break;
    const auto obey = [&]() -> Status {
      if (!typed) return Error{ErrorCode::invalid_argument, "no result was typed", {}, {}};
      if (typed->is_command) return run_chat_command(state, typed->text);
      if (is_result) return give_result(state, typed->text);
      if (typed->text.find_first_not_of(" \n") == std::string::npos) return {};
      return answer([&](const Sink& sink) { return conversation.say(typed->text, sink); });
    };
    if (const Status status = obey(); !status.ok()) print_error(status.error(), common);
  }
  print_late_notes(*model, common);
  return {};
}

}  // namespace

Action add_chat(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  flags->options.max_tokens = 512;
  app.description("Talk to a model in the terminal");
  add_model_flags(app, flags->model);
  add_tokenizer_flag(app, flags->model);
  app.add_option("-n,--max-tokens", flags->options.max_tokens, "Most tokens of an answer")
      ->check(whole_number());
  app.add_option("--system", flags->system, "System message");
  add_sampling_flags(app, flags->options.sampling);
  add_generation_flags(app, flags->generation);
  add_constraint_flags(app, flags->constraint);
  app.add_option("--stop", flags->options.stop, "End an answer at this text (repeatable)")
      ->check(not_empty())
      ->allow_extra_args(false);
  app.footer("Example: anemone chat models/anemone-tiny-anemll --temperature 0.7");
  return [flags, &common] { return chat(*flags, common); };
}

}  // namespace anemone::tools
