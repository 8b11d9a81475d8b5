#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/requests.h"
#include "eval/response.h"
#include "eval/task.h"

namespace anemone::eval {

/// Documents, their requests and what the model answered: in step with each other.
struct Answers {
  std::vector<DocumentRequests> documents;
  std::vector<std::vector<Response>> responses;
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

/// Filters and scores the answers of a task. A document that could not be asked, whose request
/// failed, or that cannot be scored (a label that is no choice) is named in `failed`.
TaskOutcome score_task(const Task& task, const Answers& answers, int64_t bootstrap_iterations);

}  // namespace anemone::eval
