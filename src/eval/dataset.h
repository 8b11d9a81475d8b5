#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/catalogue.h"
#include "eval/data_source.h"
#include "eval/rows.h"
#include "eval/task_config.h"

namespace anemone::eval {

/// A file and how many rows it gave.
struct RowFile {
  std::string path;
  size_t rows = 0;
};

/// Rows of one split, file after file.
struct Rows {
  std::vector<Value> values;
  std::vector<RowFile> files;
};

/// The rows of one task's data set, split by split, read when asked for.
class Dataset {
 public:
  /// Finds the files: those that a task names itself (`dataset_path: json` with data_files), or of
  /// a data set of the hub. Errors: as find_dataset and find_data_files.
  static Result<Dataset> open(const TaskConfig& task, const CatalogueEntry& entry,
                              const DataPlaces& places);

  /// Where the rows of a split come from, for reports: its file, or the folder of its files.
  std::string origin(const std::string& split) const;

  /// Errors: not_found (no such split; the message lists what there is), corrupt (not all shards
  /// are there), those of read_rows.
  Result<Rows> rows(const std::string& split) const;
  Result<std::vector<Value>> values(const std::string& split) const;

 private:
  std::string shown(const std::filesystem::path& file) const;

  DatasetFiles files_;
  bool builtin_ = false;             ///< paths name files inside the program.
  std::optional<RowFormat> format_;  ///< of all files; nothing: by the name of each.
};

}  // namespace anemone::eval
