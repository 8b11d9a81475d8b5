#include "eval/outcome.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "eval/metrics.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

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

/// The answers to a document's requests behind one pipeline, as values and as what is scored.
struct Filtered {
  std::vector<Value> shown;
  std::vector<Response> responses;
};

Value unfiltered(const Response& response, OutputType type) {
  return response.error ? Value(nullptr) : shown(response, type);
}

Result<Filtered> filtered(const FilterPipeline& pipeline, const Task& task, const Value& document,
                          const std::vector<Response>& responses) {
  const TaskConfig& config = task.config();
  Filtered out;
  for (const Response& response : responses) {
    if (response.error) return *response.error;
    out.responses.push_back(response);
    out.shown.push_back(shown(response, config.output_type));
    if (pipeline.identity) continue;
    const Value answers =
        Value::array_t(static_cast<size_t>(config.repeats), std::move(out.shown.back()));
    auto left = pipeline.apply(answers, document);
    if (!left.ok()) return std::move(left).in("filter '" + pipeline.name + "'").error();
    out.shown.back() = *std::move(left);
    if (config.metrics.empty()) continue;
    if (!out.shown.back().is_string())
      return fail(ErrorCode::mismatch, "filter '{}' left {}, expected text", pipeline.name,
                  python::to_repr(out.shown.back()));
    out.responses.back().text = out.shown.back().get<std::string>();
  }
  return out;
}

/// Values of one metric over all documents.
struct Column {
  std::string metric;
  std::vector<Value> items;
};

/// What one pipeline of filters makes of all documents.
class FilterScorer {
 public:
  FilterScorer(const Task& task, const FilterPipeline& pipeline)
      : task_(task), pipeline_(pipeline) {
    // A metric is in the results even when no document has a value for it.
    if (task.config().process_results == nullptr)
      for (const Metric* metric : metrics_of(task.config()))
        columns_.push_back({std::string(metric->name), {}});
  }

  /// The answers, and their scores.
  struct Scored {
    std::vector<Value> shown;
    Value scores;
  };

  Result<Scored> score(const Value& document, const std::vector<Response>& responses) const {
    ANEMONE_TRY(Filtered answers, filtered(pipeline_, task_, document, responses));
    ANEMONE_TRY(Value scores, scores_of(task_, document, answers.responses));
    for (const MetricConfig& metric : task_.config().metrics)
      if (scores.contains(metric.name) && !takes(metric.aggregation, scores[metric.name]))
        return fail(ErrorCode::mismatch, "the value of '{}' is {}, which {} does not take",
                    metric.name, python::to_repr(scores[metric.name]), metric.aggregation.name);
    return Scored{std::move(answers.shown), std::move(scores)};
  }

  /// Takes the scores of a document into account.
  void add(const Value& scores) {
    // What process_results gives beside the task's metrics stays in the samples file.
    for (const auto& [metric, value] : scores.items())
      if (configured(metric) != nullptr) column(metric).items.push_back(value);
  }

  void add_sample(const Value& document, const Value& target, const DocumentRequests& requests,
                  const std::vector<Response>& responses, const Scored& scored,
                  const std::string& failure) {
    const OutputType type = task_.config().output_type;
    Value arguments = Value::object();
    Value given = Value::array();
    for (size_t i = 0; i < requests.requests.size(); ++i) {
      arguments["gen_args_" + std::to_string(i)] = requests.requests[i].arguments(type);
      given.push_back(Value::array_t(static_cast<size_t>(task_.config().repeats),
                                     unfiltered(responses[i], type)));
    }
    const std::string target_text = python::to_str(target);
    const std::string document_hash = sha256(python::dumps(document, 2));
    const std::string prompt_hash =
        sha256(requests.requests.empty() ? std::string() : requests.requests[0].context);
    const std::string target_hash = sha256(target_text);
    hashes_ += document_hash + prompt_hash + target_hash;
    Value names = Value::array();
    for (const auto& [metric, value] : scored.scores.items()) names.push_back(metric);
    Value line = {{"doc_id", requests.doc_id}, {"doc", document},
                  {"target", target_text},     {"arguments", std::move(arguments)},
                  {"resps", std::move(given)}, {"filtered_resps", scored.shown},
                  {"filter", pipeline_.name},  {"metrics", std::move(names)},
                  {"doc_hash", document_hash}, {"prompt_hash", prompt_hash},
                  {"target_hash", target_hash}};
    for (const auto& [metric, value] : scored.scores.items()) {
      const MetricConfig* wanted = configured(metric);
      line[metric] = wanted == nullptr ? value : shown_item(wanted->aggregation, value);
    }
    if (!failure.empty()) line["error"] = failure;
    samples_.push_back(python::dumps(line));
  }

