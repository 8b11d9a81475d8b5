#include "eval/filters.h"

#include <algorithm>

#include "base/error.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

Result<FilterPipeline> read_pipeline(const Value& entry) {
  const bool whole = entry.is_object() && entry.contains("name") && entry["name"].is_string() &&
                     entry.contains("filter") && entry["filter"].is_array();
  if (!whole)
    return fail(ErrorCode::invalid_argument,
                "filter_list: {}, expected a dict with a text 'name' and a list 'filter'",
                python::to_repr(entry));
  FilterPipeline pipeline;
  pipeline.name = entry["name"].get<std::string>();
  FilterShape shape = FilterShape::texts;
  for (const Value& step : entry["filter"]) {
    const Value name = step.is_object() ? step.value("function", Value()) : Value();
    if (!name.is_string())
      return fail(ErrorCode::invalid_argument,
                  "filter_list: {}, expected a dict with the key 'function'",
                  python::to_repr(step));
    const Filter* filter = find_filter(name.get_ref<const std::string&>());
    if (filter == nullptr)
      return fail(ErrorCode::unsupported, "filter_list: function {}", python::to_repr(name));
    if (shape != FilterShape::texts &&
        (shape == FilterShape::first || filter->name != "take_first"))
      return fail(ErrorCode::unsupported,
                  "filter_list: function {} behind one that leaves no texts",
                  python::to_repr(name));
    Value options = step;
    options.erase("function");
    ANEMONE_TRY(FilterStep made, filter->make(options));
    pipeline.scorable = filter->shape == FilterShape::first && shape == FilterShape::texts;
    pipeline.steps.push_back(std::move(made));
    shape = filter->shape;
  }
  pipeline.identity = pipeline.scorable && pipeline.steps.size() == 1;
  return pipeline;
}

}  // namespace

const Filter* find_filter(std::string_view name) {
  static const std::vector<Filter> all = {
#define EVAL_FILTER(name) name##_filter(),
#include "eval/filters/filters.inc"
#undef EVAL_FILTER
  };
  for (const Filter& filter : all)
    if (filter.name == name) return &filter;
  return nullptr;
}

Result<Value> FilterPipeline::apply(Value answers, const Value& document) const {
  for (const FilterStep& step : steps) {
    ANEMONE_TRY(answers, step(answers, document));
  }
  return answers;
}

Result<std::vector<FilterPipeline>> read_filters(const Value& list) {
  const Value given =
      !list.is_null() ? list
                      : Value::array({{{"name", "none"},
                                       {"filter", Value::array({{{"function", "take_first"}}})}}});
  if (!given.is_array() || given.empty())
    return fail(ErrorCode::invalid_argument, "filter_list: {}, expected a list of pipelines",
                python::to_repr(list));
  std::vector<FilterPipeline> pipelines;
  for (const Value& entry : given) {
    ANEMONE_TRY(FilterPipeline pipeline, read_pipeline(entry));
    for (const FilterPipeline& other : pipelines)
      if (other.name == pipeline.name)
        return fail(ErrorCode::invalid_argument, "filter_list: two pipelines are named '{}'",
                    pipeline.name);
    pipelines.push_back(std::move(pipeline));
  }
  return pipelines;
}

FilterStep for_each_text(std::function<Result<Value>(const std::string&)> change) {
  return [change = std::move(change)](const Value& answers, const Value&) -> Result<Value> {
    Value out = Value::array();
    for (const Value& answer : answers) {
      if (!answer.is_string())
        return fail(ErrorCode::mismatch, "a filter was given {}, expected text",
                    python::to_repr(answer));
      ANEMONE_TRY(Value changed, change(answer.get_ref<const std::string&>()));
      out.push_back(std::move(changed));
    }
    return out;
  };
}

const Value& FilterOptions::get(const char* key) const {
  static const Value kNone;
  const auto found = options_.find(key);
  return found == options_.end() ? kNone : *found;
}

Error FilterOptions::wrong(const char* key, const char* expected) const {
  return fail(ErrorCode::invalid_argument, "filter {}: {}: {}, expected {}", filter_, key,
              python::to_repr(get(key)), expected);
}

Status FilterOptions::check_keys(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : options_.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      return fail(ErrorCode::invalid_argument, "filter {}: unknown option '{}'", filter_, key);
  return {};
}

Result<std::string> FilterOptions::text(const char* key, const char* otherwise) const {
  const Value& value = get(key);
  if (value.is_null()) return std::string(otherwise);
  if (!value.is_string()) return wrong(key, "text");
  return value.get<std::string>();
}

Result<int64_t> FilterOptions::number(const char* key, int64_t otherwise) const {
  const Value& value = get(key);
  if (value.is_null()) return otherwise;
  if (!value.is_number_integer()) return wrong(key, "a number");
  return value.get<int64_t>();
}

Result<bool> FilterOptions::flag(const char* key) const {
  const Value& value = get(key);
  if (value.is_null()) return false;
  if (!value.is_boolean()) return wrong(key, "true or false");
  return value.get<bool>();
}

Result<std::vector<std::string>> FilterOptions::texts(const char* key) const {
  std::vector<std::string> out;
  const Value& value = get(key);
  if (value.is_null()) return out;
  if (!value.is_array()) return wrong(key, "a list of texts");
  for (const Value& item : value) {
    if (!item.is_string()) return wrong(key, "a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

}  // namespace anemone::eval
