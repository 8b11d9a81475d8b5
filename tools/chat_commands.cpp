#include "chat_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "input_text.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

/// Of a file: much more than a context holds, and little beside the model.
constexpr uint64_t kMostBytes = uint64_t{16} << 20;

Status help(ChatState&, const std::string&) {
  for (const ChatCommand& each : chat_commands())
    print_stderr("/{:<20} {}\n", fmt::format("{} {}", each.name, each.argument), each.words);
  print_stderr(
      "A line that ends in \\ goes on in the next; \"\"\" begins and ends several lines.\n");
  return {};
}

Status set_system(ChatState& state, const std::string& text) {
  state.conversation.set_system(text);
  return {};
}

Status set_tools(ChatState& state, const std::string& file) {
  if (file.empty()) return state.offer_tools({});
  ANEMONE_TRY(std::string tools, read_text(file, kMostBytes));
  return state.offer_tools(std::move(tools));
}

Status save(ChatState& state, const std::string& file) {
  if (file.empty())
    return Error{ErrorCode::invalid_argument, "/save needs a file", {}, "/save talk.json"};
  std::ofstream stream(file, std::ios::binary);
  stream << state.conversation.to_json();
  stream.close();
  if (!stream) return Error{ErrorCode::io, file + ": cannot be written", {}, {}};
  print_stderr("{} in {}\n",
               counted(static_cast<uint64_t>(state.conversation.messages()), "message"), file);
  return {};
}

Status load(ChatState& state, const std::string& file) {
  if (file.empty())
    return Error{ErrorCode::invalid_argument, "/load needs a file", {}, "/load talk.json"};
  ANEMONE_TRY(const std::string text, read_text(file, kMostBytes));
  ANEMONE_RETURN_IF_ERROR(state.conversation.read(text).in(file));
  print_stderr("{}\n", counted(static_cast<uint64_t>(state.conversation.messages()), "message"));
  state.show_waiting();
  return {};
}

Status result(ChatState& state, const std::string& file) {
  const auto waiting = state.conversation.waiting_calls();
  if (waiting.empty()) return state.conversation.give_result({});  // which says so
  if (!file.empty()) {
    ANEMONE_TRY(const std::string text, read_text(file, kMostBytes));
    return give_result(state, text);
  }
  print_stderr("result of {}:\n", waiting[0].name);
  state.awaits_result = true;
  return {};
}

Status regenerate(ChatState& state, const std::string&) { return state.regenerate(); }

Status stats(ChatState& state, const std::string&) {
  state.show_stats();
  return {};
}

Status clear(ChatState& state, const std::string&) {
  state.conversation.clear();
  return {};
}

Status quit(ChatState& state, const std::string&) {
  state.ended = true;
  return {};
}

constexpr ChatCommand kCommands[] = {
    {"help", "", "These words", help},
    {"system", "TEXT", "Change the system message; without a text: remove it", set_system},
    {"tools", "FILE", "Offer the tools of a JSON file; without one: none", set_tools},
    {"result", "FILE",
     "The result of a call that waits, from a file; without one: what is typed next", result},
    {"regenerate", "", "Answer the last message again (at temperature 0 the same)", regenerate},
    {"save", "FILE", "Write the conversation", save},
    {"load", "FILE", "Go on with a conversation that was saved", load},
    {"stats", "", "What the last answer took", stats},
    {"clear", "", "Forget the conversation, keep the system message", clear},
    {"quit", "", "End, as Ctrl-D does", quit},
};

}  // namespace

std::span<const ChatCommand> chat_commands() { return kCommands; }

Status give_result(ChatState& state, std::string_view text) {
  ANEMONE_RETURN_IF_ERROR(state.conversation.give_result(text));
  if (state.conversation.waiting_calls().empty()) return state.go_on();
  state.show_waiting();
  return {};
}

Status run_chat_command(ChatState& state, std::string_view line) {
  line.remove_prefix(1);
  const std::string_view name = line.substr(0, line.find(' '));
  std::string argument(line.substr(std::min(line.size(), name.size() + 1)));
  argument.erase(0, argument.find_first_not_of(' '));
  const auto found = std::ranges::find(kCommands, name, &ChatCommand::name);
  if (found == std::end(kCommands))
    return Error{ErrorCode::invalid_argument,
                 fmt::format("there is no command /{}", name),
                 {},
                 "/help lists them; a message that begins with a slash goes between two lines of "
                 "three quotes"};
  return found->run(state, argument);
}

}  // namespace anemone::tools
