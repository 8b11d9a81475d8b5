#pragma once

#include <cstdint>
#include <vector>

#include "eval/requests.h"
#include "eval/response.h"
#include "eval/task.h"
#include "eval/task_scores.h"

namespace anemone::eval {

/// Documents, their requests and what the model answered: in step with each other.
struct Answers {
  std::vector<DocumentRequests> documents;
  std::vector<std::vector<Response>> responses;
};

/// Filters and scores the answers of a task. A document that could not be asked, whose request
/// failed, or that cannot be scored (a label that is no choice) has a failure and no scores.
std::vector<DocumentOutcome> score_documents(const Task& task, const Answers& answers);

/// The same, made into the scores of the task.
TaskOutcome score_task(const Task& task, const Answers& answers, int64_t bootstrap_iterations);

}  // namespace anemone::eval
