#include "eval/dataset.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/builtin_tasks.h"
#include "eval/python_format.h"
#include "eval/rows.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kLoaders = {"json", "csv", "parquet", "text", "arrow"};

/// How the loader `text` cuts a file into rows. Errors: invalid_argument.
Result<RowFormat> text_format(const Value& sample_by) {
  if (sample_by.is_null() || sample_by == "line") return RowFormat::text;
  if (sample_by == "paragraph") return RowFormat::text_paragraphs;
  if (sample_by == "document") return RowFormat::text_document;
  return fail(ErrorCode::invalid_argument,
              "dataset_kwargs: sample_by {}, expected line, paragraph or document",
              python::to_repr(sample_by));
}

/// data_files of a built-in task, beside its file inside the program; nothing when one is
/// elsewhere.
std::optional<DatasetFiles> builtin_files_of(const Value& data_files, const fs::path& folder) {
  DatasetFiles files;
  const Value splits = data_files.is_object() ? data_files : Value{{"train", data_files}};
  for (const auto& [split, names] : splits.items()) {
    for (const Value& name : names.is_array() ? names : Value::array({names})) {
      if (!name.is_string()) return std::nullopt;
      const fs::path path = (folder / name.get<std::string>()).lexically_normal();
      if (!find_builtin_file(path.generic_string())) return std::nullopt;
      files.splits[split].push_back(path);
      if (files.origin.empty()) files.origin = "built-in " + path.filename().string();
    }
  }
  return files;
}

}  // namespace

Result<Dataset> Dataset::open(const TaskConfig& task, const CatalogueEntry& entry,
                              const DataPlaces& places) {
  Dataset dataset;
  const Value data_files = task.dataset_kwargs.value("data_files", Value());
  const bool loader =
      std::find(kLoaders.begin(), kLoaders.end(), task.dataset_path) != kLoaders.end();
  if (loader) {
    if (data_files.is_null())
      return fail(ErrorCode::invalid_argument, "dataset_path: {} without data_files",
                  task.dataset_path);
    if (entry.builtin) {
      if (auto files = builtin_files_of(data_files, entry.folder)) {
        dataset.files_ = *std::move(files);
        dataset.builtin_ = true;
        return dataset;
      }
    }
    std::vector<fs::path> folders = entry.parents;
    if (!places.data.empty()) folders.push_back(places.data);
    if (task.dataset_path == "text") {
      ANEMONE_TRY(dataset.format_, text_format(task.dataset_kwargs.value("sample_by", Value())));
    }
    ANEMONE_TRY(dataset.files_, find_data_files(data_files, folders));
    return dataset;
  }
  if (!data_files.is_null())
    return fail(ErrorCode::unsupported, "dataset_kwargs: data_files of the data set {}",
                task.dataset_path);
  std::error_code ignored;
  if (fs::is_directory(task.dataset_path, ignored)) {
    dataset.files_ = {task.dataset_path, splits_in(task.dataset_path), {}};
    return dataset;
  }
  ANEMONE_TRY(dataset.files_, find_dataset(task.dataset_path, task.dataset_name, places));
  return dataset;
}

std::string Dataset::shown(const fs::path& file) const {
  return builtin_ ? "built-in " + file.filename().string() : file.string();
}

std::string Dataset::origin(const std::string& split) const {
  const auto found = files_.splits.find(split);
  if (found == files_.splits.end()) return files_.origin;
  const std::vector<fs::path>& files = found->second;
  if (files.size() == 1) return shown(files[0]);
  return files_.listed ? fmt::format("{} and {} more", shown(files[0]), files.size() - 1)
                       : files_.origin;
}

Result<Rows> Dataset::rows(const std::string& split) const {
  const auto found = files_.splits.find(split);
  if (found == files_.splits.end()) {
    std::string names;
    for (const auto& [name, files] : files_.splits) names += (names.empty() ? "" : ", ") + name;
    return fail(ErrorCode::not_found, "{} has no split '{}'; it has {}", files_.origin, split,
                names);
  }
  if (!files_.listed) ANEMONE_RETURN_IF_ERROR(check_shards(found->second));
  Rows rows;
  for (const fs::path& file : found->second) {
    auto more = builtin_ ? parse_rows(*find_builtin_file(file.generic_string()), *row_format(file))
                         : read_rows(file, format_);
    if (!more.ok()) return std::move(more).error();
    rows.files.push_back({shown(file), more->size()});
    if (rows.values.empty())
      rows.values = std::move(more).value();
    else
      rows.values.insert(rows.values.end(), std::make_move_iterator(more->begin()),
                         std::make_move_iterator(more->end()));
  }
  const auto count = files_.counts.find(split);
  if (count != files_.counts.end() && std::cmp_not_equal(count->second, rows.values.size()))
    return with_hint(
        fail(ErrorCode::corrupt, "{}: split '{}' has {} rows, its dataset_info.json says {}",
             files_.origin, split, rows.values.size(), count->second),
        "remove this folder and prepare the data set again");
  return rows;
}

Result<std::vector<Value>> Dataset::values(const std::string& split) const {
  ANEMONE_TRY(Rows all, rows(split));
  return std::move(all.values);
}

}  // namespace anemone::eval
