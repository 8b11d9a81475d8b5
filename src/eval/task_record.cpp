#include "eval/task_record.h"

#include <array>

#include "eval/yaml.h"

namespace anemone::eval {
namespace {

constexpr std::array<std::string_view, 35> kKeys = {"task",
                                                    "task_alias",
                                                    "custom_dataset",
                                                    "dataset_path",
                                                    "dataset_name",
                                                    "dataset_kwargs",
                                                    "training_split",
                                                    "validation_split",
                                                    "test_split",
                                                    "fewshot_split",
                                                    "process_docs",
                                                    "doc_to_text",
                                                    "doc_to_target",
                                                    "doc_to_image",
                                                    "doc_to_audio",
                                                    "unsafe_code",
                                                    "doc_to_choice",
                                                    "process_results",
                                                    "use_prompt",
                                                    "description",
                                                    "target_delimiter",
                                                    "fewshot_delimiter",
                                                    "fewshot_config",
                                                    "num_fewshot",
                                                    "metric_list",
                                                    "output_type",
                                                    "generation_kwargs",
                                                    "repeats",
                                                    "filter_list",
                                                    "should_decontaminate",
                                                    "doc_to_decontamination_query",
                                                    "gen_prefix",
                                                    "metadata",
                                                    "tag",
                                                    "task_list"};

/// "<function process_docs>" for a built-in, everything else as it is.
Value shown(const Value& value) {
  if (is_function(value)) {
    const auto& name = value.begin().value().get_ref<const std::string&>();
    return "<function " + name.substr(name.rfind('.') + 1) + ">";
  }
  if (!value.is_structured()) return value;
  Value out = value;
  for (Value& item : out) item = shown(item);
  return out;
}

}  // namespace

std::span<const std::string_view> task_keys() { return kKeys; }

Value task_record(const TaskFields& fields, const TaskConfig& config, const Value& fewshot,
                  const Value& metadata) {
  Value out = Value::object();
  for (const std::string_view key : kKeys) {
    const std::string name(key);
    Value value = fields.get(name.c_str());
    if (name == "tag" || name == "task_list") continue;
    if (name == "unsafe_code" || name == "should_decontaminate") {
      if (value.is_null()) value = false;
    } else if (name == "description") {
      value = config.description;
    } else if (name == "target_delimiter") {
      value = config.target_delimiter;
    } else if (name == "fewshot_delimiter") {
      value = config.fewshot_delimiter;
    } else if (name == "fewshot_config") {
      value = fewshot;
    } else if (name == "num_fewshot") {
      value = config.num_fewshot.value_or(0);
    } else if (name == "output_type") {
      value = to_string(config.output_type);
    } else if (name == "generation_kwargs") {
      value = config.generation_kwargs;
    } else if (name == "repeats") {
      value = config.repeats;
    } else if (name == "metadata") {
      value = metadata;
    } else if (name == "dataset_kwargs" && value.is_object()) {
      value.erase("trust_remote_code");
    }
    if (!value.is_null()) out[name] = shown(value);
  }
  return out;
}

}  // namespace anemone::eval
