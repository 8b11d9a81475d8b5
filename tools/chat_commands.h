#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "anemone/conversation.h"
#include "anemone/result.h"

namespace anemone::tools {

/// What commands of a chat work on.
struct ChatState {
  generate::Conversation& conversation;
  std::function<Status()> regenerate;
  std::function<Status(std::string tools_json)> offer_tools;
  std::function<void()> show_stats;
  /// Calls that wait for results, to the user.
  std::function<void()> show_waiting;
  /// The answer that follows from results.
  std::function<Status()> go_on;
  /// What is typed next is a result, unless it is a command.
  bool awaits_result = false;
  bool ended = false;
};

/// A word after a slash, with what stands behind it.
struct ChatCommand {
  std::string_view name;
  std::string_view argument;  ///< as /help shows it.
  std::string_view words;
  Status (*run)(ChatState& state, const std::string& argument);
};

std::span<const ChatCommand> chat_commands();

/// Runs `line`, which begins with a slash. Errors: invalid_argument (no such command: the nearest),
/// and those of the command.
Status run_chat_command(ChatState& state, std::string_view line);

/// Gives the first call that waits its result, and lets the model go on behind the last one.
Status give_result(ChatState& state, std::string_view text);

}  // namespace anemone::tools
