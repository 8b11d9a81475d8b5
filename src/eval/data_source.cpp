#include "eval/data_source.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "base/error.h"
#include "base/path_inside.h"
#include "eval/hub_cache.h"
#include "eval/json_text.h"
#include "eval/python_text.h"
#include "eval/rows.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

fs::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fs::path() : fs::path(value);
}

std::string last_part(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// The folder that DIR/sources.json gives to {path, config}, if any.
Result<std::optional<fs::path>> mapped_folder(const fs::path& data, const std::string& path,
                                              const std::string& config) {
  const fs::path file = data / "sources.json";
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::optional<fs::path>();
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  ANEMONE_TRY(const Value json, parse_json_text(text).in(file.string()));
  if (!json.is_object() || !json.contains("sources") || !json["sources"].is_array())
    return fail(ErrorCode::corrupt, "{}: no JSON object with a list 'sources'", file.string());
  for (const Value& source : json["sources"]) {
    if (!source.is_object() || !source.contains("path") || !source.contains("folder") ||
        !source["path"].is_string() || !source["folder"].is_string())
      return fail(ErrorCode::corrupt, "{}: a source without 'path' or 'folder'", file.string());
    if (source["path"] != path) continue;
    const Value wanted = source.value("config", Value());
    const bool any = wanted.is_string() && wanted == "*";
    const bool same = wanted.is_string() ? wanted == config : config.empty() || config == "default";
    if (!any && !same) continue;
    const std::string folder =
        python::replace_all(source["folder"].get<std::string>(), "{config}", config);
    auto inside = path_inside(data, folder);
    if (!inside.ok() && inside.error().code == ErrorCode::not_found) continue;
    if (!inside.ok()) return std::move(inside).in(file.string()).error();
    return std::optional<fs::path>(*inside);
  }
  return std::optional<fs::path>();
}

Result<std::optional<DatasetFiles>> find_in_data(const fs::path& data, const std::string& path,
                                                 const std::string& config) {
  ANEMONE_TRY(const auto mapped, mapped_folder(data, path, config));
  std::vector<fs::path> folders;
  if (mapped) folders.push_back(*mapped);
  for (const std::string& name : {path, last_part(path)}) {
    auto folder = path_inside(data, name);
    if (!folder.ok()) continue;
    if (!config.empty()) {
      auto inner = path_inside(*folder, config);
      if (inner.ok()) folders.push_back(*inner);
    }
    folders.push_back(*folder);
  }
  for (const fs::path& folder : folders) {
    if (!is_folder(folder)) continue;
    auto splits = splits_in(folder);
    if (!splits.empty()) return std::optional(DatasetFiles{folder.string(), std::move(splits), {}});
  }
  return std::optional<DatasetFiles>();
}

Result<fs::path> find_file(const std::string& name, std::span<const fs::path> folders) {
  std::error_code ignored;
  if (fs::is_regular_file(name, ignored)) return fs::path(name);
  if (fs::path(name).is_relative())
    for (const fs::path& folder : folders)
      if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  if (fs::path(name).is_absolute())
    return fail(ErrorCode::not_found, "data file '{}': no such file", name);
  std::string looked = "the working folder";
  for (const fs::path& folder : folders) looked += ", nor in " + folder.string();
  return fail(ErrorCode::not_found, "data file '{}' is not in {}", name, looked);
}

constexpr std::string_view kShardForm = "-00000-of-00000";

/// "train-00003-of-00007".
struct Shard {
  std::string split;
  size_t index = 0;
  size_t total = 0;
};

std::optional<Shard> shard_of(const std::string& stem) {
  if (stem.size() < kShardForm.size()) return std::nullopt;
  const size_t begin = stem.size() - kShardForm.size();
  Shard shard{stem.substr(0, begin)};
  size_t* number = &shard.index;
  for (size_t i = 0; i < kShardForm.size(); ++i) {
    const char c = stem[begin + i];
    if (kShardForm[i] != '0') {
      if (c != kShardForm[i]) return std::nullopt;
      if (c == 'f') number = &shard.total;
    } else {
      if (c < '0' || c > '9') return std::nullopt;
      *number = *number * 10 + static_cast<size_t>(c - '0');
    }
  }
  return shard;
}

/// The file's name without its endings.
std::string stem_of(const fs::path& file) {
  std::string name = file.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return fs::path(name).stem().string();
}

}  // namespace

DataPlaces data_places(fs::path data) {
  DataPlaces places;
  places.data = std::move(data);
  fs::path home = environment_path("HF_HOME");
  if (home.empty()) {
    fs::path cache = environment_path("XDG_CACHE_HOME");
    if (cache.empty() && !environment_path("HOME").empty())
      cache = environment_path("HOME") / ".cache";
    if (!cache.empty()) home = cache / "huggingface";
  }
  places.hub_cache = environment_path("HF_HUB_CACHE");
  places.datasets_cache = environment_path("HF_DATASETS_CACHE");
  if (places.hub_cache.empty() && !home.empty()) places.hub_cache = home / "hub";
  if (places.datasets_cache.empty() && !home.empty()) places.datasets_cache = home / "datasets";
  return places;
}

