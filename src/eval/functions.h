#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/response.h"
#include "eval/value.h"

/// What task files name with `!function`: the few Python functions of the standard tasks, as
/// built-ins.
namespace anemone::eval {

using DocumentsFunction = Result<std::vector<Value>> (*)(std::vector<Value> documents);
using FieldFunction = Result<Value> (*)(const Value& document);
using ResultsFunction = Result<Value> (*)(const Value& document, std::span<const Response> results);
/// What an aggregation takes of each document: a number, [value, weight],
/// [right choice, chosen choice], [right choice, [probability of each]] or a list of numbers.
enum class ItemKind : uint8_t { number, pair, labels, distribution, list };
/// Nothing when the values give no number. Every item is of the aggregation's kind.
using AggregateFunction = std::optional<double> (*)(std::span<const Value> items);

/// One built-in: exactly one of the pointers is set.
struct Function {
  std::string_view name;  ///< "process_docs"
  DocumentsFunction documents = nullptr;
  FieldFunction field = nullptr;
  ResultsFunction results = nullptr;
  AggregateFunction aggregate = nullptr;
  ItemKind items = ItemKind::number;  ///< of `aggregate`.
};

/// The built-ins of one task family: a file functions/<family>.cpp and a line of functions.inc.
struct FunctionFamily {
  std::string_view name;  ///< "hellaswag"
  std::span<const Function> functions;
};

#define EVAL_FUNCTIONS(family) FunctionFamily family##_functions();
#include "eval/functions/functions.inc"
#undef EVAL_FUNCTIONS

/// The text of a column. Errors: mismatch (it is missing or no text).
Result<std::string> text_column(const Value& row, const char* key);

/// "hellaswag.process_docs", or null.
const Function* find_function(std::string_view qualified_name);

/// The name by which find_function gives the built-in that aggregates so; empty when there is none.
std::string qualified_name(AggregateFunction aggregate);

/// The built-in that `reference` ("utils.process_docs") means in a task file: the first that exists
/// of `<family>.<function>` for family = the reference's own module, then each of `families` (the
/// folder and the stem of the file). Empty when there is none.
std::string resolve_function(std::string_view reference, std::span<const std::string> families);

}  // namespace anemone::eval
