#include "arguments.h"

#include <algorithm>

namespace anemone::tools {
namespace {

bool is_flag(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-' && !(argument[1] >= '0' && argument[1] <= '9') &&
         argument[1] != '.';
}

const CLI::Option* option_of(const std::string& argument, const CLI::App& command) {
  return command.get_option_no_throw(argument[1] == '-' ? argument : argument.substr(0, 2));
}

bool value_may_be_left_out(const CLI::Option& option) {
  return option.get_items_expected_min() == 0 && option.get_items_expected_max() > 0;
}

size_t required_words(const CLI::App& command) {
  return command
      .get_options([](const CLI::Option* option) {
        return option->get_positional() && option->get_required();
      })
      .size();
}

/// How many words of `arguments` from `begin` on are the value of no flag.
size_t free_words(const std::vector<std::string>& arguments, size_t begin,
                  const CLI::App& command) {
  size_t count = 0;
  for (size_t i = begin; i < arguments.size(); ++i) {
    if (arguments[i] == "--") return count + arguments.size() - i - 1;
    if (!is_flag(arguments[i])) {
      ++count;
      continue;
    }
    const CLI::Option* option = option_of(arguments[i], command);
    const bool attached = arguments[i][1] == '-' ? arguments[i].find('=') != std::string::npos
                                                 : arguments[i].size() > 2;
    if (option == nullptr || attached || option->get_items_expected_min() == 0) continue;
    ++i;
    if (option->get_items_expected_max() == 1 || !option->get_allow_extra_args()) continue;
    while (i + 1 < arguments.size() && !is_flag(arguments[i + 1])) ++i;
  }
  return count;
}

}  // namespace

std::vector<std::string> with_dashes(std::vector<std::string> arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") break;
    if (!argument.starts_with("--")) continue;
    const auto end = argument.begin() +
                     static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
    std::replace(argument.begin(), end, '_', '-');
  }
  return arguments;
}

std::vector<std::string> with_optional_values(std::vector<std::string> arguments,
                                              const CLI::App& command) {
  for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (!is_flag(arguments[i])) continue;
    const CLI::Option* option = option_of(arguments[i], command);
    if (option == nullptr || !value_may_be_left_out(*option)) continue;
    const bool word_follows = i + 1 < arguments.size() && !is_flag(arguments[i + 1]);
    // The words before this flag and after the one that may be its value.
    const std::vector<std::string> before(arguments.begin(),
                                          arguments.begin() + static_cast<std::ptrdiff_t>(i));
    const size_t others = free_words(before, 0, command) + free_words(arguments, i + 2, command);
    if (word_follows && others >= required_words(command)) {
      arguments[i] += "=" + arguments[i + 1];
      arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    } else {
      arguments[i] += "=true";
    }
  }
  return arguments;
}

}  // namespace anemone::tools
