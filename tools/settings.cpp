#include "settings.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <set>

namespace anemone::tools {
namespace {

std::string environment_name(std::string_view flag) {
  std::string name = "ANEMONE_";
  for (const char c : flag) name += c == '-' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  return names;
}

std::set<const CLI::Option*> given_options(const std::vector<std::string>& arguments,
                                           const CLI::App& command) {
  std::set<const CLI::Option*> given;
  for (const std::string& argument : arguments) {
    if (argument.size() < 2 || argument[0] != '-') continue;
    if (argument == "--") break;
    const std::string name = argument.substr(0, argument[1] == '-' ? argument.find('=') : 2);
    if (const CLI::Option* option = command.get_option_no_throw(name)) given.insert(option);
  }
  return given;
}

/// What YAML reads as a truth value, and 1 and 0.
std::optional<bool> truth_of(const std::string& text) {
  bool value = false;
  if (text == "1" || text == "0") return text == "1";
  if (YAML::convert<bool>::decode(YAML::Node(text), value)) return value;
  return std::nullopt;
}

/// Gives `option` one more value, as the command line would.
Status give(CLI::Option& option, const std::string& value) {
  if (option.get_items_expected_min() > 0) {
    option.add_result(value);
    return {};
  }
  const std::optional<bool> truth = truth_of(value);
  if (truth) {
    option.add_result(*truth ? "true" : "false");
    return {};
  }
  if (option.get_items_expected_max() > 0) {
    option.add_result(value);
    return {};
  }
  return Error{ErrorCode::invalid_argument,
               fmt::format("{}: '{}' is neither true nor false", option.get_name(), value),
               {},
               {}};
}

Status give_node(CLI::Option& option, const YAML::Node& node) {
  const auto here = [](const YAML::Node& at) { return fmt::format("line {}", at.Mark().line + 1); };
  if (node.IsScalar()) return give(option, node.Scalar()).in(here(node));
  if (!node.IsSequence())
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{}: {} must be a value or a list", here(node), option.get_name()),
                 {},
                 {}};
  for (const YAML::Node& item : node) {
    if (!item.IsScalar())
      return Error{ErrorCode::invalid_argument,
                   fmt::format("{}: {} holds something that is no plain value", here(item),
                               option.get_name()),
                   {},
                   {}};
    ANEMONE_RETURN_IF_ERROR(give(option, item.Scalar()).in(here(item)));
  }
  return {};
}

Error unknown_key(const std::string& key, int line, const std::vector<std::string>& known) {
  const std::string near = nearest(key, known);
  return Error{ErrorCode::invalid_argument,
               fmt::format("line {}: unknown key '{}'", line, key),
               {},
               near.empty() ? "" : fmt::format("did you mean '{}'?", near)};
}

Status apply_file(const YAML::Node& root, CLI::App& command, const CLI::App& program,
                  std::set<const CLI::Option*>& given) {
  if (root.IsNull()) return {};
  if (!root.IsMap()) return Error{ErrorCode::corrupt, "not a mapping of flags to values", {}, {}};
  std::vector<std::string> all = flags_of(command);
  for (const CLI::App* other : program.get_subcommands({})) {
    const auto flags = flags_of(*other);
    all.insert(all.end(), flags.begin(), flags.end());
    all.push_back(other->get_name());
  }
  const auto dashed = [](std::string key) {
    std::ranges::replace(key, '_', '-');
    return key;
  };
  const auto own = flags_of(command);
  const auto apply = [&](const std::string& key, const YAML::Node& node) -> Status {
    CLI::Option* option = command.get_option_no_throw("--" + key);
    if (option == nullptr || node.IsNull() || !given.insert(option).second) return {};
    return give_node(*option, node);
  };
  if (const YAML::Node section = root[command.get_name()]; section.IsDefined() && section.IsMap())
    for (const auto& entry : section) {
      const std::string key = dashed(entry.first.Scalar());
      if (std::ranges::find(own, key) == own.end())
        return unknown_key(entry.first.Scalar(), entry.first.Mark().line + 1, own);
      ANEMONE_RETURN_IF_ERROR(apply(key, entry.second));
    }
  for (const auto& entry : root) {
    const std::string key = dashed(entry.first.Scalar());
    if (std::ranges::find(all, key) == all.end())
      return unknown_key(entry.first.Scalar(), entry.first.Mark().line + 1, all);
    if (!entry.second.IsMap()) ANEMONE_RETURN_IF_ERROR(apply(key, entry.second));
  }
  return {};
}

std::string config_path(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
  }
  const char* from_environment = std::getenv("ANEMONE_CONFIG");
  return from_environment == nullptr ? "" : from_environment;
}

}  // namespace

Status apply_settings(const std::vector<std::string>& arguments, CLI::App& command,
                      const CLI::App& program) {
  std::set<const CLI::Option*> given = given_options(arguments, command);
  for (const std::string& flag : flags_of(command)) {
    CLI::Option* option = command.get_option_no_throw("--" + flag);
    const std::string variable = environment_name(flag);
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || given.contains(option) || flag == "help") continue;
    given.insert(option);
    ANEMONE_RETURN_IF_ERROR(give(*option, value).in(variable));
  }
  const std::string path = config_path(arguments);
  if (path.empty()) return {};
  try {
    return apply_file(YAML::LoadFile(path), command, program, given).in(path);
  } catch (const YAML::BadFile&) {
    return Error{
        ErrorCode::not_found, fmt::format("cannot read the configuration file {}", path), {}, {}};
  } catch (const YAML::Exception& error) {
    return Error{ErrorCode::corrupt,
                 fmt::format("{}: line {}: {}", path, error.mark.line + 1, error.msg),
                 {},
                 {}};
  }
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  std::string best;
  size_t best_distance = 1 + word.size() / 3;
  for (const std::string& candidate : candidates) {
    std::vector<size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i + 1;
      for (size_t j = 0; j < candidate.size(); ++j) {
        const size_t substituted = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
      }
    }
    if (row.back() <= best_distance && (best.empty() || row.back() < best_distance)) {
      best = candidate;
      best_distance = row.back();
    }
  }
  return best;
}

}  // namespace anemone::tools
