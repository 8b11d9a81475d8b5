#include "eval/asked_task.h"

#include "base/error.h"
#include "eval/templates.h"

namespace anemone::eval {
namespace {

uint64_t magnitude(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  return value < 0 ? 0 - bits : bits;
}

Result<std::vector<int64_t>> chosen_documents(const Task& task, const RunPlan& plan,
                                              const Options& options) {
  Selection selection;
  selection.limit = options.limit;
  const auto chosen = plan.samples.find(task.config().task);
  if (chosen != plan.samples.end()) selection.samples = chosen->second;
  return select_documents(selection, task.documents().size());
}

Result<std::vector<DocumentRequests>> requests_of(const Task& task, const std::vector<int64_t>& ids,
                                                  const RunPlan& plan, const Options& options) {
  ANEMONE_TRY(auto sampler, FewshotSampler::create(task, task.config().num_fewshot.value_or(0),
                                                   magnitude(options.seeds[3])));
  return build_requests(task, ids, sampler, plan.prompt);
}

/// "60 of 324 documents", "324 documents".
std::string share_text(size_t chosen, size_t all) {
  return (chosen == all ? "" : fmt::format("{} of ", chosen)) + counted(all, "document");
}

}  // namespace

std::string counted(uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

Result<AskedTask> open_task(const PlannedTask& planned, const RunPlan& plan, const Options& options,
                            const RenderTemplate& render, const LogSink& log) {
  const CatalogueEntry& entry = planned.entry;
  auto task = Task::open(entry, planned.parsed, data_places(options.places.data), render);
  if (!task.ok())
    return std::move(task).in(fmt::format("{} ({})", entry.name, entry.source)).error();
  auto ids = chosen_documents(*task, plan, options);
  if (!ids.ok()) return std::move(ids).in(entry.name).error();
  log(LogLevel::info,
      fmt::format("{}: {} of {}, {}{}", entry.name,
                  share_text(ids->size(), task->documents().size()), task->data_origin(),
                  entry.builtin ? entry.source : "task file " + entry.source,
                  entry.replaces.empty() ? "" : ", in place of " + entry.replaces));
  auto documents = requests_of(*task, *ids, plan, options);
  if (!documents.ok()) return std::move(documents).in(entry.name).error();
  return AskedTask{
      std::move(task).value(), {std::move(documents).value(), {}}, 0, {}, std::nullopt};
}

Result<std::vector<AskedTask>> open_tasks(const RunPlan& plan, const Options& options,
                                          const LogSink& log) {
  std::vector<AskedTask> tasks;
  const RenderTemplate render = task_templates();
  for (const PlannedTask& planned : plan.tasks) {
    ANEMONE_TRY(AskedTask task, open_task(planned, plan, options, render, log));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Status put_questions(std::span<AskedTask> tasks, Questionnaire& questionnaire,
                     const ProgressSink& progress) {
  uint64_t total = 0;
  for (const AskedTask& asked : tasks) total += asked.answers.documents.size();
  uint64_t before = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskConfig& config = tasks[i].task.config();
    const auto told = [&](size_t done) {
      return !progress || progress({"tokenize", before + done, total, "documents", config.task});
    };
    ANEMONE_RETURN_IF_ERROR(
        questionnaire.add_task(config.output_type, tasks[i].answers.documents, told));
    before += tasks[i].answers.documents.size();
    tasks[i].open_questions = questionnaire.question_count(i);
    const TokenCounts& counts = questionnaire.counts(i);
    tasks[i].work.tokens_alone = counts.alone;
    tasks[i].work.tokens_logits_cache = counts.logits_cache;
    tasks[i].work.truncated_requests = counts.truncated;
  }
  return {};
}

}  // namespace anemone::eval
