#include "eval/requests.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "eval/python_format.h"
#include "eval/python_text.h"

namespace anemone::eval {
namespace {

/// The delimiter between context and choice: none behind a chat template, whose answer starts with
/// the choice, unless the answer was started by a prefix that ends without a blank.
std::string choice_delimiter(const TaskConfig& config, const PromptOptions& options) {
  if (!options.chat) return config.target_delimiter;
  const Value& prefix = config.gen_prefix.spec;
  const bool open = prefix.is_string() && !prefix.get_ref<const std::string&>().empty() &&
                    !python::ends_with_space(prefix.get_ref<const std::string&>());
  return open ? config.target_delimiter : "";
}

bool wants(const TaskConfig& config, std::string_view metric) {
  return std::any_of(config.metrics.begin(), config.metrics.end(),
                     [&](const MetricConfig& wanted) { return wanted.name == metric; });
}

Result<std::vector<Request>> choice_requests(const Task& task, const Value& document,
                                             const std::vector<std::string>& contexts,
                                             const PromptOptions& options) {
  const TaskConfig& config = task.config();
  ANEMONE_TRY(const auto choices, task.choices(config.doc_to_choice, document));
  const std::string delimiter = choice_delimiter(config, options);
  std::vector<Request> requests;
  if (task.multiple_input()) {
    ANEMONE_TRY(const Value target, task.target(config.doc_to_target, document));
    for (const std::string& context : contexts)
      requests.push_back({context, delimiter + python::to_str(target), {}});
  } else {
    for (const std::string& choice : choices)
      requests.push_back({contexts[0], delimiter + choice, {}});
  }
  if (wants(config, "acc_mutual_info"))
    for (const std::string& choice : choices) requests.push_back({"", delimiter + choice, {}});
  return requests;
}

Result<std::vector<Request>> document_requests(const Task& task, const Value& document,
                                               FewshotSampler& sampler,
                                               const PromptOptions& options) {
  const TaskConfig& config = task.config();
  if (config.output_type == OutputType::loglikelihood_rolling) {
    ANEMONE_TRY(const Value target, task.target(config.doc_to_target, document));
    if (!target.is_string())
      return fail(ErrorCode::mismatch, "doc_to_target gave {}, expected text",
                  python::to_repr(target));
    return std::vector<Request>{{target.get<std::string>(), "", {}}};
  }
  ANEMONE_TRY(const auto contexts, build_contexts(task, document, sampler, options));
  switch (config.output_type) {
    case OutputType::multiple_choice:
      return choice_requests(task, document, contexts, options);
    case OutputType::loglikelihood: {
      ANEMONE_TRY(const Value target, task.target(config.doc_to_target, document));
      if (!target.is_string())
        return fail(ErrorCode::mismatch, "doc_to_target gave {}, expected text",
                    python::to_repr(target));
      return std::vector<Request>{{contexts[0], target.get<std::string>(), {}}};
    }
    default:
      return std::vector<Request>{{contexts[0], "", config.generation_kwargs}};
  }
}

}  // namespace

Value Request::arguments(OutputType type) const {
  switch (type) {
    case OutputType::loglikelihood_rolling:
      return Value{{"arg_0", context}};
    case OutputType::generate_until:
      return Value{{"arg_0", context}, {"arg_1", generation}};
    default:
      return Value{{"arg_0", context}, {"arg_1", continuation}};
  }
}

Result<std::vector<int64_t>> select_documents(const Selection& selection, size_t count) {
  std::vector<int64_t> documents;
  if (selection.samples) {
    documents = *selection.samples;
    std::sort(documents.begin(), documents.end());
    documents.erase(std::unique(documents.begin(), documents.end()), documents.end());
    for (const int64_t document : documents)
      if (document < 0 || static_cast<size_t>(document) >= count)
        return fail(ErrorCode::invalid_argument, "sample {} of {} documents, the first is 0",
                    document, count);
    return documents;
  }
  size_t most = count;
  if (selection.limit) {
    const double limit = *selection.limit < 1.0
                             ? std::ceil(static_cast<double>(count) * *selection.limit)
                             : *selection.limit;
    most = static_cast<size_t>(std::clamp(limit, 0.0, static_cast<double>(count)));
  }
  for (size_t i = 0; i < most; ++i) documents.push_back(static_cast<int64_t>(i));
  return documents;
}

Result<std::vector<DocumentRequests>> build_requests(const Task& task,
                                                     const std::vector<int64_t>& documents,
                                                     FewshotSampler& sampler,
                                                     const PromptOptions& options) {
  std::vector<DocumentRequests> all;
  all.reserve(documents.size());
  for (const int64_t id : documents) {
    auto requests =
        document_requests(task, task.documents()[static_cast<size_t>(id)], sampler, options);
    DocumentRequests built{id, {}, std::nullopt};
    if (requests.ok() && requests->empty())
      requests = fail(ErrorCode::mismatch, "the document has no choices");
    if (requests.ok())
      built.requests = std::move(requests).value();
    else
      built.error = std::move(requests).in(task.place_of(id)).error();
    all.push_back(std::move(built));
  }
  const auto sound = [](const DocumentRequests& document) { return !document.error; };
  if (!all.empty() && std::none_of(all.begin(), all.end(), sound)) {
    Error first = *std::move(all[0].error);
    first.context.push_back(fmt::format("document {}", all[0].doc_id));
    return first;
  }
  return all;
}

}  // namespace anemone::eval
