#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "anemone/tool_calls.h"
#include "base/error.h"
#include "base/json_document.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostDepth = 64;
constexpr size_t kMostKeys = 1024;

/// The text as a Lark literal, which is spelled as in JSON.
std::string literal(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// As the templates write JSON, which is what the models have read, unless the schema says which
/// blanks there are.
std::string schema_of(const Tool& tool) {
  Json schema = Json::parse(tool.parameters_json, nullptr, false);
  if (!schema.contains("x-guidance")) schema["x-guidance"] = Json::object();
  if (Json& options = schema["x-guidance"]; options.is_object()) {
    constexpr const char* kBlanks[] = {"whitespace_flexible", "whitespace_pattern",
                                       "item_separator", "key_separator"};
    const auto is_given = [&](const char* option) { return options.contains(option); };
    if (std::ranges::none_of(kBlanks, is_given)) {
      options["whitespace_flexible"] = false;
      options["item_separator"] = ", ";
      options["key_separator"] = ": ";
    }
    if (!tool.strict) options["lenient"] = true;
  }
  return schema.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The rules of one model's format, of which `calls` is one call or more.
class Grammar {
 public:
  Grammar(const ToolDialect& dialect, std::span<const Tool> tools, const ToolChoice& choice)
      : dialect_(dialect), tools_(tools), choice_(choice) {}

  std::string write() {
    switch (dialect_.format) {
      case ToolFormat::hermes:
        write_marked("<tool_call>", "tagged_call", R"("\n")");
        rules_ += "tagged_call: \"\\n\" call \"\\n\" " + mark("</tool_call>") + "\n";
        break;
      case ToolFormat::mistral:
        // One list holds all calls, but each call with its name first has a mark.
        write_marked("[TOOL_CALLS]", dialect_.named_first ? "named_call" : "list",
                     dialect_.named_first ? std::optional("") : std::nullopt);
        if (!dialect_.named_first)
          rules_ += fmt::format("list: /[ ]?/ \"[\" {} \"]\"\n", repeated("call", R"(", ")"));
        break;
      case ToolFormat::llama3:
        write_unmarked(repeated("call", R"("; ")"));
        break;
      case ToolFormat::plain:
        write_unmarked(choice_.parallel ? R"(call | "[" call (", " call)* "]")" : "call");
        break;
    }
    write_calls();
    return rules_;
  }

 private:
  const ToolDialect::Mark* special(std::string_view text) const {
    const auto found = std::ranges::find(dialect_.marks, text, &ToolDialect::Mark::text);
    return found == dialect_.marks.end() ? nullptr : &*found;
  }

  /// A special token is named by its number, other marks are text.
  std::string mark(std::string_view text) const {
    const auto* token = special(text);
    return token != nullptr ? fmt::format("<[{}]>", token->token) : literal(text);
  }

  std::string repeated(const std::string& what, const std::string& between) const {
    return choice_.parallel ? fmt::format("{} ({} {})*", what, between, what) : what;
  }

  bool automatic() const { return choice_.kind == ToolChoice::Kind::automatic; }

  /// The mark and `body`; further ones behind `between`, if they are allowed.
  void write_marked(std::string_view mark_text, const std::string& body,
                    std::optional<std::string_view> between) {
    const std::string one = mark(mark_text) + " " + body;
    const std::string more =
        choice_.parallel && between ? fmt::format(" ({} {})*", *between, one) : std::string();
    if (!automatic()) {
      rules_ = fmt::format("start: {}{}\n", one, more);
    } else if (special(mark_text) != nullptr) {
      rules_ = fmt::format("start: WORDS | WORDS {}{}\nWORDS: /(?s:.*)/\n", one, more);
    } else {
      // The mark is text: what precedes it must end with it, in one piece.
      rules_ = fmt::format("start: WORDS | WORDS_AND_MARK {}{}\n", body, more) +
               fmt::format("WORDS: /(?s:.*)/ & ~/(?s:.*){0}(?s:.*)/\nWORDS_AND_MARK: WORDS {1}\n",
                           escaped(mark_text), literal(mark_text));
    }
  }

  static std::string escaped(std::string_view text) {
    std::string pattern;
    for (const char c : text) {
      if (std::string_view("[]|/").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
    return pattern;
  }

  void write_unmarked(const std::string& calls) {
    rules_ =
        automatic() ? "start: calls | WORDS\nWORDS: /([^{\\[\\s](?s:.*))?/\n" : "start: calls\n";
    const auto* tag = special("<|python_tag|>");
    if (tag != nullptr && automatic())
      rules_.insert(std::string_view("start: calls").size(),
                    fmt::format(" | <[{}]> calls", tag->token));
    rules_ += "calls: " + calls + "\n";
  }

  void write_calls() {
    const char* arguments = dialect_.format == ToolFormat::llama3 ? "parameters" : "arguments";
    std::string any;
    for (size_t i = 0; i < tools_.size(); ++i) {
      if (choice_.kind == ToolChoice::Kind::named && tools_[i].name != choice_.name) continue;
      any += fmt::format("{}call_{}", any.empty() ? "" : " | ", i);
      const std::string name = tools_[i].name;
      if (dialect_.named_first)
        rules_ +=
            fmt::format("call_{0}: {1} {2} arguments_{0}\n", i, literal(name), mark("[ARGS]"));
      else
        rules_ += fmt::format("call_{0}: {1} arguments_{0} \"}}\"\n", i,
                              literal(fmt::format(R"({{"name": "{}", "{}": )", name, arguments)));
      rules_ += fmt::format("arguments_{}: %json {}\n", i, schema_of(tools_[i]));
    }
    rules_ += fmt::format("{}: {}\n", dialect_.named_first ? "named_call" : "call", any);
  }

  const ToolDialect& dialect_;
  std::span<const Tool> tools_;
  const ToolChoice& choice_;
  std::string rules_;
};

}  // namespace

Result<Constraint> arguments_constraint(const Tool& tool) {
  ANEMONE_RETURN_IF_ERROR(
      check_json_bounds(tool.parameters_json, kMostDepth, kMostKeys).in(tool.name));
  if (!Json::parse(tool.parameters_json, nullptr, false).is_object())
    return fail(ErrorCode::invalid_argument, "the parameters of the tool {} are no JSON object",
                tool.name);
  return Constraint{Constraint::Kind::json_schema, schema_of(tool), {}};
}

Result<Constraint> tool_constraint(const ToolDialect& dialect, std::span<const Tool> tools,
                                   const ToolChoice& choice) {
  if (choice.kind == ToolChoice::Kind::none) return Constraint{};
  for (const Tool& tool : tools) ANEMONE_RETURN_IF_ERROR(arguments_constraint(tool));
  if (tools.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "there are no tools to choose from"),
                     "give a list of tools, or choose none");
  if (choice.kind == ToolChoice::Kind::named &&
      std::ranges::find(tools, choice.name, &Tool::name) == tools.end())
    return fail(ErrorCode::invalid_argument, "there is no tool named {}, the first is {}",
                choice.name, tools[0].name);
  return Constraint{Constraint::Kind::lark, Grammar(dialect, tools, choice).write(), {}};
}

}  // namespace anemone::generate
