#include "eval/catalogue.h"

#include <fnmatch.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "eval/builtin_tasks.h"
#include "eval/functions.h"
#include "eval/yaml.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

/// Reads one file of a source by its path there.
using Reader = std::function<Result<Value>(const fs::path&)>;

void resolve_functions(Value& value, std::span<const std::string> families) {
  if (is_function(value)) {
    const std::string name =
        resolve_function(value.begin().value().get_ref<const std::string&>(), families);
    if (!name.empty()) value = Value{{kFunctionKey, name}};
  } else if (value.is_structured()) {
    for (Value& item : value) resolve_functions(item, families);
  }
}

Result<Value> load(const fs::path& path, const Reader& read, std::set<fs::path>& seen) {
  if (!seen.insert(path.lexically_normal()).second)
    return fail(ErrorCode::corrupt, "{} includes itself", path.string());
  ANEMONE_TRY(Value config, read(path));
  if (!config.is_object())
    return fail(ErrorCode::corrupt, "{}: a task file must be a dict", path.string());
  const std::vector<std::string> families = {path.parent_path().filename().string(),
                                             path.stem().string()};
  resolve_functions(config, families);
  if (!config.contains("include")) return config;
  const Value includes = config["include"];
  config.erase("include");
  Value merged = Value::object();
  for (const Value& include : includes.is_array() ? includes : Value::array({includes})) {
    if (!include.is_string())
      return fail(ErrorCode::corrupt, "{}: 'include' must name files", path.string());
    const fs::path name = include.get<std::string>();
    auto included = load(name.is_absolute() ? name : path.parent_path() / name, read, seen);
    if (!included.ok()) return std::move(included).in(path.string()).error();
    included->erase("task_list");
    for (auto& [key, value] : included->items()) merged[key] = std::move(value);
  }
  for (auto& [key, value] : config.items()) merged[key] = std::move(value);
  return merged;
}

Result<Value> read_builtin(const fs::path& path) {
  const auto bytes = find_builtin_file(path.lexically_normal().generic_string());
  if (!bytes)
    return fail(ErrorCode::not_found, "there is no built-in file {}", path.generic_string());
  return parse_yaml(*bytes).in(path.generic_string());
}

/// The entry that a file makes, or nothing for one that other files include.
std::optional<CatalogueEntry> entry_of(Value config) {
  CatalogueEntry entry;
  const char* key = nullptr;
  if (config.contains("class")) {
    entry.kind = EntryKind::python;
    key = "task";
  } else if (config.contains("group")) {
    entry.kind = EntryKind::group;
    key = "group";
  } else {
    key = "task";
  }
  const auto name = config.find(key);
  if (name == config.end() || !name->is_string()) return std::nullopt;
  entry.name = name->get<std::string>();
  if (entry.kind != EntryKind::group && config.contains("tag")) {
    const Value tags = config["tag"];
    for (const Value& tag : tags.is_array() ? tags : Value::array({tags}))
      if (tag.is_string()) entry.tags.push_back(tag.get<std::string>());
  }
  entry.config = std::move(config);
  return entry;
}

fs::path whole_path(const fs::path& path) {
  std::error_code code;
  const fs::path whole = fs::absolute(path.empty() ? fs::path(".") : path, code);
  return (code ? path : whole).lexically_normal();
}

/// Folders from the file's own up to the one that holds the include path.
std::vector<fs::path> parent_folders(const fs::path& file, const fs::path& root) {
  std::vector<fs::path> folders;
  const fs::path stop = whole_path(root).parent_path();
  for (fs::path folder = whole_path(file).parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    folders.push_back(folder);
    if (folder == stop) break;
  }
  return folders;
}

CatalogueEntry placed(CatalogueEntry entry, const fs::path& file, const fs::path& root) {
  entry.source = file.generic_string();
  entry.folder = file.parent_path();
  entry.parents = parent_folders(file, root);
  return entry;
}

using Entries = std::map<std::string, CatalogueEntry>;

void add_builtins(Entries& entries, const LogSink& log) {
  for (const BuiltinFile& file : builtin_files()) {
    const fs::path path(file.path);
    if (path.extension() != ".yaml") continue;
    std::set<fs::path> seen;
    auto config = load(path, read_builtin, seen);
    if (!config.ok()) {
      log(LogLevel::warning, config.error().to_string());
      continue;
    }
    auto entry = entry_of(std::move(config).value());
    if (!entry) continue;
    entry->source = "tasks/" + path.generic_string();
    entry->folder = path.parent_path();
    entry->builtin = true;
    entries.emplace(entry->name, *std::move(entry));
  }
}

