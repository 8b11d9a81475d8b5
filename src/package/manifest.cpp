#include "package/manifest.h"

#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/path_inside.h"

namespace anemone::package {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

/// The member as text, or an error that names it.
Result<std::string> text_member(const Json& object, const char* key, std::string_view owner) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    return fail(ErrorCode::corrupt, "{}: key '{}' is {}, expected a string", owner, key,
                found == object.end() ? "missing" : found->type_name());
  return found->get<std::string>();
}

/// Versions up to 1.0.0 are read, as coremltools does.
Status check_version(const std::string& version) {
  int parts[3] = {};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    const bool separated = i == 2 ? next == end : next != end && *next == '.';
    if (error != std::errc() || parts[i] < 0 || !separated)
      return fail(ErrorCode::corrupt, "fileFormatVersion '{}', expected three numbers as in 1.0.0",
                  version);
    at = next + 1;
  }
  if (parts[0] > 1 || (parts[0] == 1 && (parts[1] > 0 || parts[2] > 0)))
    return fail(ErrorCode::unsupported, "fileFormatVersion {}, known is up to 1.0.0", version);
  return {};
}

}  // namespace

Result<std::string> parse_manifest(std::string_view json,
                                   const std::function<Status(const std::string&)>& item) {
  constexpr size_t kLargest = 16 << 20;  // real ones have about 1 kB
  if (json.size() > kLargest)
    return fail(ErrorCode::limit, "{} bytes, at most {}", json.size(), kLargest);
  const Json manifest = Json::parse(json, nullptr, false);
  if (!manifest.is_object()) return fail(ErrorCode::corrupt, "no JSON object");
  ANEMONE_TRY(const std::string version, text_member(manifest, "fileFormatVersion", "manifest"));
  ANEMONE_RETURN_IF_ERROR(check_version(version));
  ANEMONE_TRY(const std::string root, text_member(manifest, "rootModelIdentifier", "manifest"));
  const auto items = manifest.find("itemInfoEntries");
  if (items == manifest.end() || !items->is_object())
    return fail(ErrorCode::corrupt, "manifest: key 'itemInfoEntries' is {}, expected an object",
                items == manifest.end() ? "missing" : items->type_name());
  std::string root_path;
  bool found = false;
  for (const auto& [identifier, entry] : items->items()) {
    const std::string owner = fmt::format("item '{}'", identifier);
    if (!entry.is_object())
      return fail(ErrorCode::corrupt, "{} is {}, expected an object", owner, entry.type_name());
    for (const char* key : {"author", "description", "name"})
      if (auto text = text_member(entry, key, owner); !text.ok()) return std::move(text).error();
    ANEMONE_TRY(std::string path, text_member(entry, "path", owner));
    if (path.empty()) return fail(ErrorCode::corrupt, "{}: key 'path' is empty", owner);
    if (Status status = item(path); !status.ok()) return std::move(status).in(owner).error();
    if (identifier != root) continue;
    root_path = std::move(path);
    found = true;
  }
  if (!found)
    return fail(ErrorCode::corrupt, "rootModelIdentifier '{}' is none of {} items", root,
                items->size());
  return root_path;
}

Result<fs::path> root_model_path(const fs::path& package) {
  constexpr const char* kName = "Manifest.json";
  ANEMONE_TRY(const fs::path path, path_inside(package, kName));
  ANEMONE_TRY(const auto file, MappedFile::open(path));
  const fs::path data = "Data";
  auto root =
      parse_manifest({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()},
                     [&](const std::string& item) -> Status {
                       const auto absolute = fs::path(item).is_absolute();
                       const fs::path name = absolute ? fs::path(item) : data / item;
                       auto inside = path_inside(package, name.generic_string());
                       if (!inside.ok()) return std::move(inside).error();
                       return {};
                     });
  if (!root.ok()) return std::move(root).in(path.string()).error();
  return data / *root;
}

}  // namespace anemone::package
