#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/functions.h"
#include "eval/ifeval/instruction.h"
#include "eval/python_format.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval {
namespace {

using ifeval::Verdict;

/// The answer, then without its first line, its last, or both; each also without stars.
std::vector<std::string> loose_forms(const std::string& answer) {
  const size_t first = answer.find('\n');
  const size_t last = answer.rfind('\n');
  std::vector<std::string> forms = {answer, "", "", ""};
  if (first != std::string::npos) {
    forms[1] = python::strip(std::string_view(answer).substr(first + 1));
    forms[2] = python::strip(std::string_view(answer).substr(0, last));
  }
  if (first != last)
    forms[3] = python::strip(std::string_view(answer).substr(first + 1, last - first - 1));
  for (size_t i = 0; i < 4; ++i) forms.push_back(python::replace_all(forms[i], "*", ""));
  return forms;
}

/// Whether one of `forms` follows the instruction. An empty one does not.
Result<bool> follows(const std::string& id, const Value& arguments,
                     std::span<const std::string> forms) {
  const ifeval::Instruction* instruction = ifeval::find_instruction(id);
  if (instruction == nullptr)
    return fail(ErrorCode::unsupported, "instruction {}", python::string_repr(id));
  bool unsure = false;
  for (const std::string& form : forms) {
    if (python::strip(form).empty()) continue;
    auto found = instruction->check(form, ifeval::Arguments(arguments));
    if (!found.ok()) return std::move(found).in("instruction " + id).error();
    if (*found == Verdict::yes) return true;
    unsure = unsure || *found == Verdict::unknown;
  }
  if (unsure)
    return fail(
        ErrorCode::unsupported,
        "instruction {}: for this answer it takes the harness' trained language detector or "
        "sentence splitter",
        id);
  return false;
}

Result<Value> process_results(const Value& document, std::span<const Response> results) {
  const Value ids = document.value("instruction_id_list", Value());
  const Value arguments = document.value("kwargs", Value());
  if (!ids.is_array() || !arguments.is_array() || ids.size() != arguments.size())
    return fail(ErrorCode::mismatch,
                "columns 'instruction_id_list' and 'kwargs' are no lists of "
                "the same length");
  const auto forms = loose_forms(results[0].text);
  Value strict = Value::array();
  Value loose = Value::array();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].is_string() || !arguments[i].is_object())
      return fail(ErrorCode::mismatch, "instruction {} is {} with {}, expected a name and a dict",
                  i, python::to_repr(ids[i]), python::to_repr(arguments[i]));
    const std::string id = ids[i].get<std::string>();
    ANEMONE_TRY(const bool as_it_is, follows(id, arguments[i], std::span(forms).first(1)));
    ANEMONE_TRY(const bool in_a_form, follows(id, arguments[i], forms));
    strict.push_back(as_it_is);
    loose.push_back(in_a_form);
  }
  const auto all = [](const Value& list) {
    return std::find(list.begin(), list.end(), Value(false)) == list.end();
  };
  const bool all_strict = all(strict);
  const bool all_loose = all(loose);
  return Value{{"prompt_level_strict_acc", all_strict},
               {"inst_level_strict_acc", std::move(strict)},
               {"prompt_level_loose_acc", all_loose},
               {"inst_level_loose_acc", std::move(loose)}};
}

/// The share of all instructions that were followed.
std::optional<double> agg_inst_level_acc(std::span<const Value> items) {
  double followed = 0;
  double all = 0;
  for (const Value& item : items)
    for (const Value& one : item) {
      followed += one == true ? 1 : 0;
      ++all;
    }
  if (all == 0) return std::nullopt;
  return followed / all;
}

constexpr std::array kFunctions = {
    Function{.name = "process_results", .results = process_results},
    Function{
        .name = "agg_inst_level_acc", .aggregate = agg_inst_level_acc, .items = ItemKind::list}};

}  // namespace

FunctionFamily ifeval_functions() { return {"ifeval", kFunctions}; }

}  // namespace anemone::eval
