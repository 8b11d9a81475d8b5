#include <algorithm>
#include <span>

#include "anemone/evaluate.h"
#include "base/error.h"
#include "eval/catalogue.h"
#include "eval/dataset.h"
#include "eval/groups.h"
#include "eval/python_format.h"
#include "eval/run_plan.h"

namespace anemone::eval {
namespace {

std::string dataset_name(const TaskConfig& task) {
  return task.dataset_name.empty() ? task.dataset_path
                                   : fmt::format("{} ({})", task.dataset_path, task.dataset_name);
}

/// A group has data when all its tasks have. `tasks` are those of the catalogue.
void describe_group(const Catalogue& catalogue, const CatalogueEntry& entry,
                    std::span<const TaskInfo> tasks, TaskInfo& info) {
  const auto members = expand_groups(catalogue, std::span(&entry, 1));
  if (!members.ok()) {
    info.unsupported = members.error().message;
    return;
  }
  const size_t count = members->tasks.size();
  size_t missing = 0;
  for (const CatalogueEntry& member : members->tasks) {
    const auto found = std::find_if(tasks.begin(), tasks.end(),
                                    [&](const TaskInfo& task) { return task.name == member.name; });
    if (found == tasks.end() || found->data_origin.empty()) ++missing;
  }
  info.dataset =
      missing == 0 ? fmt::format("{} tasks", count) : fmt::format("{} of {} tasks", missing, count);
  if (missing == 0) info.data_origin = info.dataset;
}

}  // namespace

Result<std::vector<TaskInfo>> list_tasks(const TaskPlaces& places, const LogSink& log) {
  ANEMONE_RETURN_IF_ERROR(check_data_folder(places));
  ANEMONE_TRY(const Catalogue catalogue, Catalogue::build(places.include_paths, log));
  std::vector<TaskInfo> tasks;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    TaskInfo info;
    info.name = entry.name;
    info.file = entry.source;
    info.tags = entry.tags;
    if (const Status single = check_single(entry); !single.ok()) {
      info.kind = entry.kind == EntryKind::group ? "group" : "task";
      info.unsupported = single.error().message;
    } else if (entry.kind == EntryKind::task) {
      const auto parsed = parse_task(entry.config, {});
      if (parsed.ok()) {
        info.kind = to_string(parsed->config.output_type);
        info.dataset = dataset_name(parsed->config);
        const auto data = Dataset::open(parsed->config, entry, data_places(places.data));
        if (data.ok()) info.data_origin = data->origin(parsed->config.documents_split());
      } else {
        info.kind = python::to_str(entry.config.value("output_type", Value("generate_until")));
        info.unsupported = parsed.error().message;
      }
    } else {
      info.kind = entry.kind == EntryKind::group ? "group" : "python";
      if (entry.kind == EntryKind::python) info.unsupported = "a Python class";
    }
    tasks.push_back(std::move(info));
  }
  for (size_t i = 0; i < tasks.size(); ++i)
    if (catalogue.entries()[i].kind == EntryKind::group)
      describe_group(catalogue, catalogue.entries()[i], tasks, tasks[i]);
  return tasks;
}

}  // namespace anemone::eval
