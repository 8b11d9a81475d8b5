#include "eval/outcome.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "eval/metrics.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

constexpr const char* kFilter = "none";

/// A response as Python's str() shows it in the samples file.
Value shown(const Response& response, OutputType type) {
  switch (type) {
    case OutputType::loglikelihood_rolling:
      return response.no_tokens ? "0" : python::float_repr(response.log_likelihood);
    case OutputType::generate_until:
      return response.text;
    default:
      return Value::array(
          {python::float_repr(response.log_likelihood), response.greedy ? "True" : "False"});
  }
}

/// The number of the choice that `label` means: a number, or the choice itself.
Result<size_t> choice_of(const Value& label, const std::vector<std::string>& choices) {
  if (label.is_string()) {
    const auto found = std::find(choices.begin(), choices.end(), label.get<std::string>());
    if (found != choices.end()) return static_cast<size_t>(found - choices.begin());
  } else if (label.is_boolean()) {
    if (choices.size() > 1) return static_cast<size_t>(label.get<bool>());
  } else if (label.is_number_integer() && label >= 0 && label < choices.size()) {
    return label.get<size_t>();
  }
  return fail(ErrorCode::mismatch,
              "the label {} is none of the {} choices: expected 0 to {}, or a choice's text",
              python::to_repr(label), choices.size(), choices.size() - 1);
}

Result<std::vector<size_t>> gold_choices(const Task& task, const Value& document,
                                         const std::vector<std::string>& choices) {
  const TaskConfig& config = task.config();
  ANEMONE_TRY(const Value target, task.multiple_input()
                                      ? task.text(config.doc_to_text, document)
                                      : task.target(config.doc_to_target, document));
  std::vector<size_t> gold;
  for (const Value& label : target.is_array() ? target : Value::array({target})) {
    ANEMONE_TRY(const size_t choice, choice_of(label, choices));
    gold.push_back(choice);
  }
  return gold;
}

Result<std::vector<std::string>> references(const Task& task, const Value& document) {
  const TaskConfig& config = task.config();
  ANEMONE_TRY(const Value target, task.target(config.doc_to_target, document));
  std::vector<std::string> texts;
  if (config.doc_to_choice.given()) {
    ANEMONE_TRY(const auto choices, task.choices(config.doc_to_choice, document));
    const int64_t index = target.is_number_integer() ? target.get<int64_t>() : -1;
    if (index < 0 || index >= static_cast<int64_t>(choices.size()))
      return fail(ErrorCode::mismatch, "doc_to_target gave {}, expected the number of a choice",
                  python::to_repr(target));
    texts.push_back(choices[static_cast<size_t>(index)]);
  } else if (task.multiple_target() && target.is_array()) {
    for (const Value& item : target) texts.push_back(python::to_str(item));
  } else {
    texts.push_back(python::to_str(target));
  }
  return texts;
}

Result<Value> scores_of(const Task& task, const Value& document,
                        std::span<const Response> responses) {
  const TaskConfig& config = task.config();
  if (config.metrics.empty()) return Value::object();
  if (config.process_results != nullptr) return config.process_results(document, responses);
  ScoredDocument scored;
  scored.responses = responses;
  scored.multiple_target = task.multiple_target();
  if (config.output_type == OutputType::multiple_choice) {
    ANEMONE_TRY(scored.choices, task.choices(config.doc_to_choice, document));
    ANEMONE_TRY(scored.gold, gold_choices(task, document, scored.choices));
  } else if (config.output_type == OutputType::generate_until) {
    ANEMONE_TRY(scored.references, references(task, document));
  } else if (config.output_type == OutputType::loglikelihood_rolling) {
    ANEMONE_TRY(const Value text, task.target(config.doc_to_target, document));
    scored.text = python::to_str(text);
  }
  return score_document(scored, config);
}

/// Values of one metric over all documents.
struct Column {
  std::string metric;
  std::vector<Value> items;
};

class TaskScorer {
 public:
  TaskScorer(const Task& task, int64_t bootstrap_iterations)
      : task_(task), bootstrap_iterations_(bootstrap_iterations) {
    // A metric is in the results even when no document has a value for it.
    if (task.config().process_results == nullptr)
      for (const Metric* metric : metrics_of(task.config()))
        columns_.push_back({std::string(metric->name), {}});
  }

  void add(const DocumentRequests& requests, const std::vector<Response>& responses) {
    const Value& document = task_.documents()[static_cast<size_t>(requests.doc_id)];
    const auto target = task_.target(task_.config().doc_to_target, document);
    const auto scores = scores_or_error(requests, document, target, responses);
    std::string failure;
    if (scores.ok()) {
      ++outcome_.effective;
      // What process_results gives beside the task's metrics stays in the samples file.
      for (const auto& [metric, value] : scores->items())
        if (configured(metric) != nullptr) column(metric).items.push_back(value);
    } else {
      failure = scores.error().to_string();
      outcome_.failed.push_back({requests.doc_id, failure});
    }
    add_sample(document, target.ok() ? *target : Value(""), requests, responses,
               scores.ok() ? *scores : Value::object(), failure);
  }

