#pragma once

#include <filesystem>

#include "convert/plan.h"

namespace anemone::converter {

/// Whether `out` may be written: it does not exist, or `overwrite` and it is what a conversion
/// leaves. Nothing else is ever replaced. Errors: invalid_argument.
Status check_output(const std::filesystem::path& out, bool overwrite);

/// Copies tokenizer, chat template, generation config and, if wanted, config.json of a checkpoint
/// as far as they are there. Errors: io.
Status copy_companions(const std::filesystem::path& checkpoint, const std::filesystem::path& folder,
                       bool copies_config);

/// Writes a file. Errors: io.
Status write_text(const std::filesystem::path& path, std::string_view contents);

/// SHA-256 of every file in the folder, by name, sorted. What is `known` is not read. Errors: io.
Result<nlohmann::ordered_json> hash_files(const std::filesystem::path& folder,
                                          const std::map<std::string, std::string>& known);

}  // namespace anemone::converter
