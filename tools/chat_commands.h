#pragma once

#include <functional>
#include <optional>
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
  /// What the user types next; none at the end of the input.
  std::function<std::optional<std::string>()> read_message;
  /// The answer that follows from results.
  std::function<Status()> go_on;
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

}  // namespace anemone::tools
