#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "anemone/result.h"
#include "text/bridge_call.h"

namespace anemone::text {

/// Rows of a Parquet file or of an Arrow IPC stream (`.arrow` of the datasets cache) as JSON text.
/// Move-only; one thread at a time.
class TableRows {
 public:
  enum class Format : uint8_t { parquet, arrow_stream };

  /// Errors: io (with the path), corrupt (with the path), unsupported (built without the reader).
  static Result<TableRows> open(Format format, const std::filesystem::path& path);
  /// From memory; the bytes are copied.
  static Result<TableRows> parse(Format format, std::string_view bytes);

  /// The number of rows if the format states it.
  std::optional<int64_t> count() const;

  /// {"columns":[{"name","type","nullable"}…],"metadata":{…}}; the hub's features are the text
  /// metadata["huggingface"].
  Result<std::string> schema_json() const;

  struct Lines {
    std::string text;  ///< one JSON object a line, keys in the order of the columns.
    size_t rows = 0;   ///< 0: there are no more.
  };
  /// About a thousand rows. NaN and infinities are written as Python's json does; bytes are base64,
  /// dates and times ISO 8601, decimals text. Errors: corrupt, unsupported (a column's type),
  /// limit.
  Result<Lines> next();

 private:
  explicit TableRows(BridgeRows bridge) : bridge_(std::move(bridge)) {}
  BridgeRows bridge_;
};

}  // namespace anemone::text
