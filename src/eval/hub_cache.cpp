#include "eval/hub_cache.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/path_inside.h"
#include "eval/json_text.h"
#include "eval/python_text.h"
#include "eval/rows.h"
#include "eval/yaml.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;
using Splits = std::map<std::string, std::vector<fs::path>>;

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::optional<fs::path> snapshot_of(const fs::path& folder) {
  std::error_code ignored;
  const std::string reference = read_text(folder / "refs" / "main");
  const std::string_view commit = python::strip(reference);
  if (!commit.empty() && commit.find('/') == std::string_view::npos) {
    const fs::path snapshot = folder / "snapshots" / commit;
    if (fs::is_directory(snapshot, ignored)) return snapshot;
  }
  const auto snapshots = sorted_entries(folder / "snapshots");
  if (snapshots.size() == 1) return snapshots[0];
  return std::nullopt;
}

/// All files with rows below the snapshot, by name relative to it, sorted.
std::vector<std::string> row_files(const fs::path& snapshot) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (auto it = fs::recursive_directory_iterator(snapshot, ignored);
       it != fs::recursive_directory_iterator(); it.increment(ignored)) {
    if (it.depth() > 8) it.disable_recursion_pending();
    if (it->is_regular_file(ignored) && row_format(it->path()))
      names.push_back(it->path().lexically_relative(snapshot).generic_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The YAML between two lines "---" at the beginning of the card.
Result<Value> card_front_matter(const fs::path& snapshot) {
  const std::string card = read_text(snapshot / "README.md");
  if (!card.starts_with("---\n")) return Value::object();
  const size_t end = card.find("\n---", 3);
  if (end == std::string::npos) return Value::object();
  ANEMONE_TRY(
      Value front,
      parse_yaml(std::string_view(card).substr(4, end - 3)).in((snapshot / "README.md").string()));
  return front.is_object() ? front : Value::object();
}

void add_matches(const std::vector<std::string>& names, const fs::path& snapshot,
                 const std::string& pattern, std::vector<fs::path>& files) {
  // "**" and "*" are alike here: fnmatch without FNM_PATHNAME lets them cross folders.
  for (const std::string& name : names)
    if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) files.push_back(snapshot / name);
}

/// `data_files` of one configuration: text, a list of texts, or a list of {split, path}.
Splits card_splits(const Value& data_files, const std::vector<std::string>& names,
                   const fs::path& snapshot) {
  Splits splits;
  const Value list = data_files.is_array() ? data_files : Value::array({data_files});
  for (const Value& item : list) {
    const std::string split =
        item.is_object() && item.contains("split") && item["split"].is_string()
            ? item["split"].get<std::string>()
            : "train";
    const Value paths = item.is_object() ? item.value("path", Value()) : item;
    const Value patterns = paths.is_array() ? paths : Value::array({paths});
    for (const Value& pattern : patterns)
      if (pattern.is_string())
        add_matches(names, snapshot, pattern.get<std::string>(), splits[split]);
  }
  std::erase_if(splits, [](const auto& entry) { return entry.second.empty(); });
  return splits;
}

/// The hub's own words for splits in file names.
std::string canonical_split(const std::string& name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kAliases = {{
      {"valid", "validation"},
      {"val", "validation"},
      {"dev", "validation"},
      {"training", "train"},
      {"testing", "test"},
      {"eval", "test"},
  }};
  for (const auto& [alias, split] : kAliases)
    if (name == alias) return std::string(split);
  return name;
}

Splits named_splits(const fs::path& folder) {
  Splits splits = splits_in(folder);
  for (const auto& [name, files] : Splits(splits)) splits.try_emplace(canonical_split(name), files);
  return splits;
}

/// datasets' name of a cached builder: CamelCase to snake_case.
std::string snake_case(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && i > 0) {
      const char before = name[i - 1];
      const bool after_lower = (before >= 'a' && before <= 'z') || (before >= '0' && before <= '9');
      const bool before_lower = i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z' &&
                                before >= 'A' && before <= 'Z';
      if (after_lower || before_lower) out.push_back('_');
    }
    out.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

/// The rows of each split, in the file that datasets leaves beside them when it is done.
Result<std::map<std::string, int64_t>> recorded_counts(const fs::path& build) {
  std::map<std::string, int64_t> counts;
  const fs::path file = build / "dataset_info.json";
  const std::string text = read_text(file);
  if (text.empty()) return counts;
  ANEMONE_TRY(const Value info, parse_json_text(text).in(file.string()));
  const Value splits = info.is_object() ? info.value("splits", Value()) : Value();
  if (!splits.is_object()) return counts;
  for (const auto& [name, split] : splits.items()) {
    const Value count = split.is_object() ? split.value("num_examples", Value()) : Value();
    if (count.is_number_integer()) counts[name] = count.get<int64_t>();
  }
  return counts;
}

}  // namespace

