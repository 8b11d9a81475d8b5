#pragma once

#include <optional>

#include "anemone/compare.h"
#include "anemone/recorded_results.h"
#include "eval/value.h"

namespace anemone::compare {

/// A file's content, read by what it is.
struct Document {
  Source source;
  eval::Value content;
  std::optional<eval::RecordedResults> results;  ///< of kind evaluation.
};

/// Reads one document from a file's text. Errors: corrupt, limit, unsupported (another version).
Result<Document> parse_document(std::string_view text, const std::filesystem::path& path);

/// Reads a file, or of a folder the newest results_*.json below it, else the results.json in it.
/// Errors also: not_found, io.
Result<Document> read_document(const std::filesystem::path& path);

}  // namespace anemone::compare
