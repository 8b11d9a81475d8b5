#include "convert/output_folder.h"

#include <algorithm>

#include "base/blake3.h"
#include "base/error.h"
#include "base/json_document.h"
#include "base/output_file.h"
#include "convert/partial_folder.h"
#include "package/replaceable.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;

/// Weights, which nobody edits by hand, may take minutes to read.
constexpr uintmax_t kMostHashed = uintmax_t{64} << 20;

/// Whether a file is not what its digest in anemone.json says.
bool is_changed(const fs::path& file, const Json& digest) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return true;
  const uintmax_t size = fs::file_size(file, error);
  if (error) return true;
  if (size > kMostHashed) return false;
  Blake3 hash;
  return !hash.update_from(file).ok() || digest != hash.finish();
}

/// A folder is ours when a file of exactly this name in it says so.
Status check_folder(const fs::path& out) {
  const auto refused = [&](std::string_view why) {
    return with_hint(fail(ErrorCode::invalid_argument,
                          "{} exists and is nothing that a conversion made: {}", out.string(), why),
                     "it is not replaced; remove it, or give another name");
  };
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(out, error))) return refused("not a folder");
  bool is_empty = true;
  bool has_manifest = false;
  for (auto entry = fs::directory_iterator(out, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    is_empty = false;
    has_manifest |= entry->path().filename() == kManifest;
  }
  if (error) return refused(error.message());
  if (is_empty) return {};
  if (!has_manifest) return refused("there is no anemone.json in it");
  const auto manifest = read_json_object(out / kManifest);
  if (!manifest.ok()) return refused(fmt::format("{}: {}", kManifest, manifest.error().message));
  const auto format = manifest->find("format");
  if (format == manifest->end() || *format != kFormat)
    return refused(fmt::format("{} has another format", kManifest));
  const auto files = manifest->find("files");
  for (auto entry = fs::recursive_directory_iterator(out, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().lexically_relative(out).generic_string();
    if (fs::is_directory(entry->symlink_status(error)) || name == kManifest ||
        package::is_left_by_finder(entry->path()))
      continue;
    if (files == manifest->end() || !files->contains(name))
      return refused(fmt::format("'{}' in it was made by something else", name));
    if (is_changed(entry->path(), files->at(name)))
      return refused(fmt::format("'{}' in it was changed since", name));
  }
  if (error) return refused(error.message());
  return {};
}

/// The place itself, also where none of it exists yet.
fs::path real_place(const fs::path& path, std::error_code& error) {
  const fs::path absolute = fs::absolute(path, error);
  return error ? fs::path() : fs::weakly_canonical(absolute, error);
}

Status check_replaceable(const fs::path& out) {
  return out.extension() == ".mlpackage" ? package::check_replaceable(out) : check_folder(out);
}

}  // namespace

Result<fs::path> output_place(const fs::path& out) {
  const fs::path place = out.has_filename() ? out : out.parent_path();
  const fs::path name = place.filename();
  if (!name.empty() && name != "." && name != "..") return place;
  return with_hint(
      fail(ErrorCode::invalid_argument, "the output '{}' has no name of its own", out.string()),
      "it is made under another name beside its place and renamed: give the folder's name, from "
      "outside of it");
}

void warn_of_left(const fs::path& out, bool with_partial, const LogSink& log) {
  if (!log) return;
  const fs::path partial = PartialFolder::place_of(out);
  for (const fs::path& place : {out, partial})
    for (const fs::path& left : StagedFolder::left_beside(place))
      log(LogLevel::warning,
          fmt::format("{} is left by a run that was interrupted, unless one still runs; remove it",
                      left.string()));
  if (with_partial && PartialFolder::is_ours(partial))
    log(LogLevel::warning,
        fmt::format("{} is what a calibration of {} has done that was interrupted: the same "
                    "command goes on from it; else remove it",
                    partial.string(), out.filename().string()));
}

Status check_output(const fs::path& out, bool overwrite) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(out, error))) {
    if (!overwrite)
      return with_hint(fail(ErrorCode::invalid_argument, "{} exists", out.string()),
                       "give another name, or --overwrite");
    ANEMONE_RETURN_IF_ERROR(check_replaceable(out));
  }
  ANEMONE_TRY(const StagedFolder proof, StagedFolder::create(out));
  return {};
}

Status commit_output(StagedFolder& staged, bool overwrite) {
  return overwrite ? staged.commit_over(check_replaceable) : staged.commit();
}

Status check_source(const fs::path& out, const fs::path& source) {
  std::error_code error;
  const fs::path replaced = real_place(out, error);
  if (error)
    return fail(ErrorCode::invalid_argument, "cannot write {}: {}", out.string(), error.message());
  const fs::path read = real_place(source, error);
  const auto parts = std::ranges::mismatch(replaced, read);
  if (error || parts.in1 != replaced.end()) return {};
  if (parts.in2 == read.end())
    return with_hint(fail(ErrorCode::invalid_argument, "{} is what is read, and cannot be written",
                          source.string()),
                     "give another place for the output");
  return with_hint(fail(ErrorCode::invalid_argument, "{} lies in {}, which is to be written",
                        source.string(), out.string()),
                   "give another place for the output");
}

Status check_outside(const fs::path& out, const fs::path& model) {
  std::error_code error;
  const fs::path written = real_place(out, error);
  const fs::path read = error ? fs::path() : real_place(model, error);
  const auto parts = std::ranges::mismatch(read, written);
  if (error || parts.in1 != read.end()) return {};
  return with_hint(fail(ErrorCode::invalid_argument, "{} lies in {}, the model that is read",
                        out.string(), model.string()),
                   "give a place outside of it");
}

Status write_text(const fs::path& path, std::string_view contents) {
  ANEMONE_TRY(OutputFile file, OutputFile::create(path));
  ANEMONE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(contents))));
  return file.close();
}

Result<nlohmann::ordered_json> hash_files(const fs::path& folder,
                                          const std::map<std::string, std::string>& known) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (entry->is_regular_file(error))
      names.push_back(entry->path().lexically_relative(folder).generic_string());
  if (error) return fail(ErrorCode::io, "cannot list {}: {}", folder.string(), error.message());
  std::ranges::sort(names);
  auto hashes = nlohmann::ordered_json::object();
  for (const std::string& name : names) {
    if (const auto found = known.find(name); found != known.end()) {
      hashes[name] = found->second;
      continue;
    }
    Blake3 hash;
    ANEMONE_RETURN_IF_ERROR(hash.update_from(folder / name));
    hashes[name] = hash.finish();
  }
  return hashes;
}

}  // namespace anemone::converter
