#include "text_file.h"

#include <fmt/format.h>

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

Error cannot_write(const std::string& path) {
  return {ErrorCode::io, path + ": cannot be written", {}, {}};
}

}  // namespace

Status check_file(const std::string& path) {
  const Place place = place_of(path);
  std::error_code error;
  if (place.written == place.target)
    return fs::is_directory(place.target, error) ? Status(cannot_write(path)) : Status();
  const bool opened = std::ofstream(place.written, std::ios::binary).is_open();
  if (opened) fs::remove(place.written, error);
  return opened ? Status() : Status(cannot_write(path));
}

Status write_file(const std::string& path, const std::string& text) {
  const Place place = place_of(path);
  std::ofstream file(place.written, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  if (!file.fail() && place.written != place.target) fs::rename(place.written, place.target, error);
  if (!file.fail() && !error) return {};
  if (place.written != place.target) fs::remove(place.written, error);
  return cannot_write(path);
}

}  // namespace anemone::tools
