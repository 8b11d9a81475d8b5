#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "anemone/result.h"

namespace anemone {

/// A folder that appears under its name when it is complete, or not at all: it is filled under a
/// hidden name beside the target, and `commit` renames it.
class StagedFolder {
 public:
  /// Errors: not_found (the folder that is to hold the target), io.
  static Result<StagedFolder> create(const std::filesystem::path& target);

  /// Folders of that kind beside the target, sorted: left by a process that was killed, or those
  /// of one that still runs.
  static std::vector<std::filesystem::path> left_beside(const std::filesystem::path& target);

  StagedFolder(StagedFolder&& other) noexcept;
  StagedFolder& operator=(StagedFolder&&) = delete;
  ~StagedFolder();  ///< Removes the folder and all in it unless it was committed.

  /// Where to write.
  const std::filesystem::path& path() const { return staged_; }

  /// Nothing but an empty folder is replaced. Errors: invalid_argument (the target exists), io.
  Status commit();

  /// Whether what stands there now may be removed.
  using MayReplace = std::function<Status(const std::filesystem::path& target)>;
  /// What stands under the target's name is replaced; it is put back when the renaming fails, and
  /// where that fails too, the error names where both lie. Errors: those of `may_replace`, io.
  Status commit_over(const MayReplace& may_replace);

 private:
  StagedFolder(std::filesystem::path parent, std::filesystem::path staged,
               std::filesystem::path target)
      : parent_(std::move(parent)), staged_(std::move(staged)), target_(std::move(target)) {}
  Status rename_to_target() const;

  /// Where both lie, by no name that leads through the target, which is moved.
  std::filesystem::path parent_;
  std::filesystem::path staged_;  ///< empty once committed.
  std::filesystem::path target_;
};

}  // namespace anemone
