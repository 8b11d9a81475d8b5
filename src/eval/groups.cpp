#include "eval/groups.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

constexpr std::array<std::string_view, 5> kGroupKeys = {"group", "group_alias", "task",
                                                        "aggregate_metric_list", "metadata"};
constexpr int kMostLevels = 32;
constexpr size_t kMostMembers = 100'000;

bool is_group_key(const std::string& key) {
  return std::find(kGroupKeys.begin(), kGroupKeys.end(), key) != kGroupKeys.end();
}

/// `over`'s keys in the place of those of `under`, which keeps its order.
Value merged(Value under, const Value& over) {
  for (const auto& [key, value] : over.items()) under[key] = value;
  return under;
}

Value without(Value value, const char* key) {
  value.erase(key);
  return value;
}

Result<GroupMetric> read_metric(const Value& entry) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument,
                "aggregate_metric_list: {}, expected a dict with the "
                "keys metric, aggregation, weight_by_size, filter_list",
                python::to_repr(entry));
  };
  if (!entry.is_object() || !entry.contains("metric")) return wrong();
  GroupMetric metric;
  for (const auto& [key, value] : entry.items()) {
    if (key == "metric" && value.is_string()) {
      metric.metric = value.get<std::string>();
    } else if (key == "aggregation") {
      if (value != "mean")
        return fail(ErrorCode::unsupported, "aggregate_metric_list: aggregation {}",
                    python::to_repr(value));
    } else if (key == "weight_by_size" && value.is_boolean()) {
      metric.weight_by_size = value.get<bool>();
    } else if (key == "filter_list" && value.is_string()) {
      metric.filters = {value.get<std::string>()};
    } else if (key == "filter_list" && value.is_array()) {
      metric.filters.emplace();
      for (const Value& filter : value) metric.filters->push_back(python::to_str(filter));
    } else if (key != "filter_list" || !value.is_null()) {
      return wrong();
    }
  }
  return metric;
}

class Expander {
 public:
  explicit Expander(const Catalogue& catalogue) : catalogue_(catalogue) {}

  Status add(const CatalogueEntry& entry) {
    if (entry.kind != EntryKind::group) return add_task(entry, Value::object(), nullptr);
    return add_group(entry.name, entry, entry.config, Value::object(), {});
  }

  SelectedTasks take() { return std::move(selected_); }

 private:
  /// A group that holds the one that is read.
  struct Place {
    std::optional<size_t> parent;  ///< in selected_.groups.
    int level = 0;
  };

  const CatalogueEntry* find(const std::string& name) const {
    for (const CatalogueEntry& entry : catalogue_.entries())
      if (entry.name == name) return &entry;
    return nullptr;
  }

  Status add_group(const std::string& name, const CatalogueEntry& file, const Value& config,
                   const Value& overrides, Place place) {
    ANEMONE_RETURN_IF_ERROR(check_single(file));
    if (place.level == kMostLevels)
      return fail(ErrorCode::invalid_argument, "group '{}': more than {} groups in each other",
                  name, kMostLevels);
    TaskGroup group;
    group.name = name;
    const Value alias = config.value("group_alias", Value());
    group.alias = alias.is_string() && alias != "" ? alias.get<std::string>() : name;
    const Value metadata = config.value("metadata", Value());
    const Value version = metadata.is_object() ? metadata.value("version", Value()) : Value();
    group.version = version.is_null() ? "N/A" : python::to_str(version);
    const Value metrics = config.value("aggregate_metric_list", Value());
    for (const Value& entry : metrics.is_object() ? Value::array({metrics}) : metrics) {
      auto metric = read_metric(entry);
      if (!metric.ok()) return std::move(metric).in("group '" + name + "'").error();
      group.metrics.push_back(*std::move(metric));
    }
    const size_t index = selected_.groups.size();
    selected_.groups.push_back(std::move(group));
    if (place.parent) {
      selected_.groups[*place.parent].children.push_back(name);
      selected_.groups[*place.parent].subgroups.push_back(name);
    }
    Value keys = Value::object();
    for (const auto& [key, value] : config.items())
      if (!is_group_key(key)) keys[key] = value;
    keys = merged(std::move(keys), overrides);
    const Value members = config.value("task", Value());
    for (const Value& member : members.is_string() ? Value::array({members}) : members) {
      if (++members_ > kMostMembers)
        return fail(ErrorCode::limit, "groups with more than {} members", kMostMembers);
      ANEMONE_RETURN_IF_ERROR(add_member(member, file, keys, {index, place.level + 1}));
    }
    return {};
  }

