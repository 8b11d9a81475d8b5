#include "eval/metric_config.h"

#include "base/error.h"
#include "eval/metrics.h"
#include "eval/python_format.h"
#include "eval/yaml.h"

namespace anemone::eval {
namespace {

Status set_aggregation(MetricConfig& metric, const Value& given, const Metric* known) {
  if (is_function(given)) {
    ANEMONE_TRY(const Function* found, function_of("aggregation", given));
    if (found->aggregate == nullptr)
      return fail(ErrorCode::invalid_argument, "aggregation: !function {} aggregates nothing",
                  found->name);
    metric.aggregation = {found->name, found->aggregate, ErrorEstimate::none, found->items};
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

Status add_metric(const Value& entry, TaskConfig& config) {
  if (!entry.is_object() || !entry.contains("metric"))
    return wrong_value("metric_list", entry, "a dict with the key 'metric'");
  if (is_function(entry["metric"]))
    return fail(ErrorCode::unsupported, "metric_list: a metric by !function");
  if (!entry["metric"].is_string()) return wrong_value("metric", entry["metric"], "text");
  MetricConfig metric;
  metric.name = entry["metric"].get<std::string>();
  const Metric* known = find_metric(metric.name);
  if (known == nullptr && config.process_results == nullptr)
    return with_hint(fail(ErrorCode::unsupported, "metric_list: metric '{}'", metric.name),
                     "known are " + known_metrics(config.output_type));
  if (known != nullptr && config.process_results == nullptr && !serves(*known, config.output_type))
    return with_hint(fail(ErrorCode::unsupported, "metric_list: metric '{}' of {}", metric.name,
                          to_string(config.output_type)),
                     "known are " + known_metrics(config.output_type));
  ANEMONE_RETURN_IF_ERROR(set_aggregation(metric, entry.value("aggregation", Value()), known));
  if (known != nullptr && config.process_results == nullptr &&
      metric.aggregation.items != find_aggregation(known->aggregation)->items)
    return fail(ErrorCode::unsupported, "aggregation '{}' of metric '{}'", metric.aggregation.name,
                metric.name);
  const Value higher = entry.value("higher_is_better", Value());
  if (higher.is_boolean())
    metric.higher_is_better = higher.get<bool>();
  else if (known != nullptr)
    metric.higher_is_better = known->higher_is_better;
  for (const auto& [key, value] : entry.items())
    if (key != "metric" && key != "aggregation" && key != "higher_is_better" &&
        key != "hf_evaluate")
      metric.options[key] = value;
  config.metrics.push_back(std::move(metric));
  return {};
}

/// Texts can be filtered in any way as long as one is left to be scored; of log-likelihoods only
/// the first can be taken.
Status check_filters(const TaskConfig& config) {
  const bool texts = config.output_type == OutputType::generate_until;
  for (const FilterPipeline& pipeline : config.filters) {
    if (texts ? pipeline.scorable || config.metrics.empty() : pipeline.identity) continue;
    return fail(ErrorCode::unsupported, "filter_list: pipeline '{}' leaves no {}", pipeline.name,
                texts ? "single text to score" : "log-likelihood as it is");
  }
  return {};
}

Status add_metrics(const TaskFields& fields, TaskConfig& config) {
  const Value list = fields.get("metric_list");
  if (list.is_null()) {
    for (const std::string_view name : default_metrics(config.output_type))
      ANEMONE_RETURN_IF_ERROR(add_metric(Value{{"metric", name}}, config));
    return {};
  }
  if (!list.is_array()) return wrong_value("metric_list", list, "a list");
  for (const Value& entry : list) ANEMONE_RETURN_IF_ERROR(add_metric(entry, config));
  return {};
}

}  // namespace

Status read_metrics(const TaskFields& fields, bool predict_only, TaskConfig& config) {
  ANEMONE_TRY(config.filters, read_filters(fields.get("filter_list")));
  if (is_function(fields.get("process_results"))) {
    ANEMONE_TRY(const Function* found,
                function_of("process_results", fields.get("process_results")));
    if (found->results == nullptr)
      return fail(ErrorCode::invalid_argument, "process_results: !function {} gives no scores",
                  found->name);
    config.process_results = found->results;
  } else if (!fields.get("process_results").is_null()) {
    return wrong_value("process_results", fields.get("process_results"), "a !function");
  }
  if (!predict_only) ANEMONE_RETURN_IF_ERROR(add_metrics(fields, config));
  return check_filters(config);
}

}  // namespace anemone::eval
