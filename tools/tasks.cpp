#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "anemone/evaluate.h"
#include "command.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  std::string data;
  std::vector<std::string> include_paths;
};

std::string to_json(const std::vector<eval::TaskInfo>& tasks) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const eval::TaskInfo& task : tasks)
    list.push_back({{"name", task.name},
                    {"kind", task.kind},
                    {"file", task.file},
                    {"tags", task.tags},
                    {"dataset", task.dataset},
                    {"data", task.data_origin.empty() ? Json() : Json(task.data_origin)},
                    {"unsupported", task.unsupported.empty() ? Json() : Json(task.unsupported)}});
  const Json document = {{"version", 1}, {"tasks", std::move(list)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const std::vector<eval::TaskInfo>& tasks) {
  size_t name_width = 4;
  size_t kind_width = 4;
  for (const eval::TaskInfo& task : tasks) {
    name_width = std::max(name_width, task.name.size());
    kind_width = std::max(kind_width, task.kind.size());
  }
  std::string text;
  for (const eval::TaskInfo& task : tasks) {
    const std::string state = !task.unsupported.empty()  ? "not supported: " + task.unsupported
                              : task.data_origin.empty() ? "no data: " + task.dataset
                                                         : task.data_origin;
    text +=
        fmt::format("{:<{}}  {:<{}}  {}\n", task.name, name_width, task.kind, kind_width, state);
  }
  return text;
}

}  // namespace

Action add_tasks(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Tasks that eval knows, and where their data are");
  app.add_option("--data", flags->data, "Folder with data sets, before the Hugging Face caches");
  app.add_option("--include-path", flags->include_paths,
                 "Folder with task files, before the built-in ones")
      ->allow_extra_args(false);
  app.footer("Example: anemone tasks --data benchmarks/");
  return [flags, &common]() -> Status {
    eval::TaskPlaces places;
    places.data = flags->data;
    places.include_paths.assign(flags->include_paths.begin(), flags->include_paths.end());
    ANEMONE_TRY(const auto tasks, eval::list_tasks(places, log_sink(common)));
    return write_stdout(common.json ? to_json(tasks) : to_text(tasks));
  };
}

}  // namespace anemone::tools
