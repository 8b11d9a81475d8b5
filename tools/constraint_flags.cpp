#include "constraint_flags.h"

#include "command.h"
#include "input_text.h"
#include "not_empty.h"

namespace anemone::tools {
namespace {

using Kind = generate::Constraint::Kind;
using Choice = generate::ToolChoice::Kind;

Result<generate::Constraint> constraint_of(const ConstraintFlags& flags) {
  generate::Constraint constraint;
  if (!flags.json_schema.empty()) {
    constraint.kind = Kind::json_schema;
    ANEMONE_TRY(constraint.text, read_text(flags.json_schema));
  } else if (flags.json_object) {
    constraint.kind = Kind::json_object;
  } else if (!flags.regex.empty()) {
    constraint.kind = Kind::regex;
    constraint.text = flags.regex;
  } else if (!flags.choices.empty()) {
    constraint.kind = Kind::choice;
    constraint.choices = flags.choices;
  } else if (!flags.lark.empty()) {
    constraint.kind = Kind::lark;
    ANEMONE_TRY(constraint.text, read_text(flags.lark));
  }
  return constraint;
}

/// The flag that a constraint comes from, with its file.
std::string source_of(const ConstraintFlags& flags) {
  if (!flags.json_schema.empty()) return "--json-schema " + flags.json_schema;
  if (!flags.lark.empty()) return "--lark " + flags.lark;
  if (!flags.regex.empty()) return "--regex";
  return flags.json_object ? "--json-object" : "--choice";
}

Error in_place_of_kind(Error error, std::string source) {
  error.context = {std::move(source)};
  return error;
}

/// Of several tools the error of the first whose arguments cannot be compiled: that of all of them
/// speaks of a grammar which the user has not written.
Error error_of_tools(generate::ConstraintCompiler& compiler,
                     const std::vector<generate::Tool>& tools, Error of_all) {
  for (const generate::Tool& tool : tools) {
    const auto constraint = generate::arguments_constraint(tool);
    if (!constraint.ok()) return constraint.error();
    if (const auto checked = compiler.check(*constraint); !checked.ok())
      return in_place_of_kind(checked.error(), tool.name);
  }
  return of_all;
}

generate::ToolChoice choice_of(const ConstraintFlags& flags) {
  const bool parallel = !flags.one_call;
  if (flags.tool_choice.empty() || flags.tool_choice == "none")
    return {.kind = Choice::none, .parallel = parallel};
  if (flags.tool_choice == "auto") return {.kind = Choice::automatic, .parallel = parallel};
  if (flags.tool_choice == "required") return {.kind = Choice::required, .parallel = parallel};
  return {.kind = Choice::named, .name = flags.tool_choice, .parallel = parallel};
}

}  // namespace

void add_constraint_flags(CLI::App& app, ConstraintFlags& flags) {
  const auto group = [](CLI::Option* option) { return option->group("Constraints and tools"); };
  auto* schema = group(app.add_option("--json-schema", flags.json_schema,
                                      "The answer is JSON under the JSON Schema in this file")
                           ->check(not_empty()));
  auto* object =
      group(app.add_flag("--json-object", flags.json_object, "The answer is a JSON object"));
  auto* regex = group(
      app.add_option("--regex", flags.regex, "The whole answer matches this regular expression")
          ->check(not_empty()));
  auto* choice = group(app.add_option("--choice", flags.choices,
                                      "The answer is one of these texts (repeatable)"))
                     ->allow_extra_args(false);
  auto* lark =
      group(app.add_option("--lark", flags.lark, "The answer follows the Lark grammar in this file")
                ->check(not_empty()));
  group(app.add_option("--tools", flags.tools,
                       "JSON file with the tools that the model may call; calls are read")
            ->check(not_empty()));
  auto* tool_choice = group(app.add_option("--tool-choice", flags.tool_choice,
                                           "Calls have the name of a tool and the arguments it "
                                           "takes: auto (words or calls), required, "
                                           "or the name of the tool; without: nothing is forced")
                                ->check(not_empty()));
  tool_choice->needs("--tools");
  group(app.add_flag("--one-call", flags.one_call, "With --tool-choice: no parallel calls"))
      ->needs(tool_choice);
  const std::vector<CLI::Option*> all = {schema, object, regex, choice, lark, tool_choice};
  for (CLI::Option* each : all)
    for (CLI::Option* other : all)
      if (each != other) each->excludes(other);
}

Result<ConstraintParts> ConstraintParts::open(const ConstraintFlags& flags,
                                              const text::Tokenizer& tokenizer,
                                              int64_t vocab_size) {
  ConstraintParts parts;
  parts.flags_ = flags;
  ANEMONE_TRY(parts.constraint_, constraint_of(flags));
  if (parts.constraint_.kind != Kind::none || !flags.tool_choice.empty()) {
    ANEMONE_TRY(parts.compiler_, generate::ConstraintCompiler::make(tokenizer, vocab_size));
  }
  parts.dialect_ = generate::ToolDialect::of(tokenizer);
  if (!flags.tools.empty()) {
    ANEMONE_TRY(std::string tools, read_text(flags.tools));
    ANEMONE_RETURN_IF_ERROR(parts.set_tools(std::move(tools)).in(flags.tools));
  }
  if (parts.compiler_ != nullptr && flags.tool_choice.empty())
    if (auto checked = parts.compiler_->check(parts.constraint_); !checked.ok())
      return in_place_of_kind(std::move(checked).error(), source_of(flags));
  return parts;
}

Status ConstraintParts::set_tools(std::string tools_json) {
  std::vector<generate::Tool> tools;
  if (!tools_json.empty()) {
    ANEMONE_TRY(tools, generate::read_tools(tools_json));
  }
  if (!flags_.tool_choice.empty()) {
    const generate::ToolChoice choice = choice_of(flags_);
    generate::Constraint constraint;
    if (!tools.empty()) {
      ANEMONE_TRY(constraint, generate::tool_constraint(dialect_, tools, choice));
    }
    if (auto checked = compiler_->check(constraint); !checked.ok())
      return error_of_tools(*compiler_, tools, std::move(checked).error());
    constraint_ = std::move(constraint);
  }
  tools_ = std::move(tools);
  tools_json_ = std::move(tools_json);
  return {};
}

void ConstraintParts::fill(generate::Options& options) const {
  options.constraint = constraint_;
  options.compiler = compiler_.get();
  if (!tools_.empty()) options.shown_tokens = dialect_.tokens();
}

}  // namespace anemone::tools
