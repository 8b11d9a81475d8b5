#include "eval/fewshot_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/python_format.h"
#include "eval/yaml.h"

namespace anemone::eval {
namespace {

constexpr std::array<std::string_view, 11> kFewshotKeys = {
    "sampler",         "split",         "process_docs",  "fewshot_indices", "samples",
    "doc_to_text",     "doc_to_choice", "doc_to_target", "gen_prefix",      "fewshot_delimiter",
    "target_delimiter"};

/// The value for examples: that of fewshot_config, else that of the task.
const Value& for_examples(const TaskFields& fields, const Value& fewshot, const char* key,
                          const char* task_key) {
  const auto found = fewshot.find(key);
  return found == fewshot.end() ? fields.get(task_key) : *found;
}

/// What a results file shows of it.
Value record_of(const TaskFields& fields, const Value& fewshot, const TaskConfig& config) {
  Value record = Value::object();
  for (const std::string_view key : kFewshotKeys) {
    const std::string name(key);
    if (fewshot.contains(name))
      record[name] = fewshot[name];
    else if (name == "sampler")
      record[name] = "default";
    else if (name == "fewshot_indices" || name == "samples")
      record[name] = nullptr;
    else if (name == "split")
      record[name] = fields.get("fewshot_split");
    else if (name == "fewshot_delimiter")
      record[name] = config.fewshot_delimiter;
    else if (name == "target_delimiter")
      record[name] = config.target_delimiter;
    else
      record[name] = fields.get(name.c_str());
  }
  return record;
}

}  // namespace

Result<Value> read_fewshot(const TaskFields& fields, TaskConfig& config) {
  Value fewshot = fields.get("fewshot_config");
  if (fewshot.is_null()) fewshot = Value::object();
  if (!fewshot.is_object()) return wrong_value("fewshot_config", fewshot, "a dict");
  for (const auto& [key, value] : fewshot.items())
    if (std::find(kFewshotKeys.begin(), kFewshotKeys.end(), key) == kFewshotKeys.end())
      return fail(ErrorCode::invalid_argument, "unknown key '{}' of fewshot_config", key);
  FewshotConfig& out = config.fewshot;
  const Value sampler = fewshot.value("sampler", Value("default"));
  if (sampler != "default" && sampler != "first_n")
    return fail(ErrorCode::unsupported, "fewshot_config: sampler {}", python::to_repr(sampler));
  out.sampler = sampler.get<std::string>();
  ANEMONE_TRY(out.split, optional_text("fewshot_split",
                                       for_examples(fields, fewshot, "split", "fewshot_split")));
  out.samples = fewshot.value("samples", Value());
  if (is_function(out.samples))
    return fail(ErrorCode::unsupported, "fewshot_config: samples by a !function");
  if (!out.samples.is_null() && !out.samples.is_array())
    return wrong_value("fewshot_config: samples", out.samples, "a list of dicts");
  for (const Value& sample : out.samples)
    if (!sample.is_object() || is_function(sample))
      return wrong_value("fewshot_config: samples", sample, "a dict of columns");
  ANEMONE_RETURN_IF_ERROR(read_documents_function(
      "fewshot_config: process_docs", for_examples(fields, fewshot, "process_docs", "process_docs"),
      out.process_docs));
  ANEMONE_TRY(out.doc_to_text,
              field_of("fewshot_config: doc_to_text",
                       for_examples(fields, fewshot, "doc_to_text", "doc_to_text")));
  ANEMONE_TRY(out.doc_to_choice,
              field_of("fewshot_config: doc_to_choice",
                       for_examples(fields, fewshot, "doc_to_choice", "doc_to_choice")));
  ANEMONE_TRY(out.doc_to_target,
              field_of("fewshot_config: doc_to_target",
                       for_examples(fields, fewshot, "doc_to_target", "doc_to_target")));
  ANEMONE_TRY(out.gen_prefix, field_of("fewshot_config: gen_prefix",
                                       for_examples(fields, fewshot, "gen_prefix", "gen_prefix")));
  out.fewshot_delimiter = config.fewshot_delimiter;
  out.target_delimiter = config.target_delimiter;
  for (const auto& [key, target] : {std::pair{"fewshot_delimiter", &out.fewshot_delimiter},
                                    std::pair{"target_delimiter", &out.target_delimiter}}) {
    ANEMONE_TRY(auto value, optional_text(key, fewshot.value(key, Value())));
    if (value) *target = *std::move(value);
  }
  return record_of(fields, fewshot, config);
}

}  // namespace anemone::eval
