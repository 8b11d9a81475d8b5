#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "anemone/result.h"

namespace anemone::tools {

/// What a command reads: a file, or a folder whose files are all its own (a model, a package).
struct InputPath {
  std::string words;  ///< for a person: "what --baseline reads", "the model".
  std::filesystem::path path;
};

/// Where nothing is written to a file: no path, or "-".
bool goes_to_stdout(const std::string& output);

/// Whether two paths end at one file, also through links and folders, and where neither is there
/// yet. What is no regular file (/dev/null) is never one: it takes any number of outputs.
bool is_one_file(const std::filesystem::path& a, const std::filesystem::path& b);

/// Writing `output`, which `flag` named, leaves every input as it is. A file that is not there yet
/// may be made in a folder that is read. Errors: invalid_argument (names flag, output and input).
Status check_inputs_stay(const std::string& flag, const std::string& output,
                         std::span<const InputPath> inputs);

}  // namespace anemone::tools
