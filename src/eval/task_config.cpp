#include "eval/task_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/metrics.h"
#include "eval/python_format.h"
#include "eval/yaml.h"

namespace anemone::eval {
namespace {

// The keys of a task in the order in which the harness records them.
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

constexpr std::array<std::string_view, 11> kFewshotKeys = {
    "sampler",         "split",         "process_docs",  "fewshot_indices", "samples",
    "doc_to_text",     "doc_to_choice", "doc_to_target", "gen_prefix",      "fewshot_delimiter",
    "target_delimiter"};

constexpr std::array<std::string_view, 5> kNeedPython = {"class", "custom_dataset", "doc_to_image",
                                                         "doc_to_audio", "use_prompt"};

/// Reads the keys of one task file.
class TaskReader {
 public:
  TaskReader(const Value& file, const TaskOverrides& overrides)
      : file_(file), overrides_(overrides) {}

  Result<ParsedTask> read() {
    ANEMONE_RETURN_IF_ERROR(check_keys());
    ANEMONE_RETURN_IF_ERROR(read_source());
    ANEMONE_RETURN_IF_ERROR(read_prompt());
    ANEMONE_RETURN_IF_ERROR(read_fewshot());
    ANEMONE_RETURN_IF_ERROR(read_output());
    ANEMONE_RETURN_IF_ERROR(read_metrics());
    ANEMONE_RETURN_IF_ERROR(read_filters());
    ANEMONE_RETURN_IF_ERROR(read_metadata());
    Value recorded = record();
    return ParsedTask{std::move(config_), std::move(recorded)};
  }

 private:
  const Value& get(const char* key) const {
    static const Value kNone;
    const auto found = file_.find(key);
    return found == file_.end() ? kNone : *found;
  }

  static Error wrong(const char* key, const Value& value, const char* expected) {
    return fail(ErrorCode::invalid_argument, "{}: {}, expected {}", key, python::to_repr(value),
                expected);
  }

  static Result<std::optional<std::string>> optional_text(const char* key, const Value& value) {
    if (value.is_null()) return std::optional<std::string>();
    if (!value.is_string()) return wrong(key, value, "text");
    return std::optional(value.get<std::string>());
  }

  Status text(const char* key, std::string& out) const {
    ANEMONE_TRY(auto value, optional_text(key, get(key)));
    if (value) out = *std::move(value);
    return {};
  }

  static Result<const Function*> function(const char* key, const Value& value) {
    const auto& name = value.begin().value().get_ref<const std::string&>();
    const Function* found = find_function(name);
    if (found == nullptr)
      return with_hint(fail(ErrorCode::unsupported, "{}: !function {} is Python code", key, name),
                       "the built-in functions are those of the standard tasks; write the field as "
                       "a column, a template or a list");
    return found;
  }

  static Result<Field> field(const char* key, const Value& value) {
    if (!is_function(value)) return Field{value, nullptr};
    ANEMONE_TRY(const Function* found, function(key, value));
    if (found->field == nullptr)
      return fail(ErrorCode::invalid_argument, "{}: !function {} works out no field", key,
                  found->name);
    return Field{value, found->field};
  }

  static Status documents_function(const char* key, const Value& value, DocumentsFunction& out) {
    if (value.is_null()) return {};
    if (!is_function(value)) return wrong(key, value, "a !function");
    ANEMONE_TRY(const Function* found, function(key, value));
    if (found->documents == nullptr)
      return fail(ErrorCode::invalid_argument, "{}: !function {} makes no documents", key,
                  found->name);
    out = found->documents;
    return {};
  }

  Status check_keys() const {
    for (const auto& [key, value] : file_.items()) {
      if (std::find(kNeedPython.begin(), kNeedPython.end(), key) != kNeedPython.end()) {
        if (value.is_null()) continue;
        return fail(ErrorCode::unsupported, "key '{}' of a task", key);
      }
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
        return fail(ErrorCode::invalid_argument, "unknown key '{}' of a task", key);
    }
    if (get("unsafe_code") == true)
      return fail(ErrorCode::unsupported, "unsafe_code: tasks that run the model's code");
    return {};
  }

