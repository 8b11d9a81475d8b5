#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/value.h"

/// Where the rows of a data set lie. Nothing is ever downloaded.
namespace anemone::eval {

/// The folders that are looked through, in this order; an empty path is left out.
struct DataPlaces {
  std::filesystem::path data;            ///< `--data`
  std::filesystem::path hub_cache;       ///< HF_HUB_CACHE
  std::filesystem::path datasets_cache;  ///< HF_DATASETS_CACHE
};

/// `data` and the caches that the environment names (HF_HUB_CACHE, HF_DATASETS_CACHE, HF_HOME,
/// XDG_CACHE_HOME, else ~/.cache/huggingface).
DataPlaces data_places(std::filesystem::path data);

/// The files of each split, in the order of their rows.
struct DatasetFiles {
  std::string origin;  ///< the folder or file that was taken, for reports.
  std::map<std::string, std::vector<std::filesystem::path>> splits;
  std::map<std::string, int64_t> counts;  ///< rows of a split, where its folder tells them.
  bool listed = false;                    ///< the task names each file itself.
};

/// Checks the files of one split: of "train-00000-of-00007.parquet" each shard must be there once,
/// by the file's name, and a split is either shards of one number or whole files. Shards in
/// different folders are counted apart. Errors: corrupt, with the name of the missing or odd file.
Status check_shards(std::span<const std::filesystem::path> files);

/// The split that a file's name stands for: its stem ("test.jsonl.gz"), or the part before a shard
/// number ("test-00000-of-00002.parquet"). Nothing for files that hold no rows.
std::optional<std::string> split_of(const std::filesystem::path& file);

/// Split files that lie directly in `folder`, shards sorted by name.
std::map<std::string, std::vector<std::filesystem::path>> splits_in(
    const std::filesystem::path& folder);

/// Finds the data set `path` ("allenai/ai2_arc") of configuration `config` ("ARC-Easy"; may be
/// empty).
/// Errors: not_found with the places looked at and the command that downloads it; corrupt (a
/// sources.json or data set card that cannot be read).
Result<DatasetFiles> find_dataset(const std::string& path, const std::string& config,
                                  const DataPlaces& places);

/// `data_files` of a task that names files itself: one name, a list, or a dict of splits to names;
/// a name alone is the split "train". Each is looked for from the working folder, then below each
/// of `folders` in turn. Errors: not_found, invalid_argument.
Result<DatasetFiles> find_data_files(const Value& data_files,
                                     std::span<const std::filesystem::path> folders);

}  // namespace anemone::eval
