#include "eval/outcome.h"

#include <algorithm>
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

/// The answers behind one pipeline, and their scores.
struct Scored {
  std::vector<Value> shown;
  Value scores = Value::object();
};

class DocumentScorer {
 public:
  explicit DocumentScorer(const Task& task) : task_(task) {}

  /// A document that one pipeline cannot score is in no score at all.
  DocumentOutcome score(const DocumentRequests& requests,
                        const std::vector<Response>& responses) const {
    const TaskConfig& config = task_.config();
    const Value& document = task_.documents()[static_cast<size_t>(requests.doc_id)];
    const auto target = task_.target(config.doc_to_target, document);
    auto scored = score(requests, document, target, responses);
    DocumentOutcome outcome;
    outcome.doc_id = requests.doc_id;
    if (!scored.ok()) {
      outcome.failure = scored.error().to_string();
      scored = unscored(responses);
    }
    const Value line = common_line(requests, document, target.ok() ? *target : Value(""), responses,
                                   outcome.hashes);
    for (size_t i = 0; i < config.filters.size(); ++i) {
      Scored& filtered = (*scored)[i];
      FilteredDocument& out = outcome.filters.emplace_back();
      out.sample = sample(line, config.filters[i].name, filtered, outcome.failure);
      // What process_results gives beside the task's metrics stays in the samples file.
      for (auto& [metric, value] : filtered.scores.items())
        if (configured(metric) != nullptr) out.scores[metric] = std::move(value);
    }
    return outcome;
  }

 private:
  Result<Scored> score_filtered(const FilterPipeline& pipeline, const Value& document,
                                const std::vector<Response>& responses) const {
    ANEMONE_TRY(Filtered answers, filtered(pipeline, task_, document, responses));
    ANEMONE_TRY(Value scores, scores_of(task_, document, answers.responses));
    for (const MetricConfig& metric : task_.config().metrics)
      if (scores.contains(metric.name) && !takes(metric.aggregation, scores[metric.name]))
        return fail(ErrorCode::mismatch, "the value of '{}' is {}, which {} does not take",
                    metric.name, python::to_repr(scores[metric.name]), metric.aggregation.name);
    return Scored{std::move(answers.shown), std::move(scores)};
  }

  Result<std::vector<Scored>> score(const DocumentRequests& requests, const Value& document,
                                    const Result<Value>& target,
                                    const std::vector<Response>& responses) const {
    if (requests.error) return *requests.error;
    for (const Response& response : responses)
      if (response.error) return *response.error;
    std::vector<Scored> all;
    for (const FilterPipeline& pipeline : task_.config().filters) {
      auto scored = target.ok() ? score_filtered(pipeline, document, responses) : target.error();
      if (!scored.ok()) return std::move(scored).in(task_.place_of(requests.doc_id)).error();
      all.push_back(*std::move(scored));
    }
    return all;
  }

  /// The answers as the model gave them, and no scores.
  std::vector<Scored> unscored(const std::vector<Response>& responses) const {
    Scored plain;
    for (const Response& response : responses)
      plain.shown.push_back(unfiltered(response, task_.config().output_type));
    return std::vector<Scored>(task_.config().filters.size(), plain);
  }

  /// What the lines of all pipelines have, with the places of what differs.
  Value common_line(const DocumentRequests& requests, const Value& document, const Value& target,
                    const std::vector<Response>& responses, std::string& hashes) const {
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
    hashes = document_hash + prompt_hash + target_hash;
    return {{"doc_id", requests.doc_id}, {"doc", document},
            {"target", target_text},     {"arguments", std::move(arguments)},
            {"resps", std::move(given)}, {"filtered_resps", nullptr},
            {"filter", nullptr},         {"metrics", nullptr},
            {"doc_hash", document_hash}, {"prompt_hash", prompt_hash},
            {"target_hash", target_hash}};
  }

  std::string sample(Value line, const std::string& filter, const Scored& scored,
                     const std::string& failure) const {
    Value names = Value::array();
    for (const auto& [metric, value] : scored.scores.items()) names.push_back(metric);
    line["filtered_resps"] = scored.shown;
    line["filter"] = filter;
    line["metrics"] = std::move(names);
    for (const auto& [metric, value] : scored.scores.items()) {
      const MetricConfig* wanted = configured(metric);
      line[metric] = wanted == nullptr ? value : shown_item(wanted->aggregation, value);
    }
    if (!failure.empty()) line["error"] = failure;
    return python::dumps(line);
  }

  const MetricConfig* configured(const std::string& metric) const {
    for (const MetricConfig& wanted : task_.config().metrics)
      if (wanted.name == metric) return &wanted;
    return nullptr;
  }

  const Task& task_;
};

}  // namespace

std::vector<DocumentOutcome> score_documents(const Task& task, const Answers& answers) {
  const DocumentScorer scorer(task);
  std::vector<DocumentOutcome> documents;
  documents.reserve(answers.documents.size());
  for (size_t i = 0; i < answers.documents.size(); ++i)
    documents.push_back(scorer.score(answers.documents[i], answers.responses[i]));
  return documents;
}

TaskOutcome score_task(const Task& task, const Answers& answers, int64_t bootstrap_iterations) {
  return summarize(facts_of(task), score_documents(task, answers), bootstrap_iterations);
}

}  // namespace anemone::eval