  TaskOutcome finish() {
    const TaskConfig& config = task_.config();
    outcome_.name = config.task;
    outcome_.original = static_cast<int64_t>(task_.documents().size());
    outcome_.hash = sha256(hashes_);
    outcome_.metrics = Value::object();
    for (const MetricConfig& metric : config.metrics) column(metric.name);
    for (const Column& column : columns_) {
      const Aggregation& aggregation = configured(column.metric)->aggregation;
      const auto value = aggregation.apply(column.items);
      const auto error = standard_error(aggregation, column.items, bootstrap_iterations_);
      const bool valued = value && std::isfinite(*value);
      outcome_.metrics[column.metric + "," + kFilter] = valued ? Value(*value) : Value(nullptr);
      outcome_.metrics[column.metric + "_stderr," + kFilter] =
          valued && error ? Value(*error) : Value("N/A");
    }
    return std::move(outcome_);
  }

 private:
  Result<Value> scores_or_error(const DocumentRequests& requests, const Value& document,
                                const Result<Value>& target,
                                const std::vector<Response>& responses) const {
    if (requests.error) return *requests.error;
    for (const Response& response : responses)
      if (response.error) return *response.error;
    auto scores = target.ok() ? scores_of(task_, document, responses) : target.error();
    for (const MetricConfig& metric : task_.config().metrics)
      if (scores.ok() && scores->contains(metric.name) &&
          !takes(metric.aggregation, (*scores)[metric.name]))
        scores =
            fail(ErrorCode::mismatch, "the value of '{}' is {}, which {} does not take",
                 metric.name, python::to_repr((*scores)[metric.name]), metric.aggregation.name);
    return std::move(scores).in(task_.place_of(requests.doc_id));
  }

  Column& column(const std::string& metric) {
    for (Column& column : columns_)
      if (column.metric == metric) return column;
    columns_.push_back({metric, {}});
    return columns_.back();
  }

  const MetricConfig* configured(const std::string& metric) const {
    for (const MetricConfig& wanted : task_.config().metrics)
      if (wanted.name == metric) return &wanted;
    return nullptr;
  }

  void add_sample(const Value& document, const Value& target, const DocumentRequests& requests,
                  const std::vector<Response>& responses, const Value& scores,
                  const std::string& failure) {
    const OutputType type = task_.config().output_type;
    Value arguments = Value::object();
    Value given = Value::array();
    Value filtered = Value::array();
    for (size_t i = 0; i < requests.requests.size(); ++i) {
      arguments["gen_args_" + std::to_string(i)] = requests.requests[i].arguments(type);
      const Value answer = responses[i].error ? Value(nullptr) : shown(responses[i], type);
      Value repeated = Value::array();
      for (int64_t k = 0; k < task_.config().repeats; ++k) repeated.push_back(answer);
      given.push_back(std::move(repeated));
      filtered.push_back(answer);
    }
    const std::string target_text = python::to_str(target);
    const std::string document_hash = sha256(python::dumps(document, 2));
    const std::string prompt_hash =
        sha256(requests.requests.empty() ? std::string() : requests.requests[0].context);
    const std::string target_hash = sha256(target_text);
    hashes_ += document_hash + prompt_hash + target_hash;
    Value names = Value::array();
    for (const auto& [metric, value] : scores.items()) names.push_back(metric);
    Value line = {{"doc_id", requests.doc_id}, {"doc", document},
                  {"target", target_text},     {"arguments", std::move(arguments)},
                  {"resps", std::move(given)}, {"filtered_resps", std::move(filtered)},
                  {"filter", kFilter},         {"metrics", std::move(names)},
                  {"doc_hash", document_hash}, {"prompt_hash", prompt_hash},
                  {"target_hash", target_hash}};
    for (const auto& [metric, value] : scores.items()) line[metric] = value;
    if (!failure.empty()) line["error"] = failure;
    outcome_.samples.push_back(python::dumps(line));
  }

  const Task& task_;
  int64_t bootstrap_iterations_;
  std::vector<Column> columns_;
  std::string hashes_;
  TaskOutcome outcome_;
};

}  // namespace

TaskOutcome score_task(const Task& task, const Answers& answers, int64_t bootstrap_iterations) {
  TaskScorer scorer(task, bootstrap_iterations);
  for (size_t i = 0; i < answers.documents.size(); ++i)
    scorer.add(answers.documents[i], answers.responses[i]);
  return scorer.finish();
}

}  // namespace anemone::eval
