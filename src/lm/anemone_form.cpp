#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/path_inside.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/static_cache_model.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kManifest = "anemone.json";

Error malformed(std::string_view what) {
  return fail(ErrorCode::corrupt, "{}: {}", kManifest, what);
}

Result<Json> read_manifest(const fs::path& folder) {
  std::ifstream stream(folder / kManifest, std::ios::binary);
  if (!stream) return fail(ErrorCode::io, "cannot read {}", (folder / kManifest).string());
  Json manifest = Json::parse(stream, nullptr, false);
  if (!manifest.is_object() || manifest.value("format", Json()) != "anemone-model")
    return malformed("not the manifest of a model");
  if (manifest.value("format_version", Json()) != 1)
    return fail(ErrorCode::unsupported, "{}: format_version is {}, this program reads 1", kManifest,
                manifest.value("format_version", Json()).dump());
  return manifest;
}

/// One function of one package in a pass through the model.
struct Link {
  std::string package;
  std::string function;
};

/// The functions of `pass` in order; empty when the model has no such pass.
Result<std::vector<Link>> links_of(const Json& manifest, const char* pass) {
  std::vector<Link> links;
  const Json passes = manifest.value("passes", Json());
  if (!passes.is_object()) return malformed("no passes");
  const auto found = passes.find(pass);
  if (found == passes.end()) return links;
  const Json stages = found->is_object() ? found->value("stages", Json()) : Json();
  if (!stages.is_array() || stages.empty())
    return malformed(fmt::format("pass {} has no stages", pass));
  for (const Json& stage : stages) {
    const Json package = stage.is_object() ? stage.value("package", Json()) : Json();
    const Json function = stage.is_object() ? stage.value("function", Json()) : Json();
    if (!package.is_string() || !function.is_string())
      return malformed(fmt::format("a stage of pass {} names no package and function", pass));
    links.push_back({package.get<std::string>(), function.get<std::string>()});
  }
  return links;
}

class Loading {
 public:
  Loading(const fs::path& folder, const LanguageModel::Options& options)
      : folder_(folder), options_(options) {}

  OpenedModel open(const Json& manifest) {
    ANEMONE_TRY(parts_.step, pipeline(manifest, "decode"));
    if (!parts_.step || parts_.step->rows() != 1 || parts_.step->vocab_size() == 0)
      return malformed("the pass decode does not take one token and give logits");
    ANEMONE_TRY(parts_.block, pipeline(manifest, "prefill"));
    if (parts_.block && (parts_.block->rows() < 2 || parts_.block->rows() > columns_))
      return fail(ErrorCode::mismatch, "the pass prefill takes {} tokens, the context is {}",
                  parts_.block->rows(), columns_);
    ANEMONE_RETURN_IF_ERROR(add_smaller_blocks(manifest));
    ModelInfo& info = parts_.info;
    info.name = folder_.filename().string();
    info.path = folder_;
    info.form = "anemone";
    if (const Json name = manifest.value("architecture", Json()); name.is_string())
      info.architecture = name.get<std::string>();
    info.vocab_size = parts_.step->vocab_size();
    info.context_length = columns_;
    info.prefill_block_tokens = parts_.block ? parts_.block->rows() : 0;
    info.numerics = options_.runtime.numerics;
    for (const auto& model : parts_.packages)
      info.weight_bytes += model->package().weight_file_bytes;
    const fs::path settings[] = {folder_ / kManifest};
    ANEMONE_TRY(info.hash, hash_packages(parts_.packages, settings));
    return std::unique_ptr<LanguageModel>(
        std::make_unique<StaticCacheModel>(std::move(parts_), options_.single_steps));
  }

 private:
  Result<runtime::Model*> load(const std::string& name) {
    if (const auto found = loaded_.find(name); found != loaded_.end()) return found->second;
    ANEMONE_TRY(const fs::path path, path_inside(folder_, name));
    ANEMONE_TRY(auto model, load_package(path, options_.runtime));
    ANEMONE_RETURN_IF_ERROR(join_states(parts_.empty_state, *model));
    parts_.packages.push_back(model);
    return loaded_.emplace(name, model.get()).first->second;
  }

  /// All masks span the same columns: the context.
  Status check_columns(const Link& link, const Interface& interface) {
    if (interface.mask_columns == 0) return {};
    if (columns_ == 0) columns_ = interface.mask_columns;
    if (columns_ == interface.mask_columns) return {};
    return fail(ErrorCode::mismatch, "{} {}: the mask has {} columns, those before it {}",
                link.package, link.function, interface.mask_columns, columns_);
  }

  /// The passes prefill_<rows>.
  Status add_smaller_blocks(const Json& manifest) {
    for (const auto& pass : manifest.at("passes").items()) {
      if (!pass.key().starts_with("prefill_")) continue;
      ANEMONE_TRY(auto block, pipeline(manifest, pass.key().c_str()));
      if (!block || block->rows() < 2 || block->rows() > columns_)
        return fail(ErrorCode::mismatch, "the pass {} takes {} tokens, the context is {}",
                    pass.key(), block ? block->rows() : 0, columns_);
      parts_.smaller_blocks.push_back(*std::move(block));
    }
    std::ranges::sort(parts_.smaller_blocks, std::greater(), &Pipeline::rows);
    return {};
  }

  Result<std::optional<Pipeline>> pipeline(const Json& manifest, const char* pass) {
    ANEMONE_TRY(const auto links, links_of(manifest, pass));
    if (links.empty()) return std::optional<Pipeline>();
    std::vector<Pipeline::Stage> stages;
    int64_t rows = 0;
    for (const Link& link : links) {
      ANEMONE_TRY(runtime::Model * model, load(link.package));
      const auto* function = model->package().find_function(link.function);
      if (function == nullptr)
        return fail(ErrorCode::not_found, "{}: no function '{}', which {} names", link.package,
                    link.function, kManifest);
      const Interface interface = read_interface(*function);
      ANEMONE_RETURN_IF_ERROR(check_columns(link, interface));
      if (stages.empty()) rows = interface.rows;
      ANEMONE_TRY(auto stage, make_stage(*model, *function, rows,
                                         fmt::format("{} {}", link.package, link.function)));
      stages.push_back(std::move(stage));
    }
    ANEMONE_TRY(auto made, Pipeline::make(rows, std::move(stages)));
    return std::optional<Pipeline>(std::move(made));
  }

  const fs::path& folder_;
  const LanguageModel::Options& options_;
  StaticCacheParts parts_;
  std::map<std::string, runtime::Model*> loaded_;
  int64_t columns_ = 0;
};

}  // namespace

bool is_anemone(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / kManifest, ignored) && !fs::exists(path / "meta.yaml", ignored);
}

OpenedModel open_anemone(const fs::path& path, const LanguageModel::Options& options) {
  std::error_code error;
  const fs::path folder = fs::canonical(path, error);
  if (error) return fail(ErrorCode::io, "{}: {}", path.string(), error.message());
  const auto open = [&]() -> OpenedModel {
    ANEMONE_TRY(const Json manifest, read_manifest(folder));
    const Json single = manifest.value("model", Json());
    if (!single.is_string()) return Loading(folder, options).open(manifest);
    ANEMONE_TRY(const fs::path package, path_inside(folder, single.get<std::string>()));
    if (!fs::exists(package / "Manifest.json", error))
      return fail(ErrorCode::not_found, "no package {}, which {} names",
                  package.filename().string(), kManifest);
    return LanguageModel::open(package, options);
  };
  return open().in(path.string());
}

}  // namespace anemone::lm
