#include "anemone/evaluate.h"
#include "base/error.h"
#include "eval/catalogue.h"
#include "eval/dataset.h"
#include "eval/python_format.h"
#include "eval/run_plan.h"

namespace anemone::eval {
namespace {

std::string dataset_name(const TaskConfig& task) {
  return task.dataset_name.empty() ? task.dataset_path
                                   : fmt::format("{} ({})", task.dataset_path, task.dataset_name);
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
    if (entry.kind == EntryKind::task) {
      const auto parsed = parse_task(entry.config, {});
      if (parsed.ok()) {
        info.kind = to_string(parsed->config.output_type);
        info.dataset = dataset_name(parsed->config);
        const auto data = Dataset::open(parsed->config, entry, data_places(places.data));
        if (data.ok()) info.data_origin = data->origin();
      } else {
        info.kind = python::to_str(entry.config.value("output_type", Value("generate_until")));
        info.unsupported = parsed.error().message;
      }
    } else {
      info.kind = entry.kind == EntryKind::group ? "group" : "python";
      info.unsupported = entry.kind == EntryKind::group ? "groups of tasks" : "a Python class";
    }
    tasks.push_back(std::move(info));
  }
  return tasks;
}

}  // namespace anemone::eval
