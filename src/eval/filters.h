#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/value.h"

/// What is made of a model's answers before they are scored.
namespace anemone::eval {

/// One step for the answers to one request: a list (one item for each repeat) in, a list or, where
/// a step chooses one, an item out. Errors name what is wrong with the answer or the document.
using FilterStep = std::function<Result<Value>(const Value& answers, const Value& document)>;

/// What a filter leaves of the answers.
enum class FilterShape : uint8_t {
  texts,   ///< a list of texts.
  values,  ///< a list of other values, which no metric takes.
  first,   ///< one of them.
};

/// One filter: a file filters/<name>.cpp and a line of filters.inc.
struct Filter {
  std::string_view name;
  FilterShape shape = FilterShape::texts;
  /// Reads its options, the keys of its entry beside `function`.
  /// Errors: invalid_argument (an unknown option, a wrong value).
  Result<FilterStep> (*make)(const Value& options) = nullptr;
};

#define EVAL_FILTER(name) Filter name##_filter();
#include "eval/filters/filters.inc"
#undef EVAL_FILTER

const Filter* find_filter(std::string_view name);

/// A named sequence of filters: an entry of filter_list.
struct FilterPipeline {
  std::string name;
  std::vector<FilterStep> steps;
  bool scorable = false;  ///< leaves one text.
  bool identity = false;  ///< only takes the first answer, of whatever kind.

  /// What is left of the answers to one request.
  Result<Value> apply(Value answers, const Value& document) const;
};

/// The pipelines of a filter_list; without one, "none" takes the first answer.
/// Errors: invalid_argument, unsupported (a filter that there is not).
Result<std::vector<FilterPipeline>> read_filters(const Value& list);

/// A step that changes each answer by itself. Errors: mismatch (an answer is no text).
FilterStep for_each_text(std::function<Result<Value>(const std::string& answer)> change);

/// The options of a filter, each read as what it must be.
class FilterOptions {
 public:
  FilterOptions(std::string_view filter, const Value& options)
      : filter_(filter), options_(options) {}

  /// Errors: invalid_argument (a key that is not among `known`).
  Status check_keys(std::initializer_list<std::string_view> known) const;
  Result<std::string> text(const char* key, const char* otherwise) const;
  Result<int64_t> number(const char* key, int64_t otherwise) const;
  Result<bool> flag(const char* key) const;
  Result<std::vector<std::string>> texts(const char* key) const;
  /// Null when it is not given.
  const Value& get(const char* key) const;
  Error wrong(const char* key, const char* expected) const;

 private:
  std::string_view filter_;
  const Value& options_;
};

}  // namespace anemone::eval
