#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "anemone/result.h"

namespace anemone::coreml {

/// Compiles a package; gives a `.mlmodelc` that the caller may move away.
using Compile = std::function<Result<std::filesystem::path>(const std::filesystem::path& package)>;

/// Compiled packages under the digest of what they were compiled from, so that each package is
/// compiled once by one version of the system. Any number of processes may use one folder: entries
/// appear whole or not at all.
class CompiledCache {
 public:
  /// `system`: names the compiler; another one has entries of its own.
  CompiledCache(std::filesystem::path folder, std::string system)
      : folder_(std::move(folder)), system_(std::move(system)) {}

  struct Entry {
    std::filesystem::path model;  ///< the `.mlmodelc`.
    bool was_there = false;
    bool is_refused = false;  ///< by note_refusal.
  };
  /// The entry of a package, made by `compile` where there is none or where its files are not those
  /// that were written: each is there with its size, small ones with their digest. Errors: io, and
  /// those of `compile`.
  Result<Entry> find_or_make(const std::filesystem::path& package, const Compile& compile) const;
  /// Makes the entry anew, as Core ML refuses the one that is there.
  Result<Entry> remake(const std::filesystem::path& package, const Compile& compile) const;
  /// Core ML refuses what was made anew too: whoever finds it need not make it again.
  void note_refusal(const Entry& entry) const;

 private:
  Result<std::filesystem::path> entry_of(const std::filesystem::path& package) const;
  Result<Entry> make(const std::filesystem::path& package, const std::filesystem::path& entry,
                     const Compile& compile, bool replace) const;

  std::filesystem::path folder_;
  std::string system_;
};

/// $ANEMONE_COMPILED_CACHE, else the user's caches (~/Library/Caches on macOS, $XDG_CACHE_HOME or
/// ~/.cache elsewhere) with anemone/compiled below.
std::filesystem::path default_cache_folder();

}  // namespace anemone::coreml