  Status read_source() {
    ANEMONE_RETURN_IF_ERROR(text("task", config_.task));
    config_.alias = config_.task;
    ANEMONE_RETURN_IF_ERROR(text("task_alias", config_.alias));
    ANEMONE_RETURN_IF_ERROR(text("dataset_path", config_.dataset_path));
    if (config_.dataset_path.empty())
      return fail(ErrorCode::invalid_argument, "dataset_path is missing");
    ANEMONE_RETURN_IF_ERROR(text("dataset_name", config_.dataset_name));
    config_.dataset_kwargs = get("dataset_kwargs");
    if (config_.dataset_kwargs.is_null()) config_.dataset_kwargs = Value::object();
    if (!config_.dataset_kwargs.is_object())
      return wrong("dataset_kwargs", config_.dataset_kwargs, "a dict");
    for (const auto& [key, value] : config_.dataset_kwargs.items())
      if (key != "data_files" && key != "trust_remote_code")
        return fail(ErrorCode::unsupported, "dataset_kwargs: key '{}'", key);
    ANEMONE_TRY(config_.training_split, optional_text("training_split", get("training_split")));
    ANEMONE_TRY(config_.validation_split,
                optional_text("validation_split", get("validation_split")));
    ANEMONE_TRY(config_.test_split, optional_text("test_split", get("test_split")));
    if (!config_.test_split && !config_.validation_split)
      return fail(ErrorCode::invalid_argument, "neither test_split nor validation_split is given");
    return documents_function("process_docs", get("process_docs"), config_.process_docs);
  }

  Status read_prompt() {
    ANEMONE_TRY(config_.doc_to_text, field("doc_to_text", get("doc_to_text")));
    ANEMONE_TRY(config_.doc_to_target, field("doc_to_target", get("doc_to_target")));
    ANEMONE_TRY(config_.doc_to_choice, field("doc_to_choice", get("doc_to_choice")));
    ANEMONE_TRY(config_.gen_prefix, field("gen_prefix", get("gen_prefix")));
    ANEMONE_RETURN_IF_ERROR(text("description", config_.description));
    ANEMONE_RETURN_IF_ERROR(text("target_delimiter", config_.target_delimiter));
    ANEMONE_RETURN_IF_ERROR(text("fewshot_delimiter", config_.fewshot_delimiter));
    if (!config_.doc_to_text.given() || !config_.doc_to_target.given())
      return fail(ErrorCode::invalid_argument, "doc_to_text or doc_to_target is missing");
    return {};
  }

  /// The value for examples: that of fewshot_config, else that of the task.
  const Value& for_examples(const Value& fewshot, const char* key, const char* task_key) const {
    const auto found = fewshot.find(key);
    return found == fewshot.end() ? get(task_key) : *found;
  }

  Status read_fewshot() {
    Value fewshot = get("fewshot_config");
    if (fewshot.is_null()) fewshot = Value::object();
    if (!fewshot.is_object()) return wrong("fewshot_config", fewshot, "a dict");
    for (const auto& [key, value] : fewshot.items())
      if (std::find(kFewshotKeys.begin(), kFewshotKeys.end(), key) == kFewshotKeys.end())
        return fail(ErrorCode::invalid_argument, "unknown key '{}' of fewshot_config", key);
    FewshotConfig& out = config_.fewshot;
    const Value sampler = fewshot.value("sampler", Value("default"));
    if (sampler != "default" && sampler != "first_n")
      return fail(ErrorCode::unsupported, "fewshot_config: sampler {}", python::to_repr(sampler));
    out.sampler = sampler.get<std::string>();
    ANEMONE_TRY(out.split,
                optional_text("fewshot_split", for_examples(fewshot, "split", "fewshot_split")));
    out.samples = fewshot.value("samples", Value());
    if (is_function(out.samples))
      return fail(ErrorCode::unsupported, "fewshot_config: samples by a !function");
    if (!out.samples.is_null() && !out.samples.is_array())
      return wrong("fewshot_config: samples", out.samples, "a list of dicts");
    for (const Value& sample : out.samples)
      if (!sample.is_object() || is_function(sample))
        return wrong("fewshot_config: samples", sample, "a dict of columns");
    ANEMONE_RETURN_IF_ERROR(documents_function(
        "fewshot_config: process_docs", for_examples(fewshot, "process_docs", "process_docs"),
        out.process_docs));
    ANEMONE_TRY(out.doc_to_text, field("fewshot_config: doc_to_text",
                                       for_examples(fewshot, "doc_to_text", "doc_to_text")));
    ANEMONE_TRY(out.doc_to_choice, field("fewshot_config: doc_to_choice",
                                         for_examples(fewshot, "doc_to_choice", "doc_to_choice")));
    ANEMONE_TRY(out.doc_to_target, field("fewshot_config: doc_to_target",
                                         for_examples(fewshot, "doc_to_target", "doc_to_target")));
    ANEMONE_TRY(out.gen_prefix, field("fewshot_config: gen_prefix",
                                      for_examples(fewshot, "gen_prefix", "gen_prefix")));
    out.fewshot_delimiter = config_.fewshot_delimiter;
    out.target_delimiter = config_.target_delimiter;
    for (const auto& [key, target] : {std::pair{"fewshot_delimiter", &out.fewshot_delimiter},
                                      std::pair{"target_delimiter", &out.target_delimiter}}) {
      ANEMONE_TRY(auto value, optional_text(key, fewshot.value(key, Value())));
      if (value) *target = *std::move(value);
    }

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
        record[name] = get("fewshot_split");
      else if (name == "fewshot_delimiter")
        record[name] = config_.fewshot_delimiter;
      else if (name == "target_delimiter")
        record[name] = config_.target_delimiter;
      else
        record[name] = get(name.c_str());
    }
    fewshot_record_ = std::move(record);

