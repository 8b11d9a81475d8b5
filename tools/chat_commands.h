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
