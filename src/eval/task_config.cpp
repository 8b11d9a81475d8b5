#include "eval/task_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/fewshot_config.h"
#include "eval/metric_config.h"
#include "eval/python_format.h"
#include "eval/task_fields.h"
#include "eval/task_record.h"

namespace anemone::eval {
namespace {

constexpr std::array<std::string_view, 5> kNeedPython = {"class", "custom_dataset", "doc_to_image",
                                                         "doc_to_audio", "use_prompt"};

/// The samples file holds an answer this many times; tasks of the harness have up to 64.
constexpr int64_t kMostRepeats = 1024;

/// Reads the keys of one task file.
class TaskReader {
 public:
  TaskReader(const Value& file, const TaskOverrides& overrides)
      : fields_(file), overrides_(overrides) {}

  Result<ParsedTask> read() {
    ANEMONE_RETURN_IF_ERROR(check_keys());
    ANEMONE_RETURN_IF_ERROR(read_source());
    ANEMONE_RETURN_IF_ERROR(read_prompt());
    ANEMONE_TRY(const Value fewshot, read_fewshot(fields_, config_));
    ANEMONE_RETURN_IF_ERROR(read_shots());
    ANEMONE_RETURN_IF_ERROR(read_output());
    ANEMONE_RETURN_IF_ERROR(read_metrics(fields_, overrides_.predict_only, config_));
    const Value metadata = read_metadata();
    Value recorded = task_record(fields_, config_, fewshot, metadata);
    return ParsedTask{std::move(config_), std::move(recorded)};
  }

 private:
  Status check_keys() const {
    for (const auto& [key, value] : fields_.file().items()) {
      if (std::find(kNeedPython.begin(), kNeedPython.end(), key) != kNeedPython.end()) {
        if (value.is_null()) continue;
        return fail(ErrorCode::unsupported, "key '{}' of a task", key);
      }
      if (std::find(task_keys().begin(), task_keys().end(), key) == task_keys().end())
        return fail(ErrorCode::invalid_argument, "unknown key '{}' of a task", key);
    }
    if (fields_.get("unsafe_code") == true)
      return fail(ErrorCode::unsupported, "unsafe_code: tasks that run the model's code");
    return {};
  }

  Status read_source() {
    ANEMONE_RETURN_IF_ERROR(fields_.text("task", config_.task));
    config_.alias = config_.task;
    ANEMONE_RETURN_IF_ERROR(fields_.text("task_alias", config_.alias));
    ANEMONE_RETURN_IF_ERROR(fields_.text("dataset_path", config_.dataset_path));
    if (config_.dataset_path.empty())
      return fail(ErrorCode::invalid_argument, "dataset_path is missing");
    ANEMONE_RETURN_IF_ERROR(fields_.text("dataset_name", config_.dataset_name));
    config_.dataset_kwargs = fields_.get("dataset_kwargs");
    if (config_.dataset_kwargs.is_null()) config_.dataset_kwargs = Value::object();
    if (!config_.dataset_kwargs.is_object())
      return wrong_value("dataset_kwargs", config_.dataset_kwargs, "a dict");
    for (const auto& [key, value] : config_.dataset_kwargs.items())
      if (key != "data_files" && key != "trust_remote_code" &&
          !(key == "sample_by" && config_.dataset_path == "text"))
        return fail(ErrorCode::unsupported, "dataset_kwargs: key '{}'", key);
    ANEMONE_TRY(config_.training_split,
                optional_text("training_split", fields_.get("training_split")));
    ANEMONE_TRY(config_.validation_split,
                optional_text("validation_split", fields_.get("validation_split")));
    ANEMONE_TRY(config_.test_split, optional_text("test_split", fields_.get("test_split")));
    if (!config_.test_split && !config_.validation_split)
      return fail(ErrorCode::invalid_argument, "neither test_split nor validation_split is given");
    return read_documents_function("process_docs", fields_.get("process_docs"),
                                   config_.process_docs);
  }

  Status read_prompt() {
    ANEMONE_TRY(config_.doc_to_text, field_of("doc_to_text", fields_.get("doc_to_text")));
    ANEMONE_TRY(config_.doc_to_target, field_of("doc_to_target", fields_.get("doc_to_target")));
    ANEMONE_TRY(config_.doc_to_choice, field_of("doc_to_choice", fields_.get("doc_to_choice")));
    ANEMONE_TRY(config_.gen_prefix, field_of("gen_prefix", fields_.get("gen_prefix")));
    ANEMONE_RETURN_IF_ERROR(fields_.text("description", config_.description));
    ANEMONE_RETURN_IF_ERROR(fields_.text("target_delimiter", config_.target_delimiter));
    ANEMONE_RETURN_IF_ERROR(fields_.text("fewshot_delimiter", config_.fewshot_delimiter));
    if (!config_.doc_to_text.given() || !config_.doc_to_target.given())
      return fail(ErrorCode::invalid_argument, "doc_to_text or doc_to_target is missing");
    return {};
  }

