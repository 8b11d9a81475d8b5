#include "convert/companions.h"

#include <algorithm>
#include <array>
#include <optional>

#include "anemone/text.h"
#include "base/error.h"
#include "base/json_document.h"
#include "base/path_inside.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;

constexpr std::array kNames = {"tokenizer.json",     "tokenizer_config.json",
                               "tokenizer.model",    "special_tokens_map.json",
                               "added_tokens.json",  "vocab.json",
                               "merges.txt",         "chat_template.jinja",
                               "chat_template.json", "generation_config.json"};

Result<std::optional<Companion>> find_in(const fs::path& folder, const char* name) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder / name, error))) return std::optional<Companion>();
  auto path = path_inside(folder, name);
  if (!path.ok())
    return with_hint(std::move(path).in(folder.string()).error(),
                     "what lies elsewhere is not copied into a model: put the file itself there");
  if (!fs::is_regular_file(*path, error))
    return fail(ErrorCode::invalid_argument, "{}: no file", (folder / name).string());
  const uint64_t size = fs::file_size(*path, error);
  if (error) return fail(ErrorCode::io, "{}: cannot stat: {}", path->string(), error.message());
  return std::optional(Companion{name, *std::move(path), size});
}

/// A tokenizer that nobody can load would travel into a model that takes no text.
Status check_tokenizer(const fs::path& path) {
  ANEMONE_TRY(const std::string json, read_text(path));
  auto parsed = text::Tokenizer::parse(json);
  if (!parsed.ok()) return std::move(parsed).in(path.string()).error();
  return {};
}

bool has_own_template(const fs::path& folder) {
  const auto config = read_json_object(folder / "tokenizer_config.json");
  return config.ok() && config->contains("chat_template") && !is_unset(config->at("chat_template"));
}

}  // namespace

Result<std::vector<Companion>> find_companions(const checkpoint::Checkpoint& checkpoint,
                                               bool copies_config) {
  std::vector<Companion> companions;
  const bool is_adapted = !checkpoint.adapter.empty();
  const bool hides_template = is_adapted && has_own_template(checkpoint.adapter);
  for (const char* name : kNames) {
    std::optional<Companion> found;
    if (is_adapted) {
      ANEMONE_TRY(found, find_in(checkpoint.adapter, name));
    }
    const bool is_hidden = hides_template && std::string_view(name).starts_with("chat_template");
    if (!found && !is_hidden) {
      ANEMONE_TRY(found, find_in(checkpoint.path, name));
    }
    if (!found) continue;
    if (found->name == "tokenizer.json") ANEMONE_RETURN_IF_ERROR(check_tokenizer(found->path));
    companions.push_back(*std::move(found));
  }
  if (!copies_config) return companions;
  ANEMONE_TRY(auto config, find_in(checkpoint.path, "config.json"));
  if (config) companions.push_back(*std::move(config));
  return companions;
}

Result<std::vector<Companion>> companions_of(const fs::path& path, const fs::path& adapter) {
  ANEMONE_TRY(const checkpoint::Checkpoint opened,
              checkpoint::open(path, adapter.empty() ? std::optional<fs::path>() : adapter));
  return find_companions(opened, true);
}

Status copy_companions(std::span<const Companion> companions, const fs::path& folder) {
  for (const Companion& companion : companions) {
    std::error_code error;
    fs::copy_file(companion.path, folder / companion.name, error);
    if (error)
      return fail(ErrorCode::io, "cannot copy {}: {}", companion.path.string(), error.message());
  }
  return {};
}

}  // namespace anemone::converter
