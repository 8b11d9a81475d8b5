#include "eval/report.h"

#include "eval/python_format.h"

namespace anemone::eval {

Report make_report(const RunRecord& run, std::span<TaskRecord> tasks) {
  Report report;
  const Value results = build_results(run, tasks);
  report.model_name = results["model_name_sanitized"].get<std::string>();
  report.results = python::dumps(results, 2);
  report.table = format_report(results, run.options.num_fewshot);
  report.work = run.work;
  report.interrupted = run.interrupted;
  report.not_run = run.not_run;
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
    if (run.options.log_samples) task.samples = std::move(record.outcome.samples);
    report.tasks.push_back(std::move(task));
  }
  return report;
}

}  // namespace anemone::eval
