#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/response.h"
#include "eval/task_config.h"
#include "eval/value.h"

/// What a document's answers are worth.
namespace anemone::eval {

/// A document whose requests all have an answer.
struct ScoredDocument {
  std::span<const Response> responses;  ///< of all requests, after the filters.

  // multiple_choice
  std::vector<std::string> choices;
  std::vector<size_t> gold;      ///< right choices.
  bool multiple_target = false;  ///< the task's first document has a list as its target.

  std::string text;                     ///< loglikelihood_rolling: the text as it was scored.
  std::vector<std::string> references;  ///< generate_until: accepted answers.

  /// Log-likelihoods of the choices, and those without context where acc_mutual_info asks for them.
  std::span<const Response> conditional() const;
  std::span<const Response> unconditional() const;
  bool is_gold(size_t choice) const;
};

using ScoreFunction = Result<Value> (*)(const ScoredDocument& document, const Value& options);

/// Kinds of requests that a metric can score: bits of OutputType.
constexpr uint8_t output_bit(OutputType type) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(type));
}

/// One metric: a file metrics/<name>.cpp and a line of metrics.inc.
struct Metric {
  std::string_view name;
  std::string_view aggregation;  ///< when the task names none.
  bool higher_is_better = true;
  uint8_t output_types = 0;
  ScoreFunction score = nullptr;
};

#define EVAL_METRIC(name) Metric name##_metric();
#include "eval/metrics/metrics.inc"
#undef EVAL_METRIC

const Metric* find_metric(std::string_view name);
bool serves(const Metric& metric, OutputType type);

/// Names of all that serve `type`, by commas.
std::string known_metrics(OutputType type);

/// The metrics of a task that has no process_results, in the order of its scores: choices and
/// log-likelihoods keep the harness' fixed order, generations that of the task.
std::vector<const Metric*> metrics_of(const TaskConfig& task);

/// Metrics of a task without metric_list.
std::vector<std::string_view> default_metrics(OutputType type);

/// Scores one document by the metrics of its task: {name: value}.
Result<Value> score_document(const ScoredDocument& document, const TaskConfig& task);

/// 1.0 when the choice with the highest log-likelihood for each unit of its size is right. A choice
/// of size 0 counts as Python's numpy counts it: by the sign, or NaN.
Value likeliest_is_right(const ScoredDocument& document, size_t (*size)(const std::string& choice));

/// [right choice, likeliest choice], both as numbers. Errors: mismatch (several are right).
Result<Value> right_and_likeliest(const ScoredDocument& document);

/// [log-likelihood, weight] as the samples file shows it: the integer 0 for a text without tokens.
Value weighted(const Response& response, size_t weight);

}  // namespace anemone::eval