  void finish(int64_t bootstrap_iterations, TaskOutcome& outcome, std::string& hashes) {
    for (const MetricConfig& metric : task_.config().metrics) column(metric.name);
    for (const Column& column : columns_) {
      const Aggregation& aggregation = configured(column.metric)->aggregation;
      const auto value = aggregation.apply(column.items);
      const auto error = standard_error(aggregation, column.items, bootstrap_iterations);
      const bool valued = value && std::isfinite(*value);
      outcome.metrics[column.metric + "," + pipeline_.name] =
          valued ? Value(*value) : Value(nullptr);
      outcome.metrics[column.metric + "_stderr," + pipeline_.name] =
          valued && error && std::isfinite(*error) ? Value(*error) : Value("N/A");
    }
    std::move(samples_.begin(), samples_.end(), std::back_inserter(outcome.samples));
    hashes += hashes_;
  }

 private:
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

  const Task& task_;
  const FilterPipeline& pipeline_;
  std::vector<Column> columns_;
  std::vector<std::string> samples_;
  std::string hashes_;
};

class TaskScorer {
 public:
  explicit TaskScorer(const Task& task) : task_(task) {
    for (const FilterPipeline& pipeline : task.config().filters)
      filters_.emplace_back(task, pipeline);
  }

  /// A document that one pipeline cannot score is in no score at all.
  void add(const DocumentRequests& requests, const std::vector<Response>& responses) {
    const Value& document = task_.documents()[static_cast<size_t>(requests.doc_id)];
    const auto target = task_.target(task_.config().doc_to_target, document);
    auto scored = score(requests, document, target, responses);
    std::string failure;
    if (scored.ok()) {
      ++outcome_.effective;
      for (size_t i = 0; i < filters_.size(); ++i) filters_[i].add((*scored)[i].scores);
    } else {
      failure = scored.error().to_string();
      outcome_.failed.push_back({requests.doc_id, failure});
      scored = unscored(responses);
    }
    for (size_t i = 0; i < filters_.size(); ++i)
      filters_[i].add_sample(document, target.ok() ? *target : Value(""), requests, responses,
                             (*scored)[i], failure);
  }

  TaskOutcome finish(int64_t bootstrap_iterations) {
    outcome_.name = task_.config().task;
    outcome_.original = static_cast<int64_t>(task_.documents().size());
    outcome_.metrics = Value::object();
    std::string hashes;
    for (FilterScorer& filter : filters_) filter.finish(bootstrap_iterations, outcome_, hashes);
    outcome_.hash = sha256(hashes);
    return std::move(outcome_);
  }

 private:
  using Scores = std::vector<FilterScorer::Scored>;

  Result<Scores> score(const DocumentRequests& requests, const Value& document,
                       const Result<Value>& target, const std::vector<Response>& responses) const {
    if (requests.error) return *requests.error;
    for (const Response& response : responses)
      if (response.error) return *response.error;
    Scores all;
    for (const FilterScorer& filter : filters_) {
      auto scored = target.ok() ? filter.score(document, responses) : target.error();
      if (!scored.ok()) return std::move(scored).in(task_.place_of(requests.doc_id)).error();
      all.push_back(*std::move(scored));
    }
    return all;
  }

  /// The answers as the model gave them, and no scores.
  Scores unscored(const std::vector<Response>& responses) const {
    FilterScorer::Scored plain{{}, Value::object()};
    for (const Response& response : responses)
      plain.shown.push_back(unfiltered(response, task_.config().output_type));
    return Scores(filters_.size(), plain);
  }

  const Task& task_;
  std::vector<FilterScorer> filters_;
  TaskOutcome outcome_;
};

}  // namespace

TaskOutcome score_task(const Task& task, const Answers& answers, int64_t bootstrap_iterations) {
  TaskScorer scorer(task);
  for (size_t i = 0; i < answers.documents.size(); ++i)
    scorer.add(answers.documents[i], answers.responses[i]);
  return scorer.finish(bootstrap_iterations);
}

}  // namespace anemone::eval
