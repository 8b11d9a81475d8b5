#include "coreml/compiled_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/atomic_file.h"
#include "base/blake3.h"
#include "base/error.h"
#include "base/staged_folder.h"
#include "runtime/coreml.h"

namespace anemone::coreml {

namespace fs = std::filesystem;

namespace {

constexpr const char* kModel = "model.mlmodelc";
constexpr const char* kContents = "contents.txt";
constexpr const char* kRefused = "refused.txt";
/// Larger files are known by their sizes alone.
constexpr uintmax_t kDigestedBytes = 1 << 20;

Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(
           folder, fs::directory_options::follow_directory_symlink, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (entry->is_regular_file(error)) files.push_back(entry->path());
  if (error) return fail(ErrorCode::io, "cannot list {}: {}", folder.string(), error.message());
  std::ranges::sort(files);
  return files;
}

/// "size digest path" of each file; the digest of large ones is "-".
Result<std::string> list_contents(const fs::path& model) {
  ANEMONE_TRY(const auto files, files_below(model));
  std::string text;
  for (const fs::path& file : files) {
    std::error_code error;
    const uintmax_t size = fs::file_size(file, error);
    if (error) return fail(ErrorCode::io, "cannot read {}: {}", file.string(), error.message());
    std::string digest = "-";
    if (size <= kDigestedBytes) {
      Blake3 hash;
      ANEMONE_RETURN_IF_ERROR(hash.update_from(file));
      digest = hash.finish();
    }
    text +=
        fmt::format("{} {} {}\n", size, digest, file.lexically_relative(model).generic_string());
  }
  return text;
}

bool is_whole(const fs::path& entry) {
  std::ifstream stream(entry / kContents);
  std::stringstream written;
  written << stream.rdbuf();
  const auto found = list_contents(entry / kModel);
  return stream && found.ok() && !found->empty() && *found == written.str();
}

/// Within a volume by renaming.
Status move_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  fs::copy(from, to, fs::copy_options::recursive, error);
  if (error)
    return fail(ErrorCode::io, "cannot move {} to {}: {}", from.string(), to.string(),
                error.message());
  fs::remove_all(from, error);
  return {};
}

/// Removes what the compiler left, unless it was moved away.
struct Leftover {
  fs::path path;
  ~Leftover() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

Status write_text(const fs::path& path, const std::string& text) {
  ANEMONE_TRY(auto file, AtomicFile::create(path));
  ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(text))));
  return file.commit();
}

}  // namespace

Result<fs::path> CompiledCache::entry_of(const fs::path& package) const {
  Blake3 hash;
  const auto add = [&](std::string_view part) {
    hash.update(fmt::format("{} ", part.size()));
    hash.update(part);
  };
  add(system_);
  std::vector<fs::path> files = {package};
  std::error_code unknown;  // of what is not there, which the files' sizes tell
  if (fs::is_directory(package, unknown)) {
    ANEMONE_TRY(files, files_below(package));
  }
  for (const fs::path& file : files) {
    std::error_code error;
    const uintmax_t size = fs::file_size(file, error);
    if (error) return fail(ErrorCode::io, "cannot read {}: {}", file.string(), error.message());
    add(file.lexically_relative(package).generic_string());
    hash.update(fmt::format("{} ", size));
    ANEMONE_RETURN_IF_ERROR(hash.update_from(file));
  }
  return folder_ / hash.finish().substr(Blake3::kName.size());
}

Result<CompiledCache::Entry> CompiledCache::find_or_make(const fs::path& package,
                                                         const Compile& compile) const {
  ANEMONE_TRY(const fs::path entry, entry_of(package));
  std::error_code error;
  if (is_whole(entry)) return Entry{entry / kModel, true, fs::exists(entry / kRefused, error)};
  return make(package, entry, compile, false);
}

Result<CompiledCache::Entry> CompiledCache::remake(const fs::path& package,
                                                   const Compile& compile) const {
  ANEMONE_TRY(const fs::path entry, entry_of(package));
  return make(package, entry, compile, true);
}

void CompiledCache::note_refusal(const Entry& entry) const {
  // Without the note it is only made again.
  (void)write_text(entry.model.parent_path() / kRefused, "Core ML refuses this model\n");
}

Result<CompiledCache::Entry> CompiledCache::make(const fs::path& package, const fs::path& entry,
                                                 const Compile& compile, bool replace) const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return fail(ErrorCode::io, "cannot make {}: {}", folder_.string(), error.message());
  ANEMONE_TRY(const fs::path compiled, compile(package));
  const Leftover leftover{compiled};
  ANEMONE_TRY(auto staged, StagedFolder::create(entry));
  ANEMONE_RETURN_IF_ERROR(move_folder(compiled, staged.path() / kModel));
  ANEMONE_TRY(const std::string contents, list_contents(staged.path() / kModel));
  ANEMONE_RETURN_IF_ERROR(write_text(staged.path() / kContents, contents));
  const bool stands = fs::exists(entry, error);
  // Another process may have been faster, now or while this one looks.
  if (stands && !replace && is_whole(entry)) return Entry{entry / kModel, true};
  const Status status =
      stands ? staged.commit_over([](const fs::path&) { return Status(); }) : staged.commit();
  if (!status.ok() && !is_whole(entry)) return status.error();
  return Entry{entry / kModel, false};
}

fs::path default_cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  if (const fs::path own = variable(runtime::kCompiledCacheVariable); !own.empty()) return own;
  fs::path caches = variable("XDG_CACHE_HOME");
#ifdef __APPLE__
  caches = variable("HOME") / "Library/Caches";
#endif
  if (caches.empty()) caches = variable("HOME") / ".cache";
  return caches / "anemone/compiled";
}

}  // namespace anemone::coreml
