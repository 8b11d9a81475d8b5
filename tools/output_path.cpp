#include "output_path.h"

#include <system_error>

namespace anemone::tools {
namespace {

namespace fs = std::filesystem;

/// Whether `output`, a regular file, is a file of this folder.
bool holds(const fs::path& folder, const fs::path& output) {
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(folder, options, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;  // of an entry that is gone meanwhile
    if (fs::equivalent(at->path(), output, ignored)) return true;
  }
  return false;
}

}  // namespace

bool goes_to_stdout(const std::string& output) { return output.empty() || output == "-"; }

bool is_one_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  const bool is_there = fs::exists(a, error);
  if (is_there != fs::exists(b, error)) return false;
  if (is_there) return fs::is_regular_file(a, error) && fs::equivalent(a, b, error);
  const auto place = [](const fs::path& path) {
    std::error_code ignored;
    return fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  };
  return !a.empty() && place(a) == place(b);
}

Status check_inputs_stay(const std::string& flag, const std::string& output,
                         std::span<const InputPath> inputs) {
  std::error_code error;
  if (goes_to_stdout(output) || !fs::is_regular_file(output, error)) return {};
  for (const InputPath& input : inputs) {
    const bool is_folder = fs::is_directory(input.path, error);
    if (is_folder ? !holds(input.path, output) : !is_one_file(input.path, output)) continue;
    return Error{
        ErrorCode::invalid_argument,
        flag + " " + output + " would overwrite " + (is_folder ? "part of " : "") + input.words,
        {},
        "write to another file"};
  }
  return {};
}

}  // namespace anemone::tools
