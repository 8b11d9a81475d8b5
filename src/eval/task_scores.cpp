#include "eval/task_scores.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/sha256.h"
#include "eval/metrics.h"

namespace anemone::eval {
namespace {

/// Values of one metric over all documents.
struct Column {
  std::string metric;
  std::vector<Value> items;
};

/// The values behind one pipeline, in the order in which metrics appear.
class Columns {
 public:
  Column& operator[](const std::string& metric) {
    const auto found = std::ranges::find(columns_, metric, &Column::metric);
    if (found != columns_.end()) return *found;
    return columns_.emplace_back(Column{metric, {}});
  }
  const std::vector<Column>& all() const { return columns_; }

 private:
  std::vector<Column> columns_;
};

void add_metrics(const TaskFacts& task, const std::string& filter, const Columns& columns,
                 int64_t bootstrap_iterations, Value& metrics) {
  for (const Column& column : columns.all()) {
    const Aggregation& aggregation = task.find(column.metric)->aggregation;
    const auto value = aggregation.apply(column.items);
    const auto error = standard_error(aggregation, column.items, bootstrap_iterations);
    const bool valued = value && std::isfinite(*value);
    metrics[column.metric + "," + filter] = valued ? Value(*value) : Value(nullptr);
    metrics[column.metric + "_stderr," + filter] =
        valued && error && std::isfinite(*error) ? Value(*error) : Value("N/A");
  }
}

}  // namespace

const TaskFacts::Metric* TaskFacts::find(std::string_view metric) const {
  const auto found = std::ranges::find(metrics, metric, &Metric::name);
  return found == metrics.end() ? nullptr : &*found;
}

TaskFacts facts_of(const Task& task) {
  const TaskConfig& config = task.config();
  TaskFacts facts;
  facts.name = config.task;
  facts.alias = config.alias;
  facts.original = static_cast<int64_t>(task.documents().size());
  for (const FilterPipeline& pipeline : config.filters) facts.filters.push_back(pipeline.name);
  for (const MetricConfig& metric : config.metrics)
    facts.metrics.push_back({metric.name, metric.aggregation, metric.higher_is_better});
  if (config.process_results == nullptr)
    for (const Metric* metric : metrics_of(config))
      facts.standing.push_back(std::string(metric->name));
  return facts;
}

TaskOutcome summarize(const TaskFacts& task, std::vector<DocumentOutcome> documents,
                      int64_t bootstrap_iterations) {
  TaskOutcome outcome;
  outcome.name = task.name;
  outcome.original = task.original;
  outcome.metrics = Value::object();
  for (DocumentOutcome& document : documents) {
    if (document.failure.empty())
      ++outcome.effective;
    else
      outcome.failed.push_back({document.doc_id, document.failure});
  }
  Sha256 hash;
  for (size_t i = 0; i < task.filters.size(); ++i) {
    Columns columns;
    for (const std::string& metric : task.standing) columns[metric];
    for (DocumentOutcome& document : documents) {
      hash.update(document.hashes);
      for (auto& [metric, value] : document.filters[i].scores.items())
        columns[metric].items.push_back(value);
      if (!document.filters[i].sample.empty())
        outcome.samples.push_back(std::move(document.filters[i].sample));
    }
    for (const TaskFacts::Metric& metric : task.metrics) columns[metric.name];
    add_metrics(task, task.filters[i], columns, bootstrap_iterations, outcome.metrics);
  }
  outcome.hash = hash.finish();
  return outcome;
}

}  // namespace anemone::eval
