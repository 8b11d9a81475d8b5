#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "eval/groups.h"

namespace anemone::eval {
namespace {

/// The score of one metric and filter in each task that has it.
struct TaskScores {
  std::vector<double> values;
  std::vector<double> errors;
  std::vector<double> sizes;
  bool any = false;
  bool complete = true;  ///< no score is null.
  bool errors_complete = true;
};

TaskScores gather(const TaskGroup& group, const Value& results, const std::string& metric,
                  const std::string& filter) {
  TaskScores scores;
  for (const std::string& task : group.tasks) {
    const Value& entry = results[task];
    const auto value = entry.find(metric + "," + filter);
    if (value == entry.end()) continue;
    scores.any = true;
    if (!value->is_number()) {
      scores.complete = false;
      continue;
    }
    scores.values.push_back(value->get<double>());
    scores.sizes.push_back(entry["sample_len"].get<double>());
    const auto error = entry.find(metric + "_stderr," + filter);
    if (error != entry.end() && error->is_number())
      scores.errors.push_back(error->get<double>());
    else
      scores.errors_complete = false;
  }
  return scores;
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

double mean(const TaskScores& scores, bool weight_by_size) {
  double total = 0;
  for (size_t i = 0; i < scores.values.size(); ++i)
    total += scores.values[i] * (weight_by_size ? scores.sizes[i] : 1.0);
  return total / (weight_by_size ? sum(scores.sizes) : static_cast<double>(scores.values.size()));
}

/// Of a mean by size the error of the pooled variance, else that of a mean of independent means.
double standard_error(const TaskScores& scores, bool weight_by_size) {
  const auto count = static_cast<double>(scores.errors.size());
  double total = 0;
  for (size_t i = 0; i < scores.errors.size(); ++i) {
    const double square = std::pow(scores.errors[i], 2.0);
    total += weight_by_size ? (scores.sizes[i] - 1) * square * scores.sizes[i] : square;
  }
  if (!weight_by_size) return std::sqrt(total) / count;
  const double size = sum(scores.sizes);
  return std::sqrt(total / (size - count) / size);
}

std::set<std::string> filters_of(const TaskGroup& group, const Value& results,
                                 const GroupMetric& metric) {
  if (metric.filters) return {metric.filters->begin(), metric.filters->end()};
  std::set<std::string> filters;
  const std::string prefix = metric.metric + ",";
  for (const std::string& task : group.tasks)
    for (const auto& [key, value] : results[task].items())
      if (key.starts_with(prefix)) filters.insert(key.substr(prefix.size()));
  return filters;
}

Value group_scores(const TaskGroup& group, const Value& results) {
  Value out = {{"alias", group.alias}, {"name", group.name}};
  const bool whole = std::all_of(group.tasks.begin(), group.tasks.end(),
                                 [&](const std::string& task) { return results.contains(task); });
  if (group.metrics.empty() || !whole) return out;
  int64_t documents = 0;
  for (const std::string& task : group.tasks)
    documents += results[task]["sample_len"].get<int64_t>();
  out["sample_len"] = documents;
  Value counts = Value::object();
  for (const GroupMetric& metric : group.metrics) {
    for (const std::string& filter : filters_of(group, results, metric)) {
      const TaskScores scores = gather(group, results, metric.metric, filter);
      if (!scores.any) continue;
      const std::string key = metric.metric + "," + filter;
      const double value = mean(scores, metric.weight_by_size);
      const double error = standard_error(scores, metric.weight_by_size);
      const bool valued = scores.complete && std::isfinite(value);
      out[key] = valued ? Value(value) : Value(nullptr);
      out[metric.metric + "_stderr," + filter] =
          valued && scores.errors_complete && std::isfinite(error) ? Value(error) : Value("N/A");
      counts[key] = static_cast<int64_t>(sum(scores.sizes));
    }
  }
  if (!counts.empty()) out["sample_count"] = std::move(counts);
  return out;
}

/// What all children that have a value agree on. The harness goes over the groups once, parents
/// first, so that a group of groups has none.
void pass_up(const TaskGroup& group, GroupedResults& parts) {
  std::set<Value> shots;
  Value higher = Value::object();
  for (const std::string& child : group.children) {
    const auto count = parts.shots.find(child);
    if (count != parts.shots.end()) shots.insert(count->second);
    const auto directions = parts.higher_is_better.find(child);
    if (directions == parts.higher_is_better.end()) continue;
    for (const auto& [metric, better] : directions->second.items()) {
      if (!higher.contains(metric))
        higher[metric] = better;
      else if (higher[metric] != better)
        higher[metric] = nullptr;
    }
  }
  if (shots.size() == 1) parts.shots[group.name] = *shots.begin();
  if (!higher.empty()) parts.higher_is_better[group.name] = std::move(higher);
}

}  // namespace

void add_groups(std::span<const TaskGroup> groups, GroupedResults& parts) {
  std::set<std::string> inner;
  for (const TaskGroup& group : groups)
    inner.insert(group.subgroups.begin(), group.subgroups.end());
  std::set<std::string> visited;
  const std::function<void(const TaskGroup&)> visit = [&](const TaskGroup& group) {
    if (!visited.insert(group.name).second) return;
    for (const std::string& child : group.subgroups)
      for (const TaskGroup& other : groups)
        if (other.name == child) visit(other);
    Value scores = group_scores(group, parts.results);
    if (scores.contains("sample_len")) parts.groups[group.name] = scores;
    parts.results[group.name] = std::move(scores);
    parts.versions[group.name] = group.version;
  };
  for (const TaskGroup& group : groups)
    if (!inner.contains(group.name)) visit(group);
  for (const TaskGroup& group : groups) {
    parts.subtasks[group.name] = group.children;
    pass_up(group, parts);
  }
}

}  // namespace anemone::eval
