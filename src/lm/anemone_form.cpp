#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/path_inside.h"
#include "lm/anemone_manifest.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/static_cache_model.h"
#include "runtime/load_on.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;
using Stage = AnemoneManifest::Stage;

/// The counts that the manifest names are those of the packages.
Status check_counts(const AnemoneManifest& manifest, const ModelInfo& info) {
  const auto check = [](const char* key, int64_t said, int64_t found) -> Status {
    if (said == 0 || said == found) return {};
    return fail(ErrorCode::mismatch, "{}: {} is {}, the packages have {}", kAnemoneManifest, key,
                said, found);
  };
  ANEMONE_RETURN_IF_ERROR(check("vocab_size", manifest.vocab_size, info.vocab_size));
  return check("context_length", manifest.context_length, info.context_length);
}

/// A package that names what it was made from names what the manifest does.
Status check_source(const AnemoneManifest& manifest, const package::Package& package) {
  const auto found = package.metadata.find("anemone.source");
  if (found == package.metadata.end() || manifest.source_digest.empty()) return {};
  const std::string& expected = manifest.source_digest;
  if (found->second == expected) return {};
  return with_hint(
      fail(ErrorCode::mismatch, "{}: made from {}, {} expects {}", package.path.filename().string(),
           found->second, kAnemoneManifest, expected),
      "all packages of a folder come from one conversion");
}

class Loading {
 public:
  Loading(const fs::path& folder, const AnemoneManifest& manifest,
          const LanguageModel::Options& options)
      : folder_(folder),
        manifest_(manifest),
        options_(options),
        pool_(runtime::make_thread_pool(options.runtime)) {}

  OpenedModel open() {
    ANEMONE_TRY(parts_.step, pipeline("decode"));
    if (!parts_.step || parts_.step->rows() != 1 || parts_.step->vocab_size() == 0)
      return fail(ErrorCode::corrupt, "{}: the pass decode does not take one token and give logits",
                  kAnemoneManifest);
    ANEMONE_TRY(parts_.block, pipeline("prefill"));
    if (parts_.block && (parts_.block->rows() < 2 || parts_.block->rows() > columns_))
      return fail(ErrorCode::mismatch, "the pass prefill takes {} tokens, the context is {}",
                  parts_.block->rows(), columns_);
    ANEMONE_RETURN_IF_ERROR(add_smaller_blocks());
    ANEMONE_TRY(parts_.score, pipeline("score"));
    if (parts_.score && (!parts_.score->gives_scores() || parts_.score->rows() > columns_))
      return fail(
          ErrorCode::mismatch, "the pass score takes {} tokens of a context of {} and gives {}",
          parts_.score->rows(), columns_, parts_.score->gives_scores() ? "scores" : "no scores");
    ANEMONE_RETURN_IF_ERROR(check_vocabularies(parts_));
    ANEMONE_RETURN_IF_ERROR(check_state_rows(parts_.empty_state, columns_));
    parts_.rows_are_positions = true;
    ModelInfo& info = parts_.info;
    info.name = folder_.filename().string();
    info.path = folder_;
    info.form = "anemone";
    info.architecture = manifest_.architecture;
    info.vocab_size = parts_.step->vocab_size();
    info.context_length = columns_;
    info.prefill_block_tokens = parts_.block ? parts_.block->rows() : 0;
    info.numerics = options_.runtime.numerics;
    info.execution = join_executions(parts_.packages);
    for (const auto& model : parts_.packages)
      info.weight_bytes += model->package().weight_file_bytes;
    if (options_.hash) {
      const fs::path settings[] = {folder_ / kAnemoneManifest};
      ANEMONE_TRY(info.hash, hash_packages(parts_.packages, settings));
    }
    return std::unique_ptr<LanguageModel>(
        std::make_unique<StaticCacheModel>(std::move(parts_), options_.single_steps));
  }

 private:
  Result<runtime::Model*> load(const std::string& name) {
    if (const auto found = loaded_.find(name); found != loaded_.end()) return found->second;
    ANEMONE_TRY(const fs::path path, path_inside(folder_, name));
    ANEMONE_TRY(auto model, load_package(path, options_.runtime, pool_));
    ANEMONE_RETURN_IF_ERROR(check_source(manifest_, model->package()));
    ANEMONE_RETURN_IF_ERROR(join_states(parts_.empty_state, *model));
    parts_.packages.push_back(model);
    return loaded_.emplace(name, model.get()).first->second;
  }

