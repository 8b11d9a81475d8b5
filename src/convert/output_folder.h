#pragma once

#include <filesystem>

#include "anemone/log.h"
#include "base/staged_folder.h"
#include "convert/plan.h"

namespace anemone::converter {

/// What a folder says of itself: the name of the file, and what it has as `format`.
inline constexpr std::string_view kManifest = "anemone.json";
inline constexpr std::string_view kFormat = "anemone-model";

/// `out` without a slash at its end. It is made beside its place and renamed, so it has a name:
/// neither "", "/", "." nor "..". Errors: invalid_argument.
Result<std::filesystem::path> output_place(const std::filesystem::path& out);

/// Names what runs that were killed have left beside `out`; `with_partial`: also OUT.partial.
void warn_of_left(const std::filesystem::path& out, bool with_partial, const LogSink& log);

/// Whether `out` may be written. It does not exist, or `overwrite` and it is what a conversion
/// leaves: a package, or an empty folder or one whose anemone.json is that of a conversion and
/// names every file in it, with the hash that it has (those of more than 64 MiB are not read).
/// Nothing else is ever replaced. The folder that is to hold it takes files. Errors:
/// invalid_argument, not_found (that folder), io.
Status check_output(const std::filesystem::path& out, bool overwrite);

/// Gives the folder its name; what stands there by now is judged as by check_output.
Status commit_output(StagedFolder& staged, bool overwrite);

/// Errors: invalid_argument when `source`, which is read, lies in `out`, which is replaced; where
/// `source` is a link, what it leads to.
Status check_source(const std::filesystem::path& out, const std::filesystem::path& source);
/// Errors: invalid_argument when `out` would be a part of the finished model `model`, which is
/// read.
Status check_outside(const std::filesystem::path& out, const std::filesystem::path& model);

/// Writes a file. Errors: io.
Status write_text(const std::filesystem::path& path, std::string_view contents);

/// BLAKE3 of every file in the folder, by name, sorted. What is `known` is not read. Errors: io.
Result<nlohmann::ordered_json> hash_files(const std::filesystem::path& folder,
                                          const std::map<std::string, std::string>& known);

}  // namespace anemone::converter
