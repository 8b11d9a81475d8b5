#include "eval/report.h"

#include <utility>

#include "eval/file_name.h"
#include "eval/python_format.h"

namespace anemone::eval {

Report make_report(const RunRecord& run, std::span<TaskRecord> tasks) {
  const RunTotals totals{run.groups, run.options.log_samples, run.work, run.interrupted.empty()};
  Report report = make_report(build_results(run, tasks), tasks, totals, run.options.num_fewshot);
  report.interrupted = run.interrupted;
  report.not_run = run.not_run;
  report.shard = run.options.shard;
  return report;
}

Report make_report(const Value& results, std::span<TaskRecord> tasks, const RunTotals& totals,
                   std::optional<int64_t> num_fewshot) {
  Report report;
  report.model_name = file_name_of(results.at("model_name").get<std::string>());
  report.results = python::dumps(results, 2);
  report.table = format_report(results, num_fewshot);
  report.work = totals.work;
  for (TaskRecord& record : tasks) {
    TaskReport task;
    task.name = record.outcome.name;
    task.file = record.file;
    task.data = record.data;
    task.shots = record.shots;
    task.documents = record.outcome.original;
    task.evaluated = record.outcome.effective;
    task.scores = scores_of(record);
    for (FailedDocument& failed : record.outcome.failed)
      task.failed.push_back({failed.doc_id, std::move(failed.message)});
    task.work = record.work;
    if (totals.samples) task.samples = std::move(record.outcome.samples);
    report.tasks.push_back(std::move(task));
  }
  return report;
}

}  // namespace anemone::eval
