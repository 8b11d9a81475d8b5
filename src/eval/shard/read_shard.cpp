#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "eval/functions.h"
#include "eval/json_text.h"
#include "eval/shard/shard_file.h"

namespace anemone::eval {
namespace {

Error broken(std::string what) { return Error{ErrorCode::corrupt, std::move(what), {}, {}}; }

/// Reads members of an object that may be anything; the first fault is kept.
class Members {
 public:
  explicit Members(const Value& value) : value_(value) {
    if (!value.is_object()) fault_ = "no object where one belongs";
  }

  const Value& get(const char* key) {
    static const Value nothing;
    const auto found = fault_.empty() ? value_.find(key) : value_.end();
    if (found != value_.end()) return *found;
    if (fault_.empty()) fault_ = fmt::format("key '{}' is missing", key);
    return nothing;
  }
  std::string text(const char* key) {
    const Value& value = get(key);
    expect(value.is_string(), key, "text");
    return value.is_string() ? value.get<std::string>() : "";
  }
  bool truth(const char* key) {
    const Value& value = get(key);
    expect(value.is_boolean(), key, "true or false");
    return value.is_boolean() && value.get<bool>();
  }
  /// From 0 to 2^53.
  int64_t count(const char* key) {
    const Value& value = get(key);
    const bool fits = value.is_number_integer() && value >= 0 && value <= int64_t{1} << 53;
    expect(fits, key, "a count");
    return fits ? value.get<int64_t>() : 0;
  }
  std::vector<std::string> texts(const char* key) {
    const Value& list = get(key);
    bool fits = list.is_array();
    std::vector<std::string> out;
    for (const Value& item : fits ? list : Value::array()) {
      fits = fits && item.is_string();
      if (fits) out.push_back(item.get<std::string>());
    }
    expect(fits, key, "a list of texts");
    return out;
  }
  const Value& list(const char* key) {
    static const Value none = Value::array();
    const Value& value = get(key);
    expect(value.is_array(), key, "a list");
    return value.is_array() ? value : none;
  }

  Status status() const {
    if (fault_.empty()) return {};
    return broken(fault_);
  }

 private:
  void expect(bool fits, const char* key, const char* what) {
    if (!fits && fault_.empty()) fault_ = fmt::format("key '{}' is not {}", key, what);
  }

