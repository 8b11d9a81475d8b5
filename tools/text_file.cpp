#include "text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <system_error>

namespace anemone::tools {
namespace {

namespace fs = std::filesystem;

/// The file itself, or what stands in its place until it is whole.
struct Place {
  fs::path target;
  fs::path written;  ///< the target where that is no file, such as a pipe.
};

Place place_of(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  fs::path target = error ? fs::path(path) : real;
  if (!error && !fs::is_regular_file(target, error)) return {target, target};
  std::random_device random;
  fs::path beside = target;
  beside += fmt::format(".{:08x}.tmp", random());
  return {std::move(target), std::move(beside)};
}

/// With the cause, as far as it shows: that of the last call otherwise.
Error cannot_write(const std::string& path, const fs::path& target, int last_error) {
  std::error_code error;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::string cause;
  if (fs::is_directory(target, error))
    cause = "it is a folder";
  else if (!fs::exists(folder, error))
    cause = folder.string() + ": no such folder";
  else if (!fs::is_directory(folder, error))
    cause = folder.string() + " is no folder";
  else if (last_error != 0)
    cause = std::generic_category().message(last_error);
  return {
      ErrorCode::io, path + ": cannot be written" + (cause.empty() ? "" : ": " + cause), {}, {}};
}

}  // namespace

Status check_file(const std::string& path) {
  const Place place = place_of(path);
  std::error_code error;
  if (place.written == place.target)
    return fs::is_directory(place.target, error) ? Status(cannot_write(path, place.target, 0))
                                                 : Status();
  errno = 0;
  const bool opened = std::ofstream(place.written, std::ios::binary).is_open();
  const int cause = errno;
  if (opened) fs::remove(place.written, error);
  return opened ? Status() : Status(cannot_write(path, place.target, cause));
}

Status write_file(const std::string& path, const std::string& text) {
  const Place place = place_of(path);
  errno = 0;
  std::ofstream file(place.written, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  const int cause = file.fail() ? errno : 0;
  std::error_code error;
  if (!file.fail() && place.written != place.target) fs::rename(place.written, place.target, error);
  if (!file.fail() && !error) return {};
  const Error failed = cannot_write(path, place.target, error ? error.value() : cause);
  if (place.written != place.target) fs::remove(place.written, error);
  return failed;
}

}  // namespace anemone::tools