  /// All masks span the same columns: the context.
  Status check_columns(const Stage& named, const Interface& interface) {
    if (interface.mask_columns == 0) return {};
    if (columns_ == 0) columns_ = interface.mask_columns;
    if (columns_ == interface.mask_columns) return {};
    return fail(ErrorCode::mismatch, "{} {}: the mask has {} columns, those before it {}",
                named.package, named.function, interface.mask_columns, columns_);
  }

  /// The passes prefill_<rows>.
  Status add_smaller_blocks() {
    for (const auto& [pass, named] : manifest_.passes) {
      if (!pass.starts_with("prefill_")) continue;
      ANEMONE_TRY(auto block, pipeline(pass));
      if (!block || block->rows() < 2 || block->rows() > columns_)
        return fail(ErrorCode::mismatch, "the pass {} takes {} tokens, the context is {}", pass,
                    block ? block->rows() : 0, columns_);
      parts_.smaller_blocks.push_back(*std::move(block));
    }
    std::ranges::sort(parts_.smaller_blocks, std::greater(), &Pipeline::rows);
    return {};
  }

  /// Nothing when the model has no such pass.
  Result<std::optional<Pipeline>> pipeline(std::string_view pass) {
    const auto found = manifest_.passes.find(pass);
    if (found == manifest_.passes.end()) return std::optional<Pipeline>();
    std::vector<Pipeline::Stage> stages;
    int64_t rows = 0;
    for (const Stage& named : found->second) {
      ANEMONE_TRY(runtime::Model * model, load(named.package));
      const auto* function = model->package().find_function(named.function);
      if (function == nullptr)
        return fail(ErrorCode::not_found, "{}: no function '{}', which {} names", named.package,
                    named.function, kAnemoneManifest);
      const Interface interface = read_interface(*function);
      ANEMONE_RETURN_IF_ERROR(check_columns(named, interface));
      if (stages.empty()) rows = interface.rows;
      ANEMONE_TRY(auto stage, make_stage(*model, *function, rows,
                                         fmt::format("{} {}", named.package, named.function)));
      stages.push_back(std::move(stage));
    }
    ANEMONE_TRY(auto made, Pipeline::make(rows, std::move(stages)));
    return std::optional<Pipeline>(std::move(made));
  }

  const fs::path& folder_;
  const AnemoneManifest& manifest_;
  const LanguageModel::Options& options_;
  std::shared_ptr<runtime::ThreadPool> pool_;
  StaticCacheParts parts_;
  std::map<std::string, runtime::Model*> loaded_;
  int64_t columns_ = 0;
};

}  // namespace

bool is_anemone(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / kAnemoneManifest, ignored) && !fs::exists(path / "meta.yaml", ignored);
}

std::string model_name_of(const fs::path& package) {
  std::error_code code;
  const fs::path whole = fs::weakly_canonical(package, code);
  const fs::path folder = whole.parent_path();
  if (!code && is_anemone(folder)) {
    const auto manifest = read_anemone_manifest(folder);
    if (manifest.ok() && manifest->model == whole.filename()) return folder.filename().string();
  }
  return package.stem().string();
}

OpenedModel open_anemone(const fs::path& path, const LanguageModel::Options& options) {
  std::error_code error;
  const fs::path folder = fs::canonical(path, error);
  if (error) return fail(ErrorCode::io, "{}: {}", path.string(), error.message());
  const auto open = [&]() -> OpenedModel {
    ANEMONE_TRY(const AnemoneManifest manifest, read_anemone_manifest(folder));
    if (manifest.model.empty()) {
      ANEMONE_TRY(auto joined, Loading(folder, manifest, options).open());
      ANEMONE_RETURN_IF_ERROR(check_counts(manifest, joined->info()));
      return joined;
    }
    ANEMONE_TRY(const fs::path package, path_inside(folder, manifest.model));
    if (!fs::exists(package / "Manifest.json", error))
      return fail(ErrorCode::not_found, "no package {}, which {} names",
                  package.filename().string(), kAnemoneManifest);
    ANEMONE_TRY(auto whole, LanguageModel::open(package, options));
    ANEMONE_RETURN_IF_ERROR(check_counts(manifest, whole->info()));
    return whole;
  };
  return open().in(path.string());
}

}  // namespace anemone::lm
