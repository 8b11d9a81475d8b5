#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/aggregation.h"
#include "eval/task.h"
#include "eval/value.h"

/// A task's scores, made of those of its documents.
namespace anemone::eval {

/// What the scores of a task need of it beside the scores of its documents.
struct TaskFacts {
  struct Metric {
    std::string name;
    Aggregation aggregation;
    bool higher_is_better = true;
  };
  std::string name;
  std::string alias;
  int64_t original = 0;              ///< documents of the evaluated split.
  std::vector<std::string> filters;  ///< names of the pipelines.
  std::vector<Metric> metrics;
  /// Metrics that come first, and are in the results even when no document has a value for them.
  std::vector<std::string> standing;

  const Metric* find(std::string_view metric) const;
};

TaskFacts facts_of(const Task& task);

/// What one pipeline of filters made of a document.
struct FilteredDocument {
  Value scores = Value::object();  ///< {"acc": 1.0, …}, of the task's metrics.
  std::string sample;              ///< its line of the samples file.
};

/// What came out of one document.
struct DocumentOutcome {
  int64_t doc_id = 0;
  std::string failure;  ///< why it is in no score; empty when it is.
  std::string hashes;   ///< the digests of document, prompt and target.
  std::vector<FilteredDocument> filters;
};

struct FailedDocument {
  int64_t doc_id = 0;
  std::string message;
};

/// What came out of one task.
struct TaskOutcome {
  std::string name;
  Value metrics;  ///< {"acc,none": 0.3 or null, "acc_stderr,none": 0.1 or "N/A", …}
  int64_t original = 0;
  int64_t effective = 0;  ///< documents with scores.
  std::vector<FailedDocument> failed;
  std::vector<std::string> samples;  ///< lines of the samples file, without the line ends.
  std::string hash;                  ///< task_hashes[task].
};

/// `documents` in ascending order, each with as many filters as the task.
TaskOutcome summarize(const TaskFacts& task, std::vector<DocumentOutcome> documents,
                      int64_t bootstrap_iterations);

}  // namespace anemone::eval
