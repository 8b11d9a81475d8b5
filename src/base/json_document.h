#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone {

using Json = nlohmann::json;

/// Whether lists and objects lie at most `most_depth` deep in each other and objects have at most
/// `most_keys` keys; other faults of the text are not looked for. Errors: limit.
Status check_json_bounds(std::string_view text, size_t most_depth, size_t most_keys);

/// A JSON object from an untrusted file. No key may be there twice, nothing nests deeper than 64.
/// Errors: corrupt (syntax, no object, a key twice), limit (depth).
Result<Json> parse_json_object(std::string_view text);

/// The text of a small file. Errors: not_found, io, limit (more than 64 MiB).
Result<std::string> read_text(const std::filesystem::path& path);

/// `parse_json_object` of a file.
Result<Json> read_json_object(const std::filesystem::path& path);

/// Whether a value says nothing: null, false, "", [] or {}.
bool is_unset(const Json& value);

}  // namespace anemone
