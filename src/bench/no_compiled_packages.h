#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "anemone/result.h"

namespace anemone::bench {

/// While it lives, Core ML's backend finds no package that was compiled before, and what it
/// compiles goes with this. The user's own cache stays as it is. One at a time, while no other
/// thread reads the environment.
class NoCompiledPackages {
 public:
  /// Errors: io.
  static Result<NoCompiledPackages> make();
  ~NoCompiledPackages();
  NoCompiledPackages(NoCompiledPackages&& other) noexcept;
  NoCompiledPackages& operator=(NoCompiledPackages&&) = delete;

  /// Whether something was compiled since.
  bool has_compiled() const;

 private:
  explicit NoCompiledPackages(std::filesystem::path folder);

  std::filesystem::path folder_;
  std::optional<std::string> before_;
};

}  // namespace anemone::bench
