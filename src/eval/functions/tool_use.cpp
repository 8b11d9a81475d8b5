#include <array>
#include <set>
#include <string>

#include "base/error.h"
#include "eval/functions.h"
#include "eval/python_text.h"

// The metrics of tasks/tool_use; its README.md is their definition.
namespace anemone::eval {
namespace {

std::string folded(std::string_view text) {
  std::string result(python::strip(text));
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool equal(const Value& one, const Value& other) {
  if (one.is_number() && other.is_number()) return one.get<double>() == other.get<double>();
  return one.is_string() && other.is_string() &&
         folded(one.get_ref<const std::string&>()) == folded(other.get_ref<const std::string&>());
}

double accuracy(const Value& given, const Value& expected) {
  std::set<std::string> names;
  for (const Value* each : {&given, &expected})
    for (const auto& item : each->items()) names.insert(item.key());
  if (names.empty()) return 1;
  size_t right = 0;
  for (const std::string& name : names)
    if (given.contains(name) && expected.contains(name) && equal(given[name], expected[name]))
      ++right;
  return static_cast<double>(right) / static_cast<double>(names.size());
}

/// Data whose right call no answer could be equal to are refused, not counted as wrong answers.
Status check(const Value& document) {
  if (const auto name = text_column(document, "name"); !name.ok()) return name.error();
  const Value arguments = document.value("arguments", Value());
  if (!arguments.is_object())
    return fail(ErrorCode::mismatch, "column 'arguments' is missing or no object");
  for (const auto& item : arguments.items())
    if (!item.value().is_number() && !item.value().is_string())
      return with_hint(
          fail(ErrorCode::mismatch,
               "column 'arguments': '{}' is of the type {}, expected a number or a text",
               item.key(), item.value().type_name()),
          "tool_use compares numbers and texts alone");
  return {};
}

/// All of them, before the model is asked anything.
Result<std::vector<Value>> process_docs(std::vector<Value> documents) {
  for (size_t i = 0; i < documents.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(check(documents[i]).in(fmt::format("document {}", i)));
  return documents;
}

Result<Value> process_results(const Value& document, std::span<const Response> results) {
  ANEMONE_RETURN_IF_ERROR(check(document));
  const Value& name = document["name"];
  const Value& expected = document["arguments"];
  const Value call = Value::parse(results[0].text, nullptr, false);
  const bool valid = call.is_object() && call.value("name", Value()).is_string() &&
                     call.value("arguments", Value()).is_object();
  const bool selected = valid && call["name"] == name;
  const double share = selected ? accuracy(call["arguments"], expected) : 0;
  return Value{{"json_validity", valid ? 1.0 : 0.0},
               {"tool_selection", selected ? 1.0 : 0.0},
               {"argument_accuracy", share},
               {"exact_call", share == 1 ? 1.0 : 0.0}};
}

constexpr std::array kFunctions = {Function{.name = "process_docs", .documents = process_docs},
                                   Function{.name = "process_results", .results = process_results}};

}  // namespace

FunctionFamily tool_use_functions() { return {"tool_use", kFunctions}; }

}  // namespace anemone::eval
