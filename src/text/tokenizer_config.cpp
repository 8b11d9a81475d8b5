#include "text/tokenizer_config.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/json_document.h"
#include "base/mapped_file.h"

namespace anemone::text {
namespace {

namespace fs = std::filesystem;

/// The roles that transformers knows in every tokenizer.
constexpr const char* kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};
constexpr const char* kRoleList = "additional_special_tokens";
constexpr const char* kDefaultTemplate = "default";

/// Nothing when the file does not exist.
Result<std::optional<std::string>> read_optional(const fs::path& path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) {
    if (file.error().code == ErrorCode::not_found) return std::optional<std::string>();
    return std::move(file).error();
  }
  const auto bytes = (*file)->bytes();
  return std::optional<std::string>(std::in_place, reinterpret_cast<const char*>(bytes.data()),
                                    bytes.size());
}

/// An empty object when the file does not exist.
Result<Json> read_object(const fs::path& path) {
  ANEMONE_TRY(const auto text, read_optional(path));
  if (!text) return Json::object();
  return parse_json_object(*text).in(path.string());
}

/// A token is written as its text or as an object with the text in "content".
std::optional<std::string> token_text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object()) return std::nullopt;
  const auto content = json.find("content");
  if (content == json.end() || !content->is_string()) return std::nullopt;
  return content->get<std::string>();
}

Status read_roles(const Json& json, const fs::path& path, TokenizerConfig& config) {
  const auto read_role = [&](const std::string& role, const Json& value) -> Status {
    if (value.is_null()) return {};
    const auto text = token_text(value);
    if (!text) return fail(ErrorCode::corrupt, "{}: {}: not a token", path.string(), role);
    config.special_tokens.try_emplace(role, *text);
    return {};
  };
  for (const char* role : kRoles) {
    const auto value = json.find(role);
    if (value != json.end()) ANEMONE_RETURN_IF_ERROR(read_role(role, *value));
  }
  const auto extra = json.find("extra_special_tokens");
  if (extra != json.end() && extra->is_object()) {
    for (const auto& [role, value] : extra->items())
      ANEMONE_RETURN_IF_ERROR(read_role(role, value));
  }
  const auto list = json.find(kRoleList);
  if (list == json.end() || list->is_null()) return {};
  const auto wrong =
      fail(ErrorCode::corrupt, "{}: {}: not a list of tokens", path.string(), kRoleList);
  if (!list->is_array()) return wrong;
  std::vector<std::string> tokens;
  for (const Json& value : *list) {
    const auto text = token_text(value);
    if (!text) return wrong;
    tokens.push_back(*text);
  }
  config.special_token_lists.try_emplace(kRoleList, std::move(tokens));
  return {};
}

Status read_flag(const Json& json, const char* key, const fs::path& path, bool& flag) {
  const auto value = json.find(key);
  if (value == json.end() || value->is_null()) return {};
  if (!value->is_boolean())
    return fail(ErrorCode::corrupt, "{}: {}: not true or false", path.string(), key);
  flag = value->get<bool>();
  return {};
}

/// One template as text, or a list of {"name", "template"}.
Status read_templates(const Json& json, const fs::path& path, TokenizerConfig& config) {
  const auto value = json.find("chat_template");
  if (value == json.end() || value->is_null()) return {};
  if (value->is_string()) {
    config.chat_templates[kDefaultTemplate] = value->get<std::string>();
    return {};
  }
  for (const Json& item : *value) {
    const bool sound = item.is_object() && item.contains("name") && item["name"].is_string() &&
                       item.contains("template") && item["template"].is_string();
    if (!sound)
      return fail(ErrorCode::corrupt, "{}: chat_template: neither text nor a list of named texts",
                  path.string());
    config.chat_templates[item["name"].get<std::string>()] = item["template"].get<std::string>();
  }
  return {};
}

/// Files replace what the configuration says about templates.
Status read_template_files(const fs::path& directory, TokenizerConfig& config) {
  std::map<std::string, std::string, std::less<>> found;
  ANEMONE_TRY(auto usual, read_optional(directory / "chat_template.jinja"));
  if (usual) found[kDefaultTemplate] = std::move(*usual);
  std::error_code error;
  const fs::path folder = directory / "additional_chat_templates";
  for (fs::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    if (file->path().extension() != ".jinja") continue;
    ANEMONE_TRY(auto source, read_optional(file->path()));
    if (source) found[file->path().stem().string()] = std::move(*source);
  }
  if (!found.empty()) config.chat_templates = std::move(found);
  return {};
}

/// `eos_token_id`: a number or a list of numbers.
Result<std::vector<int32_t>> eos_ids(const Json& json, const fs::path& path) {
  std::vector<int32_t> ids;
  const auto value = json.find("eos_token_id");
  if (value == json.end() || value->is_null()) return ids;
  for (const Json& id : value->is_array() ? *value : Json::array({*value})) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX)
      return fail(ErrorCode::corrupt, "{}: eos_token_id: not a token id", path.string());
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

bool adds_by_flags(const Json& json) {
  const auto value = json.find("tokenizer_class");
  if (value == json.end() || !value->is_string()) return false;
  std::string name = value->get<std::string>();
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name == "LlamaTokenizer" || name == "GemmaTokenizer";
}

}  // namespace

Result<TokenizerConfig> read_tokenizer_config(const fs::path& directory) {
  TokenizerConfig config;
  const fs::path main = directory / "tokenizer_config.json";
  ANEMONE_TRY(const Json json, read_object(main));
  ANEMONE_RETURN_IF_ERROR(read_roles(json, main, config));
  ANEMONE_RETURN_IF_ERROR(
      read_flag(json, "clean_up_tokenization_spaces", main, config.clean_up_spaces));
  config.added_by_flags = adds_by_flags(json);
  ANEMONE_RETURN_IF_ERROR(read_flag(json, "add_bos_token", main, config.add_bos));
  ANEMONE_RETURN_IF_ERROR(read_flag(json, "add_eos_token", main, config.add_eos));
  ANEMONE_RETURN_IF_ERROR(read_templates(json, main, config));
  // A null in the main file is an answer; the other file only fills what is not named at all.
  const fs::path roles = directory / "special_tokens_map.json";
  ANEMONE_TRY(Json map, read_object(roles));
  for (const auto& [key, value] : json.items()) map.erase(key);
  ANEMONE_RETURN_IF_ERROR(read_roles(map, roles, config));
  ANEMONE_RETURN_IF_ERROR(read_template_files(directory, config));
  for (const char* name : {"generation_config.json", "config.json"}) {
    if (!config.model_eos_ids.empty()) break;
    ANEMONE_TRY(const Json model, read_object(directory / name));
    ANEMONE_TRY(config.model_eos_ids, eos_ids(model, directory / name));
  }
  return config;
}

}  // namespace anemone::text
