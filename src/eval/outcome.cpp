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

Result<std::vector<int64_t>> gold_choices(const Task& task, const Value& document,
                                          const std::vector<std::string>& choices) {
  const TaskConfig& config = task.config();
  ANEMONE_TRY(const Value target, task.multiple_input()
                                      ? task.text(config.doc_to_text, document)
                                      : task.target(config.doc_to_target, document));
  const auto count = static_cast<int64_t>(choices.size());
  const auto existing = [&](int64_t index) { return index < count ? index : kNoChoice; };
  std::vector<int64_t> gold;
  for (const Value& item : target.is_array() ? target : Value::array({target})) {
    if (item.is_number_integer()) {
      gold.push_back(existing(item.get<int64_t>()));
    } else if (item.is_boolean()) {
      gold.push_back(existing(item.get<bool>() ? 1 : 0));
    } else if (item.is_string() && !target.is_array()) {
      const auto found = std::find(choices.begin(), choices.end(), item.get<std::string>());
      gold.push_back(found == choices.end() ? kNoChoice : found - choices.begin());
    } else {
      return fail(ErrorCode::mismatch, "the right choice is {}, expected a number or a choice",
                  python::to_repr(item));
    }
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

  Status add(const DocumentRequests& requests, const std::vector<Response>& responses) {
    const Value& document = task_.documents()[static_cast<size_t>(requests.doc_id)];
    ANEMONE_TRY(const Value target, task_.target(task_.config().doc_to_target, document));
    const auto failed =
        std::find_if(responses.begin(), responses.end(),
                     [](const Response& response) { return response.error.has_value(); });
    Value scores = Value::object();
    std::string failure;
    if (requests.error || failed != responses.end()) {
      failure = (requests.error ? *requests.error : *failed->error).to_string();
      outcome_.failed.push_back({requests.doc_id, failure});
    } else {
      ANEMONE_TRY(scores, scores_of(task_, document, responses));
      ++outcome_.effective;
    }
    for (const auto& [metric, value] : scores.items()) column(metric).items.push_back(value);
    add_sample(document, target, requests, responses, scores, failure);
    return {};
  }

  TaskOutcome finish() {
    const TaskConfig& config = task_.config();
    outcome_.name = config.task;
    outcome_.original = static_cast<int64_t>(task_.documents().size());
    outcome_.hash = sha256(hashes_);
    outcome_.metrics = Value::object();
    for (const MetricConfig& metric : config.metrics) column(metric.name);
    for (const Column& column : columns_) {
      const Aggregation aggregation = aggregation_of(column.metric);
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
  Column& column(const std::string& metric) {
    for (Column& column : columns_)
      if (column.metric == metric) return column;
    columns_.push_back({metric, {}});
    return columns_.back();
  }

  Aggregation aggregation_of(const std::string& metric) const {
    for (const MetricConfig& wanted : task_.config().metrics)
      if (wanted.name == metric) return wanted.aggregation;
    return *find_aggregation("mean");
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

Result<TaskOutcome> score_task(const Task& task, const Answers& answers,
                               int64_t bootstrap_iterations) {
  TaskScorer scorer(task, bootstrap_iterations);
  for (size_t i = 0; i < answers.documents.size(); ++i) {
    auto added = scorer.add(answers.documents[i], answers.responses[i]);
    if (!added.ok())
      return std::move(added).in(fmt::format("document {}", answers.documents[i].doc_id)).error();
  }
  return scorer.finish();
}

}  // namespace anemone::eval