  const Value& value_;
  std::string fault_;
};

Result<TaskFacts::Metric> read_metric(const Value& value) {
  Members members(value);
  TaskFacts::Metric metric;
  metric.name = members.text("name");
  metric.higher_is_better = members.truth("higher_is_better");
  const std::string name = members.text("aggregation");
  ANEMONE_RETURN_IF_ERROR(members.status());
  if (const Aggregation* known = find_aggregation(name)) {
    metric.aggregation = *known;
  } else if (const Function* function = find_function(name);
             function != nullptr && function->aggregate != nullptr) {
    metric.aggregation = {function->name, function->aggregate, ErrorEstimate::none,
                          function->items};
  } else {
    return fail(ErrorCode::unsupported, "aggregation '{}'", name);
  }
  return metric;
}

Result<ShardTask> read_task(const Value& value) {
  Members members(value);
  ShardTask task;
  task.facts.name = members.text("name");
  task.facts.alias = members.text("alias");
  task.facts.original = members.count("original");
  task.facts.filters = members.texts("filters");
  task.facts.standing = members.texts("standing");
  task.selected.count = members.count("selected");
  task.selected.sha256 = members.text("sha256");
  for (const Value& item : members.list("metrics")) {
    ANEMONE_TRY(auto metric, read_metric(item));
    task.facts.metrics.push_back(std::move(metric));
  }
  ANEMONE_RETURN_IF_ERROR(members.status());
  for (const std::string& metric : task.facts.standing)
    if (task.facts.find(metric) == nullptr) return broken("a metric that the task does not have");
  return task;
}

Result<TaskGroup> read_group(const Value& value) {
  Members members(value);
  TaskGroup group;
  group.name = members.text("name");
  group.alias = members.text("alias");
  group.version = members.text("version");
  group.children = members.texts("children");
  group.tasks = members.texts("tasks");
  group.subgroups = members.texts("subgroups");
  for (const Value& item : members.list("metrics")) {
    Members fields(item);
    GroupMetric metric;
    metric.metric = fields.text("metric");
    metric.weight_by_size = fields.truth("weight_by_size");
    if (!fields.get("filters").is_null()) metric.filters = fields.texts("filters");
    ANEMONE_RETURN_IF_ERROR(fields.status());
    group.metrics.push_back(std::move(metric));
  }
  ANEMONE_RETURN_IF_ERROR(members.status());
  return group;
}

Result<ShardFile> read_head(const Value& head) {
  Members members(head);
  const int64_t layout = members.count("anemone_shard");
  ANEMONE_RETURN_IF_ERROR(members.status());
  if (layout != 1)
    return fail(ErrorCode::unsupported, "layout {} of shards, this program knows 1", layout);
  ShardFile file;
  file.shard = {members.count("index"), members.count("count")};
  file.results = members.get("results");
  if (!members.get("num_fewshot").is_null()) file.num_fewshot = members.count("num_fewshot");
  for (const Value& item : members.list("groups")) {
    ANEMONE_TRY(auto group, read_group(item));
    file.groups.push_back(std::move(group));
  }
  for (const Value& item : members.list("tasks")) {
    ANEMONE_TRY(auto task, read_task(item));
    file.tasks.push_back(std::move(task));
  }
  ANEMONE_RETURN_IF_ERROR(members.status());
  ANEMONE_RETURN_IF_ERROR(check_shard(file.shard));
  return file;
}

Result<FilteredDocument> read_filtered(const Value& value, const TaskFacts& task) {
  Members members(value);
  FilteredDocument filtered;
  filtered.scores = members.get("scores");
  filtered.sample = members.text("sample");
  ANEMONE_RETURN_IF_ERROR(members.status());
  if (!filtered.scores.is_object()) return broken("key 'scores' is not an object");
  for (const auto& [name, score] : filtered.scores.items()) {
    const TaskFacts::Metric* metric = task.find(name);
    if (metric == nullptr || !takes(metric->aggregation, score))
      return broken(fmt::format("a score of '{}' that the task does not have", name));
  }
  return filtered;
}

Status read_document(const Value& line, ShardFile& file) {
  Members members(line);
  const auto index = static_cast<size_t>(members.count("task"));
  DocumentOutcome document;
  document.doc_id = members.count("doc_id");
  document.failure = members.text("failure");
  document.hashes = members.text("hashes");
  const Value& filters = members.list("filters");
  ANEMONE_RETURN_IF_ERROR(members.status());
  if (index >= file.tasks.size()) return broken("a document of no task");
  ShardTask& task = file.tasks[index];
  const bool in_order = task.documents.empty() || task.documents.back().doc_id < document.doc_id;
  if (!in_order || document.doc_id >= task.facts.original ||
      !belongs_to(file.shard, task.facts.name, document.doc_id))
    return broken(
        fmt::format("document {} of {} has no place here", document.doc_id, task.facts.name));
  if (filters.size() != task.facts.filters.size())
    return broken(fmt::format("document {} of {} has {} filters, the task {}", document.doc_id,
                              task.facts.name, filters.size(), task.facts.filters.size()));
  for (const Value& filter : filters) {
    ANEMONE_TRY(auto filtered, read_filtered(filter, task.facts));
    document.filters.push_back(std::move(filtered));
  }
  task.documents.push_back(std::move(document));
  return {};
}

}  // namespace

Result<ShardFile> parse_shard(std::string_view content) {
  // The last line first: it says that the others are as they were written.
  const size_t last =
      content.size() < 2 ? std::string_view::npos : content.rfind('\n', content.size() - 2);
  if (last == std::string_view::npos || content.back() != '\n')
    return broken("the file is cut off");
  ANEMONE_TRY(const Value end, parse_json_text(content.substr(last + 1)));
  std::string_view rest = content.substr(0, last + 1);
  if (!end.is_object() || end.value("sha256", Value()) != sha256(rest))
    return broken("the file is cut off or changed: its SHA-256 is another");
  std::optional<ShardFile> file;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t length = rest.find('\n');
    const auto place = fmt::format("line {}", number);
    auto line = parse_json_text(rest.substr(0, length));
    if (!line.ok()) return std::move(line).in(place).error();
    rest.remove_prefix(length + 1);
    if (!file) {
      auto head = read_head(*line);
      if (!head.ok()) return std::move(head).in(place).error();
      file = std::move(head).value();
      continue;
    }
    auto status = read_document(*line, *file);
    if (!status.ok()) return std::move(status).in(place).error();
  }
  return *std::move(file);
}

}  // namespace anemone::eval
