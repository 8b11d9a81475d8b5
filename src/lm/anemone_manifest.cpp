#include "lm/anemone_manifest.h"

#include <limits>

#include "base/error.h"
#include "base/json_document.h"

namespace anemone::lm {
namespace {

constexpr size_t kMostPasses = 64;
constexpr size_t kMostStages = 1000;  ///< of all passes: each is prepared for running.

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

/// Empty when it is missing or no text.
std::string text_member(const Json& object, const char* key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

/// A count that may be left out.
Result<int64_t> count_member(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr) return 0;
  if (!value->is_number_integer() || *value < 1 || *value > std::numeric_limits<int32_t>::max())
    return fail(ErrorCode::corrupt, "{} is no count", key);
  return value->get<int64_t>();
}

Status read_files(const Json& manifest, AnemoneManifest& result) {
  const Json* files = member(manifest, "files");
  if (files == nullptr) return {};
  if (!files->is_object()) return fail(ErrorCode::corrupt, "files is no object");
  for (const auto& [name, digest] : files->items()) {
    if (!digest.is_string())
      return fail(ErrorCode::corrupt, "the digest of the file {} is no text", name);
    result.files[name] = digest.get<std::string>();
  }
  return {};
}

Status check_version(const Json& manifest) {
  constexpr size_t kMostShown = 60;
  if (text_member(manifest, "format") != "anemone-model")
    return fail(ErrorCode::corrupt, "not the manifest of a model");
  const Json* version = member(manifest, "format_version");
  if (version != nullptr && *version == 1) return {};
  return fail(ErrorCode::unsupported, "format_version is {}, this program reads 1",
              version == nullptr ? "missing" : version->dump().substr(0, kMostShown));
}

Result<std::vector<AnemoneManifest::Stage>> read_stages(const std::string& pass,
                                                        const Json& described) {
  const Json* stages = member(described, "stages");
  if (stages == nullptr || !stages->is_array() || stages->empty())
    return fail(ErrorCode::corrupt, "pass {} has no stages", pass);
  if (stages->size() > kMostStages)
    return fail(ErrorCode::limit, "pass {} has {} stages, at most {}", pass, stages->size(),
                kMostStages);
  std::vector<AnemoneManifest::Stage> result;
  for (const Json& stage : *stages) {
    result.push_back({text_member(stage, "package"), text_member(stage, "function")});
    if (result.back().package.empty() || result.back().function.empty())
      return fail(ErrorCode::corrupt, "a stage of pass {} names no package and function", pass);
  }
  return result;
}

}  // namespace

Result<AnemoneManifest> parse_anemone_manifest(std::string_view json) {
  ANEMONE_TRY(const Json document, parse_json_object(json));
  ANEMONE_RETURN_IF_ERROR(check_version(document));
  AnemoneManifest manifest;
  manifest.architecture = text_member(document, "architecture");
  ANEMONE_TRY(manifest.vocab_size, count_member(document, "vocab_size"));
  ANEMONE_TRY(manifest.context_length, count_member(document, "context_length"));
  if (const Json* source = member(document, "source"); source != nullptr)
    manifest.source_digest = text_member(*source, "digest");
  ANEMONE_RETURN_IF_ERROR(read_files(document, manifest));
  manifest.model = text_member(document, "model");
  if (!manifest.model.empty()) return manifest;
  const Json* passes = member(document, "passes");
  if (passes == nullptr || !passes->is_object()) return fail(ErrorCode::corrupt, "no passes");
  if (passes->size() > kMostPasses)
    return fail(ErrorCode::limit, "{} passes, at most {}", passes->size(), kMostPasses);
  size_t stages = 0;
  for (const auto& [name, described] : passes->items()) {
    ANEMONE_TRY(manifest.passes[name], read_stages(name, described));
    stages += manifest.passes[name].size();
  }
  if (stages > kMostStages)
    return fail(ErrorCode::limit, "{} stages in all passes, at most {}", stages, kMostStages);
  return manifest;
}

Result<AnemoneManifest> read_anemone_manifest(const std::filesystem::path& folder) {
  ANEMONE_TRY(const std::string text, read_text(folder / kAnemoneManifest));
  return parse_anemone_manifest(text).in(kAnemoneManifest);
}

}  // namespace anemone::lm
