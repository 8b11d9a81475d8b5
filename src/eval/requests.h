#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/prompt.h"
#include "eval/task.h"

namespace anemone::eval {

/// What the model is asked, as text.
struct Request {
  std::string context;       ///< rolling: the whole text.
  std::string continuation;  ///< of log-likelihoods.
  Value generation;          ///< generation_kwargs of generate_until.

  /// The arguments as the samples file shows them: {"arg_0": …, "arg_1": …}.
  Value arguments(OutputType type) const;
};

/// One evaluated document and its requests.
struct DocumentRequests {
  int64_t doc_id = 0;  ///< index in the evaluated split.
  std::vector<Request> requests;
  std::optional<Error> error;  ///< why there is nothing to ask; the document has no score.
};

/// Which documents of a task are evaluated.
struct Selection {
  std::optional<double> limit;                  ///< a count, or below 1 a share.
  std::optional<std::vector<int64_t>> samples;  ///< indices; excludes `limit`.
};

/// Document ids in order. Errors: out_of_range (a sample that does not exist).
Result<std::vector<int64_t>> select_documents(const Selection& selection, size_t count);

/// Builds the requests of the given documents. One that cannot be asked (a field is missing, there
/// are no choices) has no requests and an error of its own. Errors: when none can be asked, that of
/// the first, with its number.
Result<std::vector<DocumentRequests>> build_requests(const Task& task,
                                                     const std::vector<int64_t>& documents,
                                                     FewshotSampler& sampler,
                                                     const PromptOptions& options);

}  // namespace anemone::eval