  Status add_member(const Value& member, const CatalogueEntry& file, const Value& overrides,
                    Place place) {
    const std::string group = selected_.groups[*place.parent].name;
    if (member.is_object() && member.contains("group") && member["group"].is_string()) {
      const std::string name = member["group"].get<std::string>();
      const CatalogueEntry* known = find(name);
      if (known != nullptr && known->kind == EntryKind::group)
        return add_group(name, *known, known->config, merged(overrides, without(member, "group")),
                         place);
      return add_group(group + "::" + name, file, member, overrides, place);
    }
    const Value name = member.is_object() ? member.value("task", Value()) : member;
    if (!name.is_string())
      return fail(ErrorCode::invalid_argument,
                  "group '{}': member {}, expected a name, or a dict with the key task or group",
                  group, python::to_repr(member));
    const Value keys = member.is_object() ? merged(overrides, without(member, "task")) : overrides;
    return add_named(name.get<std::string>(), member, file, keys, place);
  }

  /// The member is the task, the group or the tag of that name, or a task of its own.
  Status add_named(const std::string& name, const Value& member, const CatalogueEntry& file,
                   const Value& keys, Place place) {
    TaskGroup* const group = &selected_.groups[*place.parent];
    if (const CatalogueEntry* known = find(name)) {
      if (known->kind == EntryKind::group)
        return add_group(name, *known, known->config, keys, place);
      return add_task(*known, keys, group);
    }
    bool is_tag = false;
    for (const CatalogueEntry& entry : catalogue_.entries()) {
      if (std::find(entry.tags.begin(), entry.tags.end(), name) == entry.tags.end()) continue;
      is_tag = true;
      ANEMONE_RETURN_IF_ERROR(add_task(entry, keys, group));
    }
    if (is_tag) return {};
    if (!member.is_object())
      return fail(ErrorCode::not_found, "group '{}': there is no task '{}'", group->name, name);
    CatalogueEntry inline_task = file;
    inline_task.kind = EntryKind::task;
    inline_task.name = group->name + "::" + name;
    inline_task.tags.clear();
    inline_task.replaces.clear();
    inline_task.config = merged(Value{{"task", inline_task.name}}, keys);
    return add_task(inline_task, Value::object(), group);
  }

  Status add_task(const CatalogueEntry& entry, const Value& overrides, TaskGroup* group) {
    ANEMONE_RETURN_IF_ERROR(check_single(entry));
    CatalogueEntry task = entry;
    task.config = merged(std::move(task.config), overrides);
    if (group != nullptr && std::find(group->children.begin(), group->children.end(), task.name) ==
                                group->children.end())
      group->children.push_back(task.name);
    for (const CatalogueEntry& other : selected_.tasks) {
      if (other.name != task.name) continue;
      if (!is_same_place(other, task))
        return fail(ErrorCode::invalid_argument, "{} and {} are both named '{}'", other.source,
                    task.source, task.name);
      if (other.config == task.config) return {};
      return fail(ErrorCode::invalid_argument, "task '{}' is named twice with different keys",
                  task.name);
    }
    selected_.tasks.push_back(std::move(task));
    return {};
  }

  const Catalogue& catalogue_;
  SelectedTasks selected_;
  size_t members_ = 0;
};

/// All tasks below a group, depth first.
std::vector<std::string> leaves(const TaskGroup& group, std::span<const TaskGroup> groups) {
  std::vector<std::string> names;
  for (const std::string& child : group.children) {
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const TaskGroup& other) { return other.name == child; });
    if (found == groups.end()) {
      names.push_back(child);
      continue;
    }
    for (std::string& name : leaves(*found, groups)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

Result<SelectedTasks> expand_groups(const Catalogue& catalogue,
                                    std::span<const CatalogueEntry> entries) {
  Expander expander(catalogue);
  for (const CatalogueEntry& entry : entries) ANEMONE_RETURN_IF_ERROR(expander.add(entry));
  SelectedTasks selected = expander.take();
  for (size_t i = 0; i < selected.groups.size(); ++i)
    for (size_t k = 0; k < i; ++k)
      if (selected.groups[i].name == selected.groups[k].name)
        return fail(ErrorCode::invalid_argument, "group '{}' is named twice",
                    selected.groups[i].name);
  for (TaskGroup& group : selected.groups) group.tasks = leaves(group, selected.groups);
  return selected;
}

}  // namespace anemone::eval