fs::path hub_folder(const fs::path& hub_cache, const std::string& path) {
  return hub_cache / ("datasets--" + python::replace_all(path, "/", "--"));
}

Result<std::optional<DatasetFiles>> find_in_hub_cache(const fs::path& hub_cache,
                                                      const std::string& path,
                                                      const std::string& config) {
  const auto snapshot = snapshot_of(hub_folder(hub_cache, path));
  if (!snapshot) return std::optional<DatasetFiles>();
  const auto names = row_files(*snapshot);
  ANEMONE_TRY(const Value card, card_front_matter(*snapshot));
  const Value configs = card.value("configs", Value());
  if (configs.is_array()) {
    for (const Value& entry : configs) {
      if (!entry.is_object() || !entry.contains("data_files")) continue;
      const Value name = entry.value("config_name", Value("default"));
      const bool is_default =
          name == "default" || entry.value("default", Value()) == true || configs.size() == 1;
      if (config.empty() ? !is_default : name != config) continue;
      Splits splits = card_splits(entry["data_files"], names, *snapshot);
      if (!splits.empty())
        return std::optional(DatasetFiles{snapshot->string(), std::move(splits), {}});
    }
  }
  std::vector<fs::path> folders;
  if (!config.empty()) {
    if (path_inside(*snapshot, config).ok()) folders.push_back(*snapshot / config);
  } else {
    folders.push_back(*snapshot / "data");
    folders.push_back(*snapshot);
  }
  for (const fs::path& folder : folders) {
    Splits splits = named_splits(folder);
    if (!splits.empty()) return std::optional(DatasetFiles{folder.string(), std::move(splits), {}});
  }
  return std::optional<DatasetFiles>();
}

Result<std::optional<DatasetFiles>> find_in_datasets_cache(const fs::path& datasets_cache,
                                                           const std::string& path,
                                                           const std::string& config) {
  const size_t slash = path.rfind('/');
  const std::string last = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string owner = slash == std::string::npos ? "" : path.substr(0, slash) + "___";
  std::error_code ignored;
  for (const std::string& name : {snake_case(last), last}) {
    const fs::path root = datasets_cache / (owner + name);
    for (const fs::path& config_folder : sorted_entries(root)) {
      const std::string found = config_folder.filename().string();
      const std::string wanted = config.empty() ? "default" : config;
      if (found != wanted) continue;
      std::optional<DatasetFiles> newest;
      fs::file_time_type newest_time = fs::file_time_type::min();
      for (const fs::path& version : sorted_entries(config_folder)) {
        for (const fs::path& build : sorted_entries(version)) {
          if (build.extension() == ".incomplete") continue;
          Splits splits;
          for (const auto& [stem, files] : splits_in(build)) {
            if (stem.starts_with(name + "-")) splits[stem.substr(name.size() + 1)] = files;
          }
          const auto time = fs::last_write_time(build, ignored);
          if (splits.empty() || (newest && time <= newest_time)) continue;
          newest = DatasetFiles{build.string(), std::move(splits), {}};
          newest_time = time;
        }
      }
      if (newest) {
        ANEMONE_TRY(newest->counts, recorded_counts(newest->origin));
        return newest;
      }
    }
  }
  return std::optional<DatasetFiles>();
}

}  // namespace anemone::eval
