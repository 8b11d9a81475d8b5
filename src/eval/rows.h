#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval {

/// Formats of files with rows.
enum class RowFormat : uint8_t {
  json,
  csv,
  tsv,
  text,             ///< a row a line.
  text_paragraphs,  ///< a row for each piece between empty lines, empty pieces left out.
  text_document,    ///< one row a file.
  parquet,
  arrow,
};

/// By the name's ending, `.gz` left out: .jsonl .ndjson .json .csv .tsv .txt .parquet .arrow.
std::optional<RowFormat> row_format(const std::filesystem::path& path);

/// Rows as Hugging Face datasets gives them: every row has all columns in the order of their first
/// appearance, None where a row has no value; a column with integers and floats is float.
/// JSON is one object a line, or one list of objects. Errors: corrupt and limit (a line over 64
/// MiB, JSON nested too deep) with the line; unsupported.
Result<std::vector<Value>> parse_rows(std::string_view bytes, RowFormat format);

/// Reads one file, unpacked when it ends in `.gz`, in the format of its name where none is given.
/// Errors also: not_found, io, limit (more than 4 GiB unpacked).
Result<std::vector<Value>> read_rows(const std::filesystem::path& path,
                                     std::optional<RowFormat> format = std::nullopt);

}  // namespace anemone::eval