  Status read_shots() {
    const Value shots = fields_.get("num_fewshot");
    if (!shots.is_null() && (!shots.is_number_integer() || shots.get<int64_t>() < 0))
      return wrong_value("num_fewshot", shots, "a number");
    if (!shots.is_null()) config_.num_fewshot = shots.get<int64_t>();
    if (overrides_.num_fewshot && config_.num_fewshot != 0)
      config_.num_fewshot = overrides_.num_fewshot;
    return {};
  }

  Status read_output() {
    const Value type = fields_.get("output_type");
    if (!type.is_null()) {
      bool known = false;
      for (const OutputType candidate :
           {OutputType::loglikelihood, OutputType::multiple_choice,
            OutputType::loglikelihood_rolling, OutputType::generate_until}) {
        if (type != to_string(candidate)) continue;
        config_.output_type = candidate;
        known = true;
      }
      if (!known)
        return wrong_value(
            "output_type", type,
            "loglikelihood, multiple_choice, loglikelihood_rolling or generate_until");
    }
    if (config_.output_type == OutputType::multiple_choice && !config_.doc_to_choice.given())
      return fail(ErrorCode::invalid_argument, "multiple_choice without doc_to_choice");
    ANEMONE_RETURN_IF_ERROR(read_generation());
    const Value repeats = fields_.get("repeats");
    if (!repeats.is_null() && (!repeats.is_number_integer() || repeats.get<int64_t>() < 1))
      return wrong_value("repeats", repeats, "a number from 1 on");
    if (!repeats.is_null()) config_.repeats = repeats.get<int64_t>();
    if (config_.repeats > kMostRepeats)
      return fail(ErrorCode::limit, "repeats: {}, a task has at most {}", config_.repeats,
                  kMostRepeats);
    return {};
  }

  Status read_generation() {
    Value kwargs = fields_.get("generation_kwargs");
    if (!kwargs.is_null() && !kwargs.is_object())
      return wrong_value("generation_kwargs", kwargs, "a dict");
    if (kwargs.is_object()) {
      if (kwargs.contains("temperature") && kwargs["temperature"].is_number())
        kwargs["temperature"] = kwargs["temperature"].get<double>();
      if (!kwargs.contains("until")) kwargs["until"] = Value::array({config_.fewshot_delimiter});
    } else if (config_.output_type == OutputType::generate_until) {
      kwargs = Value{{"temperature", 0.0},
                     {"do_sample", false},
                     {"max_gen_toks", 256},
                     {"until", Value::array({config_.fewshot_delimiter})}};
    }
    if (config_.output_type == OutputType::generate_until &&
        overrides_.generation_kwargs.is_object())
      for (const auto& [key, value] : overrides_.generation_kwargs.items()) kwargs[key] = value;
    config_.generation_kwargs = std::move(kwargs);
    return {};
  }

  Value read_metadata() {
    Value metadata = fields_.get("metadata");
    if (!fields_.file().contains("metadata")) metadata = Value::object();
    if (!metadata.is_object()) metadata = Value{{"_metadata", metadata}};
    config_.version = metadata.value("version", Value("Yaml"));
    if (overrides_.model_args.is_object())
      for (const auto& [key, value] : overrides_.model_args.items()) metadata[key] = value;
    metadata["config_source"] = overrides_.source;
    return metadata;
  }

  const TaskFields fields_;
  const TaskOverrides& overrides_;
  TaskConfig config_;
};

}  // namespace

std::string_view to_string(OutputType type) {
  switch (type) {
    case OutputType::loglikelihood:
      return "loglikelihood";
    case OutputType::multiple_choice:
      return "multiple_choice";
    case OutputType::loglikelihood_rolling:
      return "loglikelihood_rolling";
    case OutputType::generate_until:
      return "generate_until";
  }
  return "";
}

Result<ParsedTask> parse_task(const Value& file, const TaskOverrides& overrides) {
  return TaskReader(file, overrides).read();
}

}  // namespace anemone::eval