std::optional<std::string> split_of(const fs::path& file) {
  if (!row_format(file)) return std::nullopt;
  std::string stem = stem_of(file);
  const auto shard = shard_of(stem);
  return shard ? shard->split : stem;
}

Status check_shards(std::span<const fs::path> files) {
  struct Found {
    fs::path first;
    std::optional<Shard> shard;  ///< of `first`; none for a whole file.
    std::set<size_t> indices;
  };
  std::map<fs::path, Found> groups;
  for (const fs::path& file : files) {
    const auto shard = shard_of(stem_of(file));
    const fs::path name = file.parent_path() / (shard ? shard->split : stem_of(file));
    const auto [group, added] = groups.try_emplace(name, Found{file, shard, {}});
    Found& found = group->second;
    if (shard.has_value() != found.shard.has_value() ||
        (shard && (shard->total != found.shard->total || shard->index >= shard->total)))
      return fail(ErrorCode::corrupt, "{} does not belong to the shards with {}", file.string(),
                  found.first.filename().string());
    if (shard && !found.indices.insert(shard->index).second)
      return fail(ErrorCode::corrupt, "{} is there twice", file.string());
  }
  for (const auto& [name, found] : groups) {
    for (size_t i = 0; found.shard && i < found.shard->total; ++i)
      if (!found.indices.contains(i))
        return with_hint(
            fail(ErrorCode::corrupt, "{}-{:05}-of-{:05} is missing; {} of {} shards are there",
                 name.string(), i, found.shard->total, found.indices.size(), found.shard->total),
            "download the data set again");
  }
  return {};
}

std::map<std::string, std::vector<fs::path>> splits_in(const fs::path& folder) {
  std::map<std::string, std::vector<fs::path>> splits;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored) || entry.path().filename() == "sources.json") continue;
    if (const auto split = split_of(entry.path())) splits[*split].push_back(entry.path());
  }
  for (auto& [split, files] : splits) {
    std::sort(files.begin(), files.end());
    // The same split in several forms (test.jsonl beside test.parquet) is one of them, not their
    // sum: shards of the first file's format, else the first file.
    const bool sharded = shard_of(stem_of(files[0])).has_value();
    const auto format = row_format(files[0]);
    if (!sharded) files.resize(1);
    std::erase_if(files, [&](const fs::path& file) {
      return row_format(file) != format || shard_of(stem_of(file)).has_value() != sharded;
    });
  }
  return splits;
}

Result<DatasetFiles> find_dataset(const std::string& path, const std::string& config,
                                  const DataPlaces& places) {
  std::string looked;
  const auto note = [&](const fs::path& place) {
    looked += (looked.empty() ? "" : ", ") + place.string();
  };
  if (!places.data.empty()) {
    note(places.data / path);
    if (last_part(path) != path) note(places.data / last_part(path));
    ANEMONE_TRY(auto found, find_in_data(places.data, path, config));
    if (found) return *std::move(found);
  }
  if (!places.hub_cache.empty()) {
    note(hub_folder(places.hub_cache, path));
    ANEMONE_TRY(auto found, find_in_hub_cache(places.hub_cache, path, config));
    if (found) return *std::move(found);
  }
  if (!places.datasets_cache.empty()) {
    note(places.datasets_cache);
    ANEMONE_TRY(auto found, find_in_datasets_cache(places.datasets_cache, path, config));
    if (found) return *std::move(found);
  }
  const std::string what =
      config.empty() ? fmt::format("'{}'", path) : fmt::format("'{}' ({})", path, config);
  return with_hint(fail(ErrorCode::not_found, "data set {} is not in {}", what, looked),
                   fmt::format("hf download --repo-type dataset {}; or give --data DIR", path));
}

Result<DatasetFiles> find_data_files(const Value& data_files, std::span<const fs::path> folders) {
  DatasetFiles files;
  files.listed = true;
  const auto add = [&](const std::string& split, const Value& names) -> Status {
    const Value list = names.is_array() ? names : Value::array({names});
    for (const Value& name : list) {
      if (!name.is_string())
        return fail(ErrorCode::invalid_argument, "data_files: names of files must be text");
      ANEMONE_TRY(fs::path file, find_file(name.get<std::string>(), folders));
      if (files.origin.empty()) files.origin = file.string();
      files.splits[split].push_back(std::move(file));
    }
    return {};
  };
  if (data_files.is_object()) {
    for (const auto& [split, names] : data_files.items())
      ANEMONE_RETURN_IF_ERROR(add(split, names));
  } else {
    ANEMONE_RETURN_IF_ERROR(add("train", data_files));
  }
  return files;
}

}  // namespace anemone::eval
