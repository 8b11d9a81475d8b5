#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/catalogue.h"
#include "eval/value.h"

/// Groups of tasks: which tasks they hold, and the scores of their tasks made into one.
namespace anemone::eval {

/// An entry of aggregate_metric_list; the mean is all there is.
struct GroupMetric {
  std::string metric;
  std::optional<std::vector<std::string>> filters;  ///< all that the tasks have, when not given.
  bool weight_by_size = true;                       ///< else each task counts alike.
};

struct TaskGroup {
  std::string name;
  std::string alias;
  std::string version;  ///< metadata.version as text, else "N/A".
  std::vector<GroupMetric> metrics;
  std::vector<std::string> children;   ///< tasks and groups directly below.
  std::vector<std::string> tasks;      ///< all tasks below, in the order in which they run.
  std::vector<std::string> subgroups;  ///< groups directly below.
};

struct SelectedTasks {
  std::vector<CatalogueEntry> tasks;
  std::vector<TaskGroup> groups;  ///< parents before their children.
};

/// Puts the tasks of groups in the place of the groups. Members are names of tasks, groups and
/// tags, and dicts with keys that take the place of the task's own. Errors: not_found (a member),
/// invalid_argument (a group that is malformed or holds itself; a task that is named twice with
/// different keys), unsupported (an aggregation other than the mean).
Result<SelectedTasks> expand_groups(const Catalogue& catalogue,
                                    std::span<const CatalogueEntry> entries);

/// The parts of a results file in which groups appear beside their tasks.
struct GroupedResults {
  Value results = Value::object();
  Value groups = Value::object();
  Value subtasks = Value::object();
  std::map<std::string, Value> versions;
  std::map<std::string, Value> shots;
  std::map<std::string, Value> higher_is_better;
};

/// Adds `groups` to parts that hold their tasks. A group of which a task is missing has no scores;
/// where the score of a task is null, that of the group is null.
void add_groups(std::span<const TaskGroup> groups, GroupedResults& parts);

}  // namespace anemone::eval
