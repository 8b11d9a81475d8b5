#include "convert/output_folder.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/output_file.h"
#include "base/sha256.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;

constexpr std::array kCompanions = {"tokenizer.json",     "tokenizer_config.json",
                                    "tokenizer.model",    "special_tokens_map.json",
                                    "added_tokens.json",  "vocab.json",
                                    "merges.txt",         "chat_template.jinja",
                                    "chat_template.json", "generation_config.json"};

}  // namespace

Status check_output(const fs::path& out, bool overwrite) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(out, error);
  if (!fs::exists(status)) return {};
  if (!overwrite)
    return with_hint(fail(ErrorCode::invalid_argument, "{} exists", out.string()),
                     "give another name, or --overwrite");
  const bool is_ours = fs::is_directory(status) &&
                       (fs::exists(out / "anemone.json", error) ||
                        fs::exists(out / "Manifest.json", error) || fs::is_empty(out, error));
  if (is_ours) return {};
  return fail(ErrorCode::invalid_argument,
              "{} exists and is nothing that a conversion made: it is not replaced", out.string());
}

Status copy_companions(const fs::path& checkpoint, const fs::path& folder, bool copies_config) {
  const auto copy = [&](const char* name) -> Status {
    std::error_code error;
    if (!fs::exists(checkpoint / name, error)) return {};
    fs::copy_file(checkpoint / name, folder / name, error);
    if (error)
      return fail(ErrorCode::io, "cannot copy {}: {}", (checkpoint / name).string(),
                  error.message());
    return {};
  };
  for (const char* name : kCompanions) ANEMONE_RETURN_IF_ERROR(copy(name));
  return copies_config ? copy("config.json") : Status();
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
    Sha256 hash;
    ANEMONE_RETURN_IF_ERROR(hash.update_from(folder / name));
    hashes[name] = hash.finish();
  }
  return hashes;
}

}  // namespace anemone::converter