    const Value shots = get("num_fewshot");
    if (!shots.is_null() && (!shots.is_number_integer() || shots.get<int64_t>() < 0))
      return wrong("num_fewshot", shots, "a number");
    if (!shots.is_null()) config_.num_fewshot = shots.get<int64_t>();
    if (overrides_.num_fewshot && config_.num_fewshot != 0)
      config_.num_fewshot = overrides_.num_fewshot;
    return {};
  }

  Status read_output() {
    const Value type = get("output_type");
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
        return wrong("output_type", type,
                     "loglikelihood, multiple_choice, loglikelihood_rolling or generate_until");
    }
    if (config_.output_type == OutputType::multiple_choice && !config_.doc_to_choice.given())
      return fail(ErrorCode::invalid_argument, "multiple_choice without doc_to_choice");
    ANEMONE_RETURN_IF_ERROR(read_generation());
    const Value repeats = get("repeats");
    if (!repeats.is_null() && (!repeats.is_number_integer() || repeats.get<int64_t>() < 1))
      return wrong("repeats", repeats, "a number from 1 on");
    if (!repeats.is_null()) config_.repeats = repeats.get<int64_t>();
    return {};
  }

  Status read_generation() {
    Value kwargs = get("generation_kwargs");
    if (!kwargs.is_null() && !kwargs.is_object())
      return wrong("generation_kwargs", kwargs, "a dict");
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

  Status read_metrics() {
    if (get("process_results").is_object()) {
      ANEMONE_TRY(const Function* found, function("process_results", get("process_results")));
      if (found->results == nullptr)
        return fail(ErrorCode::invalid_argument, "process_results: !function {} gives no scores",
                    found->name);
      config_.process_results = found->results;
    } else if (!get("process_results").is_null()) {
      return wrong("process_results", get("process_results"), "a !function");
    }
    if (overrides_.predict_only) return {};
    const Value list = get("metric_list");
    if (list.is_null()) {
      for (const std::string_view name : default_metrics(config_.output_type))
        ANEMONE_RETURN_IF_ERROR(add_metric(Value{{"metric", name}}));
      return {};
    }
    if (!list.is_array()) return wrong("metric_list", list, "a list");
    for (const Value& entry : list) ANEMONE_RETURN_IF_ERROR(add_metric(entry));
    return {};
  }

  Status add_metric(const Value& entry) {
    if (!entry.is_object() || !entry.contains("metric"))
      return wrong("metric_list", entry, "a dict with the key 'metric'");
    if (is_function(entry["metric"]))
      return fail(ErrorCode::unsupported, "metric_list: a metric by !function");
    if (!entry["metric"].is_string()) return wrong("metric", entry["metric"], "text");
    MetricConfig metric;
    metric.name = entry["metric"].get<std::string>();
    const Metric* known = find_metric(metric.name);
    if (known == nullptr && config_.process_results == nullptr)
      return fail(ErrorCode::unsupported, "metric_list: metric '{}'", metric.name);
    if (known != nullptr && config_.process_results == nullptr &&
        !serves(*known, config_.output_type))
      return fail(ErrorCode::unsupported, "metric_list: metric '{}' of {}", metric.name,
                  to_string(config_.output_type));
    ANEMONE_RETURN_IF_ERROR(set_aggregation(metric, entry.value("aggregation", Value()), known));
    const Value higher = entry.value("higher_is_better", Value());
    if (higher.is_boolean())
      metric.higher_is_better = higher.get<bool>();
    else if (known != nullptr)
      metric.higher_is_better = known->higher_is_better;
    for (const auto& [key, value] : entry.items())
      if (key != "metric" && key != "aggregation" && key != "higher_is_better" &&
          key != "hf_evaluate")
        metric.options[key] = value;
    config_.metrics.push_back(std::move(metric));
    return {};
  }

  static Status set_aggregation(MetricConfig& metric, const Value& given, const Metric* known) {
    if (is_function(given)) {
      ANEMONE_TRY(const Function* found, function("aggregation", given));
      if (found->aggregate == nullptr)
        return fail(ErrorCode::invalid_argument, "aggregation: !function {} aggregates nothing",
                    found->name);
      metric.aggregation = {found->name, found->aggregate, ErrorEstimate::none};
      return {};
    }
    const std::string name = given.is_string()  ? given.get<std::string>()
                             : known != nullptr ? std::string(known->aggregation)
                                                : "mean";
    const Aggregation* found = find_aggregation(name);
    if (found == nullptr) return fail(ErrorCode::unsupported, "aggregation '{}'", name);
    metric.aggregation = *found;
    return {};
  }

  Status read_filters() const {
    const Value& list = get("filter_list");
    if (list.is_null()) return {};
    if (!list.is_array()) return wrong("filter_list", list, "a list");
    for (const Value& pipeline : list) {
      if (!pipeline.is_object() || !pipeline.contains("filter") || !pipeline["filter"].is_array())
        return wrong("filter_list", pipeline, "a dict with a list 'filter'");
      for (const Value& step : pipeline["filter"]) {
        const Value name = step.is_object() ? step.value("function", Value()) : Value();
        if (name != "take_first")
          return fail(ErrorCode::unsupported, "filter_list: function {}", python::to_repr(name));
      }
      if (pipeline.value("name", Value()) != "none")
        return fail(ErrorCode::unsupported, "filter_list: a pipeline named {}",
                    python::to_repr(pipeline.value("name", Value())));
    }
    return {};
  }

  Status read_metadata() {
    Value metadata = get("metadata");
    if (!file_.contains("metadata")) metadata = Value::object();
    if (!metadata.is_object()) metadata = Value{{"_metadata", metadata}};
    config_.version = metadata.value("version", Value("Yaml"));
    if (overrides_.model_args.is_object())
      for (const auto& [key, value] : overrides_.model_args.items()) metadata[key] = value;
    metadata["config_source"] = overrides_.source;
    metadata_ = std::move(metadata);
    return {};
  }

  /// "<function process_docs>" for a built-in, everything else as it is.
  static Value shown(const Value& value) {
    if (is_function(value)) {
      const auto& name = value.begin().value().get_ref<const std::string&>();
      return "<function " + name.substr(name.rfind('.') + 1) + ">";
    }
    if (!value.is_structured()) return value;
    Value out = value;
    for (Value& item : out) item = shown(item);
    return out;
  }

  Value record() const {
    Value out = Value::object();
    for (const std::string_view key : kKeys) {
      const std::string name(key);
      Value value = get(name.c_str());
      if (name == "tag" || name == "task_list") continue;
      if (name == "unsafe_code" || name == "should_decontaminate") {
        if (value.is_null()) value = false;
      } else if (name == "description") {
        value = config_.description;
      } else if (name == "target_delimiter") {
        value = config_.target_delimiter;
      } else if (name == "fewshot_delimiter") {
        value = config_.fewshot_delimiter;
      } else if (name == "fewshot_config") {
        value = fewshot_record_;
      } else if (name == "num_fewshot") {
        value = config_.num_fewshot.value_or(0);
      } else if (name == "output_type") {
        value = to_string(config_.output_type);
      } else if (name == "generation_kwargs") {
        value = config_.generation_kwargs;
      } else if (name == "repeats") {
        value = config_.repeats;
      } else if (name == "metadata") {
        value = metadata_;
      } else if (name == "dataset_kwargs" && value.is_object()) {
        value.erase("trust_remote_code");
      }
      if (!value.is_null()) out[name] = shown(value);
    }
    return out;
  }

  const Value& file_;
  const TaskOverrides& overrides_;
  TaskConfig config_;
  Value fewshot_record_;
  Value metadata_;
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
