#include "base/sha256.h"
#include "eval/functions.h"
#include "eval/python_format.h"
#include "eval/shard/shard_file.h"

namespace anemone::eval {
namespace {

Value to_value(const TaskGroup& group) {
  Value metrics = Value::array();
  for (const GroupMetric& metric : group.metrics)
    metrics.push_back({{"metric", metric.metric},
                       {"filters", metric.filters ? Value(*metric.filters) : Value()},
                       {"weight_by_size", metric.weight_by_size}});
  return {{"name", group.name},          {"alias", group.alias},
          {"version", group.version},    {"metrics", std::move(metrics)},
          {"children", group.children},  {"tasks", group.tasks},
          {"subgroups", group.subgroups}};
}

/// The name by which the merge finds an aggregation again.
std::string name_of(const Aggregation& aggregation) {
  const Aggregation* known = find_aggregation(aggregation.name);
  return known != nullptr && known->apply == aggregation.apply ? std::string(aggregation.name)
                                                               : qualified_name(aggregation.apply);
}

Value to_value(const ShardTask& task) {
  Value metrics = Value::array();
  for (const TaskFacts::Metric& metric : task.facts.metrics)
    metrics.push_back({{"name", metric.name},
                       {"aggregation", name_of(metric.aggregation)},
                       {"higher_is_better", metric.higher_is_better}});
  return {{"name", task.facts.name},         {"alias", task.facts.alias},
          {"original", task.facts.original}, {"selected", task.selected.count},
          {"sha256", task.selected.sha256},  {"filters", task.facts.filters},
          {"metrics", std::move(metrics)},   {"standing", task.facts.standing}};
}

Value to_value(size_t task, const DocumentOutcome& document) {
  Value filters = Value::array();
  for (const FilteredDocument& filtered : document.filters)
    filters.push_back({{"scores", filtered.scores}, {"sample", filtered.sample}});
  return {{"task", task},
          {"doc_id", document.doc_id},
          {"failure", document.failure},
          {"hashes", document.hashes},
          {"filters", std::move(filters)}};
}

}  // namespace

std::vector<std::string> shard_lines(const ShardFile& file) {
  Value groups = Value::array();
  for (const TaskGroup& group : file.groups) groups.push_back(to_value(group));
  Value tasks = Value::array();
  for (const ShardTask& task : file.tasks) tasks.push_back(to_value(task));
  const Value head = {
      {"anemone_shard", 1},
      {"index", file.shard.index},
      {"count", file.shard.count},
      {"num_fewshot", file.num_fewshot ? Value(*file.num_fewshot) : Value()},
      {"results", file.results},
      {"groups", std::move(groups)},
      {"tasks", std::move(tasks)},
  };
  std::vector<std::string> lines = {python::dumps(head)};
  for (size_t i = 0; i < file.tasks.size(); ++i)
    for (const DocumentOutcome& document : file.tasks[i].documents)
      lines.push_back(python::dumps(to_value(i, document)));
  Sha256 digest;
  for (const std::string& line : lines) {
    digest.update(line);
    digest.update("\n");
  }
  lines.push_back(python::dumps(Value{{"sha256", digest.finish()}}));
  return lines;
}

}  // namespace anemone::eval
