#pragma once

#include <filesystem>
#include <string_view>

#include "anemone/result.h"

namespace anemone::converter {

/// The folder OUT.partial, where calibration keeps what it has done until OUT is whole. A file in
/// it, with which it appears, marks it; nothing else is ever used, written into or removed.
class PartialFolder {
 public:
  static constexpr std::string_view kDense = "dense";      ///< the model before compression.
  static constexpr std::string_view kWeights = "weights";  ///< those that are rounded.
  static constexpr std::string_view kProbe = "probe_";  ///< a part compressed alone; and its name.

  static std::filesystem::path place_of(const std::filesystem::path& out);

  /// Whether a calibration made what stands there.
  static bool is_ours(const std::filesystem::path& partial);

  /// Errors: invalid_argument (at OUT.partial there is a link, a file, a folder without the mark,
  /// or one with things in it that no calibration makes).
  static Status check(const std::filesystem::path& out);

  /// The one that is there, or a new one; this object's alone until it goes. Errors: those of
  /// check, invalid_argument (another calibration is at work in it), io.
  static Result<PartialFolder> open(const std::filesystem::path& out);

  PartialFolder(PartialFolder&& other) noexcept;
  PartialFolder& operator=(PartialFolder&&) = delete;
  ~PartialFolder();

  const std::filesystem::path& path() const { return path_; }
  bool was_there() const { return was_there_; }

  /// Removes all that a calibration makes, and the folder where nothing else is in it.
  void remove() const;
  /// What is rounded stays; without any, nothing does.
  void remove_all_but_weights() const;

 private:
  PartialFolder(std::filesystem::path path, bool was_there, int lock)
      : path_(std::move(path)), was_there_(was_there), lock_(lock) {}
  std::filesystem::path path_;
  bool was_there_;
  int lock_;  ///< the mark, open and locked; -1: moved from.
};

}  // namespace anemone::converter
