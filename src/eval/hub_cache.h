#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "eval/data_source.h"

/// The two caches that Hugging Face's libraries keep. Sources: "Hub Local Cache" of the hub's
/// documentation; the layout that `datasets` writes.
namespace anemone::eval {

/// HUB/datasets--ORG--NAME
std::filesystem::path hub_folder(const std::filesystem::path& hub_cache, const std::string& path);

/// In the snapshot that refs/main names (or the only one): the files that the data set card
/// (README.md) gives to the configuration, else split files in `<config>/`, `data/` or at the top.
/// Nothing when the data set or all its files are absent. Errors: corrupt (the card).
Result<std::optional<DatasetFiles>> find_in_hub_cache(const std::filesystem::path& hub_cache,
                                                      const std::string& path,
                                                      const std::string& config);

/// In DATASETS/ORG___name/<config>/<version>/<hash>/name-<split>[-NNNNN-of-NNNNN].arrow, the newest
/// such folder that is complete, with the counts of its dataset_info.json. Errors: corrupt (that).
Result<std::optional<DatasetFiles>> find_in_datasets_cache(
    const std::filesystem::path& datasets_cache, const std::string& path,
    const std::string& config);

}  // namespace anemone::eval