Status add_folder(Entries& entries, const fs::path& root, const LogSink& log) {
  std::error_code code;
  std::vector<fs::path> files;
  if (fs::is_regular_file(root, code)) {
    files.push_back(root);
  } else if (!fs::is_directory(root, code)) {
    return fail(ErrorCode::not_found, "include path {}: no such folder", root.string());
  } else {
    for (auto it = fs::recursive_directory_iterator(root, code);
         it != fs::recursive_directory_iterator(); it.increment(code)) {
      const std::string name = it->path().filename().string();
      if (it->is_directory(code) && (name == "__pycache__" || name == ".ipynb_checkpoints"))
        it.disable_recursion_pending();
      else if (it->path().extension() == ".yaml")
        files.push_back(it->path());
    }
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return a.generic_string() < b.generic_string();
  });
  Entries found;
  for (const fs::path& file : files) {
    auto config = load_task_file(file);
    if (!config.ok()) {
      log(LogLevel::warning, "left out: " + config.error().to_string());
      continue;
    }
    auto entry = entry_of(std::move(config).value());
    if (!entry) continue;
    const auto [place, added] = found.try_emplace(entry->name, placed(*entry, file, root));
    if (!added)
      log(LogLevel::warning, fmt::format("task '{}' of {} is taken from {}", entry->name,
                                         file.generic_string(), place->second.source));
  }
  for (auto& [name, entry] : found) {
    const auto before = entries.find(name);
    if (before != entries.end())
      log(LogLevel::debug, fmt::format("task '{}' of {} takes the place of that of {}", name,
                                       entry.source, before->second.source));
    entries.insert_or_assign(name, std::move(entry));
  }
  return {};
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

Result<Value> load_task_file(const fs::path& path) {
  std::set<fs::path> seen;
  return load(path, read_yaml, seen);
}

Result<Catalogue> Catalogue::build(std::span<const fs::path> include_paths, const LogSink& log) {
  Entries entries;
  add_builtins(entries, log);
  for (const fs::path& path : include_paths)
    ANEMONE_RETURN_IF_ERROR(add_folder(entries, path, log));
  Catalogue catalogue;
  for (auto& [name, entry] : entries) catalogue.entries_.push_back(std::move(entry));
  return catalogue;
}

const CatalogueEntry* Catalogue::find(const std::string& name) const {
  for (const CatalogueEntry& entry : entries_)
    if (entry.name == name) return &entry;
  return nullptr;
}

std::vector<std::string> Catalogue::with_tag(const std::string& tag) const {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : entries_)
    if (std::find(entry.tags.begin(), entry.tags.end(), tag) != entry.tags.end())
      names.push_back(entry.name);
  return names;
}

Result<std::vector<CatalogueEntry>> Catalogue::select(std::span<const std::string> names) const {
  std::vector<CatalogueEntry> selected;
  const auto add = [&](const CatalogueEntry& entry) {
    const auto same = [&](const CatalogueEntry& other) { return other.name == entry.name; };
    if (std::none_of(selected.begin(), selected.end(), same)) selected.push_back(entry);
  };
  for (const std::string& name : names) {
    if (const CatalogueEntry* entry = find(name)) {
      add(*entry);
      continue;
    }
    if (fs::path(name).extension() == ".yaml") {
      ANEMONE_TRY(Value config, load_task_file(name));
      auto entry = entry_of(std::move(config));
      if (!entry) return fail(ErrorCode::corrupt, "{}: names neither a task nor a group", name);
      add(placed(*std::move(entry), name, fs::path(name).parent_path()));
      continue;
    }
    std::set<std::string> matches;
    for (const std::string& member : with_tag(name)) matches.insert(member);
    for (const CatalogueEntry& entry : entries_)
      if (fnmatch(name.c_str(), entry.name.c_str(), 0) == 0) matches.insert(entry.name);
    for (const std::string& match : matches) add(*find(match));
    if (!matches.empty()) continue;
    const CatalogueEntry* nearest = nullptr;
    size_t least = name.size() / 2 + 1;
    for (const CatalogueEntry& entry : entries_) {
      const size_t distance = edit_distance(name, entry.name);
      if (distance < least) {
        least = distance;
        nearest = &entry;
      }
    }
    return with_hint(fail(ErrorCode::not_found, "there is no task '{}'", name),
                     nearest != nullptr ? "did you mean '" + nearest->name + "'?"
                                        : "anemone tasks lists them; --include-path adds your own");
  }
  return selected;
}

}  // namespace anemone::eval
