#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "base/sha256.h"
#include "eval/asked_task.h"
#include "eval/outcome.h"
#include "eval/python_format.h"
#include "eval/shard/shard.h"
#include "eval/templates.h"

namespace anemone::eval {
namespace {

/// Answers with which every sound document has a score, whatever its form.
std::vector<std::vector<Response>> any_answers(const std::vector<DocumentRequests>& documents) {
  std::vector<std::vector<Response>> answers;
  for (const DocumentRequests& document : documents) {
    std::vector<Response>& responses = answers.emplace_back(document.requests.size());
    for (size_t i = 0; i < responses.size(); ++i)
      responses[i].log_likelihood = -1.0 - static_cast<double>(i);
  }
  return answers;
}

struct Examples {
  size_t count = 0;
  std::set<std::string> documents;
};

/// The documents that examples are drawn from: each must have a question and an answer.
Result<Examples> check_examples(const Task& task) {
  ANEMONE_TRY(const auto pool, task.fewshot_pool());
  const FewshotConfig& fewshot = task.config().fewshot;
  Examples examples{pool.size(), {}};
  for (size_t i = 0; i < pool.size(); ++i) {
    auto text = task.text(fewshot.doc_to_text, pool[i]);
    auto target = task.target(fewshot.doc_to_target, pool[i]);
    for (auto* field : {&text, &target})
      if (!field->ok()) return std::move(*field).in(fmt::format("example {}", i)).error();
    examples.documents.insert(sha256(python::dumps(pool[i])));
  }
  return examples;
}

/// Examples that the run draws must be sound; others may be absent.
Result<std::string> say_examples(const Task& task, const std::vector<std::string>& evaluated) {
  const int64_t shots = task.config().num_fewshot.value_or(0);
  const auto examples = check_examples(task);
  if (!examples.ok() && shots == 0) return std::string("no examples");
  if (!examples.ok()) return examples.error();
  size_t shared = 0;
  for (const std::string& document : evaluated) shared += examples->documents.count(document);
  return fmt::format("{} to draw examples from, {} of them evaluated", examples->count, shared);
}

struct Checked {
  std::vector<std::string> faults;
  std::vector<std::string> gaps;
  std::string summary;
};

/// Columns that some of the rows have no value for: a template shows "None" there.
std::vector<std::string> gaps_in(const Task& task) {
  std::map<std::string, size_t> rows_without;
  for (const Value& row : task.documents())
    for (const auto& [column, value] : row.items())
      if (value.is_null()) ++rows_without[column];
  std::vector<std::string> gaps;
  const size_t rows = task.documents().size();
  for (const auto& [column, count] : rows_without)
    if (count < rows)
      gaps.push_back(fmt::format("{} of {} rows have no '{}'", count, rows, column));
  return gaps;
}

Checked check_task(AskedTask asked) {
  const Task& task = asked.task;
  std::vector<DocumentRequests>& documents = asked.answers.documents;
  Checked checked;
  checked.gaps = gaps_in(task);
  std::vector<std::string> evaluated;
  std::set<std::string> distinct;
  size_t requests = 0;
  for (const DocumentRequests& document : documents) {
    requests += document.requests.size();
    const Value& row = task.documents()[static_cast<size_t>(document.doc_id)];
    evaluated.push_back(sha256(python::dumps(row)));
    distinct.insert(evaluated.back());
  }
  const std::string digest = describe(task, documents).sha256;
  auto examples = say_examples(task, evaluated);
  if (!examples.ok()) checked.faults.push_back(examples.error().to_string());
  auto answers = any_answers(documents);
  for (const DocumentOutcome& document :
       score_documents(task, {std::move(documents), std::move(answers)}))
    if (!document.failure.empty())
      checked.faults.push_back(fmt::format("document {}: {}", document.doc_id, document.failure));
  checked.summary =
      fmt::format("{} documents, {} distinct, {} requests, {}, sha256 {}", evaluated.size(),
                  distinct.size(), requests, examples.ok() ? *examples : "", digest);
  return checked;
}

}  // namespace

Status check_integrity(const Options& options, const text::Tokenizer& tokenizer,
                       const LogSink& log) {
  constexpr size_t kMostNamed = 20;
  ANEMONE_TRY(const RunPlan plan, plan_run(options, tokenizer, nullptr, log));
  const RenderTemplate render = task_templates();
  const LogSink silent = [](LogLevel, std::string_view) {};
  std::vector<std::string> faults;
  for (const PlannedTask& planned : plan.tasks) {
    const std::string& name = planned.entry.name;
    auto opened = open_task(planned, plan, options, render, silent);
    if (!opened.ok()) {
      faults.push_back(opened.error().to_string());
      continue;
    }
    const Checked checked = check_task(std::move(opened).value());
    for (const std::string& fault : checked.faults) faults.push_back(name + ": " + fault);
    for (const std::string& gap : checked.gaps)
      log(LogLevel::warning, fmt::format("{}: {}", name, gap));
    if (checked.faults.empty())
      log(LogLevel::info, fmt::format("{}: sound: {}", name, checked.summary));
  }
  if (faults.empty()) return {};
  std::string named;
  for (size_t i = 0; i < std::min(faults.size(), kMostNamed); ++i) named += "\n  " + faults[i];
  if (faults.size() > kMostNamed)
    named += fmt::format("\n  and {} more", faults.size() - kMostNamed);
  return fail(ErrorCode::mismatch, "{} fault{} of tasks and data:{}", faults.size(),
              faults.size() == 1 ? "" : "s", named);
}

}  // namespace anemone::eval
