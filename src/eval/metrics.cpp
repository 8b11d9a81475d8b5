#include "eval/metrics.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/arg_max.h"

namespace anemone::eval {
namespace {

std::span<const Metric> all_metrics() {
  static const std::vector<Metric> all = {
#define EVAL_METRIC(name) name##_metric(),
#include "eval/metrics/metrics.inc"
#undef EVAL_METRIC
  };
  return all;
}

}  // namespace

std::span<const Response> ScoredDocument::conditional() const {
  return responses.first(std::min(choices.size(), responses.size()));
}

std::span<const Response> ScoredDocument::unconditional() const {
  return responses.subspan(std::min(choices.size(), responses.size()));
}

bool ScoredDocument::is_gold(size_t choice) const {
  return std::find(gold.begin(), gold.end(), choice) != gold.end();
}

const Metric* find_metric(std::string_view name) {
  for (const Metric& metric : all_metrics())
    if (metric.name == name) return &metric;
  return nullptr;
}

bool serves(const Metric& metric, OutputType type) {
  return (metric.output_types & output_bit(type)) != 0;
}

std::string known_metrics(OutputType type) {
  std::string names;
  for (const Metric& metric : all_metrics())
    if (serves(metric, type)) names += fmt::format("{}{}", names.empty() ? "" : ", ", metric.name);
  return names;
}

std::vector<std::string_view> default_metrics(OutputType type) {
  switch (type) {
    case OutputType::loglikelihood:
      return {"perplexity", "acc"};
    case OutputType::multiple_choice:
      return {"acc", "acc_norm"};
    case OutputType::loglikelihood_rolling:
      return {"word_perplexity", "byte_perplexity", "bits_per_byte"};
    case OutputType::generate_until:
      return {"exact_match"};
  }
  return {};
}

std::vector<const Metric*> metrics_of(const TaskConfig& task) {
  std::vector<const Metric*> metrics;
  if (task.output_type == OutputType::generate_until) {
    for (const MetricConfig& wanted : task.metrics) metrics.push_back(find_metric(wanted.name));
    return metrics;
  }
  for (const Metric& metric : all_metrics())
    for (const MetricConfig& wanted : task.metrics)
      if (wanted.name == metric.name) metrics.push_back(&metric);
  return metrics;
}

Result<Value> score_document(const ScoredDocument& document, const TaskConfig& task) {
  Value scores = Value::object();
  for (const Metric* metric : metrics_of(task)) {
    const auto wanted =
        std::find_if(task.metrics.begin(), task.metrics.end(),
                     [&](const MetricConfig& candidate) { return candidate.name == metric->name; });
    ANEMONE_TRY(scores[wanted->name], metric->score(document, wanted->options));
  }
  return scores;
}

Value likeliest_is_right(const ScoredDocument& document, size_t (*size)(const std::string&)) {
  std::vector<double> values;
  const auto answers = document.conditional();
  for (size_t i = 0; i < answers.size(); ++i)
    values.push_back(answers[i].log_likelihood / static_cast<double>(size(document.choices[i])));
  return document.is_gold(arg_max<double>(values)) ? 1.0 : 0.0;
}

Result<Value> right_and_likeliest(const ScoredDocument& document) {
  if (document.multiple_target || document.gold.size() != 1)
    return fail(ErrorCode::mismatch, "a list of right choices, expected one");
  std::vector<double> values;
  for (const Response& answer : document.conditional()) values.push_back(answer.log_likelihood);
  return Value::array({document.gold[0], arg_max<double>(values)});
}

Value weighted(const Response& response, size_t weight) {
  const Value sum = response.no_tokens ? Value(0) : Value(response.log_likelihood);
  return Value::array({sum, weight});
}

}  // namespace anemone::eval
