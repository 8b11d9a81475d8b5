#include "eval/catalogue.h"

#include <fnmatch.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "base/error.h"
#include "eval/builtin_tasks.h"
#include "eval/edit_distance.h"
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

/// Files that one task file may read, itself and an include of an include counted each time.
constexpr size_t kMostFiles = 1000;

/// How far the reading of one task file is.
struct Loading {
  const Reader& read;
  std::vector<fs::path> chain;  ///< from the task file to the one that is read now.
  size_t files = 0;
};

Result<Value> load(const fs::path& path, Loading& loading);

/// The merged dict of the files that `includes` names.
Result<Value> load_includes(const Value& includes, const fs::path& path, Loading& loading) {
  Value merged = Value::object();
  for (const Value& include : includes.is_array() ? includes : Value::array({includes})) {
    if (!include.is_string())
      return fail(ErrorCode::corrupt, "{}: 'include' must name files", path.string());
    const fs::path name = include.get<std::string>();
    auto included = load(name.is_absolute() ? name : path.parent_path() / name, loading);
    if (!included.ok()) return std::move(included).in(path.string()).error();
    included->erase("task_list");
    for (auto& [key, value] : included->items()) merged[key] = std::move(value);
  }
  return merged;
}

Result<Value> load(const fs::path& path, Loading& loading) {
  const fs::path normal = path.lexically_normal();
  auto& chain = loading.chain;
  if (std::find(chain.begin(), chain.end(), normal) != chain.end())
    return fail(ErrorCode::corrupt, "{} includes itself", path.string());
  if (++loading.files > kMostFiles)
    return fail(ErrorCode::limit, "{} includes more than {} files", chain.front().string(),
                kMostFiles);
  ANEMONE_TRY(Value config, loading.read(path));
  if (!config.is_object())
    return fail(ErrorCode::corrupt, "{}: a task file must be a dict", path.string());
  const std::vector<std::string> families = {path.parent_path().filename().string(),
                                             path.stem().string()};
  resolve_functions(config, families);
  if (!config.contains("include")) return config;
  const Value includes = config["include"];
  config.erase("include");
  chain.push_back(normal);
  ANEMONE_TRY(Value merged, load_includes(includes, path, loading));
  chain.pop_back();
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

/// Perplexity of one text file, named like it.
CatalogueEntry text_file_entry(const std::string& path) {
  CatalogueEntry entry;
  entry.name = fs::path(path).filename().string();
  entry.config = {{"task", entry.name},
                  {"dataset_path", "text"},
                  {"dataset_kwargs", {{"data_files", path}, {"sample_by", "document"}}},
                  {"output_type", "loglikelihood_rolling"},
                  {"test_split", "train"},
                  {"doc_to_text", ""},
                  {"doc_to_target", "{{text}}"},
                  {"metric_list",
                   {{{"metric", "word_perplexity"}},
                    {{"metric", "byte_perplexity"}},
                    {{"metric", "bits_per_byte"}}}},
                  {"metadata", {{"version", 1.0}}}};
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
  const Reader read = read_builtin;
  for (const BuiltinFile& file : builtin_files()) {
    const fs::path path(file.path);
    if (path.extension() != ".yaml") continue;
    Loading loading{read, {}};
    auto config = load(path, loading);
    if (!config.ok()) {
      log(LogLevel::warning, config.error().to_string());
      continue;
    }
    auto entry = entry_of(std::move(config).value());
    if (!entry) continue;
    entry->source = "built-in task " + entry->name;
    entry->folder = path.parent_path();
    entry->builtin = true;
    entries.emplace(entry->name, *std::move(entry));
  }
}

constexpr int kMostFolders = 32;  ///< in each other below an include path.

/// The .yaml files of `folder` and the folders below it, but not behind links to folders.
void add_task_files(const fs::path& folder, int depth, const LogSink& log,
                    std::vector<fs::path>& files) {
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    const fs::path& path = entry->path();
    const std::string name = path.filename().string();
    std::error_code ignored;
    if (fs::is_directory(entry->symlink_status(ignored))) {
      if (name == "__pycache__" || name == ".ipynb_checkpoints") continue;
      if (depth > 1)
        add_task_files(path, depth - 1, log, files);
      else
        log(LogLevel::warning, fmt::format("left out: {}: too deep", path.string()));
    } else if (path.extension() == ".yaml") {
      files.push_back(path);
    }
  }
  if (code)
    log(LogLevel::warning, fmt::format("left out: {}: {}", folder.string(), code.message()));
}

