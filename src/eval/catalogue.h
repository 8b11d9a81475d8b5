#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "anemone/log.h"
#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval {

enum class EntryKind : uint8_t { task, group, python };

/// One task or group as its file (with what the file includes) says.
struct CatalogueEntry {
  std::string name;
  EntryKind kind = EntryKind::task;
  std::string source;  ///< the file, as found below the include path as it was given.
  bool builtin = false;
  std::filesystem::path folder;  ///< of the file; for a built-in below tasks/.
  std::vector<std::filesystem::path>
      parents;                    ///< folders above it, up to that of the include path.
  std::vector<std::string> tags;  ///< and those of a rival.
  Value config;
  std::string replaces;  ///< source of the task of this name whose place it takes, if any.
  std::string rival;     ///< source of another task of this name below the same include path.
};

/// Whether both are of one file, or built in.
bool is_same_place(const CatalogueEntry& one, const CatalogueEntry& other);

/// Errors: invalid_argument (two files of one include path name the entry, so that none is meant).
Status check_single(const CatalogueEntry& entry);

/// Reads a task file: `include` is followed (later files win, the file itself last), functions
/// become the names of built-ins where there is one ("hellaswag.process_docs").
/// Errors: those of read_yaml; corrupt (no dict, an include cycle).
Result<Value> load_task_file(const std::filesystem::path& path);

/// All tasks that can be named: the built-in ones and those of the include paths. A later path wins
/// over an earlier one, see `replaces`; two files of one path that name a task alike are `rival`s.
class Catalogue {
 public:
  /// Files that cannot be read are left out with a warning. Errors: not_found (an include path).
  static Result<Catalogue> build(std::span<const std::filesystem::path> include_paths,
                                 const LogSink& log);

  const std::vector<CatalogueEntry>& entries() const { return entries_; }

  /// Names, patterns with * ? [ ], tags, paths of .yaml files, or of .txt files for their
  /// perplexity, in their order and without repetition; what a pattern or tag matches is sorted.
  /// Errors: invalid_argument (an unknown name, with the nearest one; two places of one name);
  /// not_found (a text); those of load_task_file.
  Result<std::vector<CatalogueEntry>> select(std::span<const std::string> names) const;

 private:
  const CatalogueEntry* find(const std::string& name) const;
  std::vector<std::string> with_tag(const std::string& tag) const;

  std::vector<CatalogueEntry> entries_;  ///< sorted by name.
};

}  // namespace anemone::eval