Status add_folder(Entries& entries, const fs::path& root, const LogSink& log) {
  std::error_code code;
  std::vector<fs::path> files;
  if (fs::is_regular_file(root, code)) {
    if (root.extension() != ".yaml")
      return fail(ErrorCode::not_found, "include path {}: neither a folder nor a .yaml file",
                  root.string());
    files.push_back(root);
  } else if (!fs::is_directory(root, code)) {
    return fail(ErrorCode::not_found, "include path {}: no such folder", root.string());
  } else {
    add_task_files(root, kMostFolders, log, files);
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
    if (added) continue;
    CatalogueEntry& first = place->second;
    if (first.rival.empty()) first.rival = file.generic_string();
    first.tags.insert(first.tags.end(), entry->tags.begin(), entry->tags.end());
  }
  for (auto& [name, entry] : found) {
    const auto before = entries.find(name);
    if (before != entries.end()) entry.replaces = before->second.source;
    entries.insert_or_assign(name, std::move(entry));
  }
  return {};
}

}  // namespace

bool is_same_place(const CatalogueEntry& one, const CatalogueEntry& other) {
  if (one.builtin || other.builtin) return one.builtin == other.builtin;
  std::error_code code;
  return whole_path(one.source) == whole_path(other.source) ||
         fs::equivalent(one.source, other.source, code);
}

Status check_single(const CatalogueEntry& entry) {
  if (entry.rival.empty()) return {};
  return with_hint(
      fail(ErrorCode::invalid_argument, "{} and {} are both named '{}'", entry.source, entry.rival,
           entry.name),
      "give one of them another name; a task that no group names can be given as its file");
}

Result<Value> load_task_file(const fs::path& path) {
  const Reader read = read_yaml;
  Loading loading{read, {}};
  return load(path, loading);
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
  const auto add = [&](CatalogueEntry entry) -> Status {
    const auto same = std::ranges::find(selected, entry.name, &CatalogueEntry::name);
    if (same == selected.end()) {
      selected.push_back(std::move(entry));
      return {};
    }
    if (is_same_place(*same, entry)) return {};
    return with_hint(fail(ErrorCode::invalid_argument, "{} and {} are both named '{}'",
                          same->source, entry.source, entry.name),
                     "results have one place for each name: give them in two runs");
  };
  for (const std::string& name : names) {
    if (const CatalogueEntry* entry = find(name)) {
      ANEMONE_RETURN_IF_ERROR(add(*entry));
      continue;
    }
    if (fs::path(name).extension() == ".yaml") {
      ANEMONE_TRY(Value config, load_task_file(name));
      auto entry = entry_of(std::move(config));
      if (!entry) return fail(ErrorCode::corrupt, "{}: names neither a task nor a group", name);
      CatalogueEntry given = placed(*std::move(entry), name, fs::path(name).parent_path());
      if (const CatalogueEntry* known = find(given.name))
        given.replaces = is_same_place(*known, given) ? known->replaces : known->source;
      ANEMONE_RETURN_IF_ERROR(add(std::move(given)));
      continue;
    }
    if (std::error_code code; fs::path(name).extension() == ".txt" && fs::exists(name, code)) {
      ANEMONE_RETURN_IF_ERROR(
          add(placed(text_file_entry(name), name, fs::path(name).parent_path())));
      continue;
    }
    std::set<std::string> matches;
    for (const std::string& member : with_tag(name)) matches.insert(member);
    for (const CatalogueEntry& entry : entries_)
      if (fnmatch(name.c_str(), entry.name.c_str(), 0) == 0) matches.insert(entry.name);
    for (const std::string& match : matches) ANEMONE_RETURN_IF_ERROR(add(*find(match)));
    if (!matches.empty()) continue;
    const CatalogueEntry* nearest = nullptr;
    size_t least = name.size() / 2 + 1;
    for (const CatalogueEntry& entry : entries_) {
      const size_t distance = edit_distance<std::string_view>(name, entry.name);
      if (distance < least) {
        least = distance;
        nearest = &entry;
      }
    }
    const bool is_text = fs::path(name).extension() == ".txt";
    return with_hint(fail(is_text ? ErrorCode::not_found : ErrorCode::invalid_argument,
                          "there is no task '{}'", name),
                     nearest != nullptr ? "did you mean '" + nearest->name + "'?"
                                        : "anemone tasks lists them; --include-path adds your own");
  }
  return selected;
}

}  // namespace anemone::eval
