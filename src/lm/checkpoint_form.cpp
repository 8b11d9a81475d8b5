#include <algorithm>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/static_cache_model.h"
#include "models/architectures.h"
#include "models/graph.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostContext = 2048;
constexpr int64_t kBlockTokens = 64;

Result<models::Decoder> read_decoder(const checkpoint::Checkpoint& checkpoint) {
  ANEMONE_TRY(auto decoder, models::read_decoder(checkpoint.config_json, *checkpoint.weights));
  ANEMONE_RETURN_IF_ERROR(models::check_weights(decoder, *checkpoint.weights));
  ANEMONE_RETURN_IF_ERROR(models::check_tied_head(decoder, *checkpoint.weights));
  return decoder;
}

/// Weights that are used as stored stay in fp16; all others are computed in fp32.
DType stored_dtype(const checkpoint::TensorSource& weights, const models::WeightRef& ref) {
  const checkpoint::TensorInfo* info = weights.find(ref.name);
  const bool is_as_stored = ref.offset == 0 && ref.scale == 1;
  return info != nullptr && info->dtype == DType::fp16 && is_as_stored ? DType::fp16 : DType::fp32;
}

Result<int64_t> context_of(const models::Decoder& decoder, int64_t wanted) {
  if (wanted == 0) return std::min(decoder.max_positions, kMostContext);
  if (wanted >= 1 && wanted <= decoder.longest_context()) return wanted;
  return with_hint(fail(ErrorCode::invalid_argument, "a context of {}, expected 1 to {}", wanted,
                        decoder.longest_context()),
                   "config.json bounds the positions");
}

Result<package::Package> build_package(const models::Decoder& decoder,
                                       const checkpoint::TensorSource& weights, int64_t context) {
  package::Package package;
  package.specification_version = 9;
  models::FunctionSpec spec{.name = "step", .dtype = DType::fp32, .rows = 1, .context = context};
  spec.weight_dtype = [&](const models::WeightRef& ref) { return stored_dtype(weights, ref); };
  models::WeightTable table;
  std::vector<models::FunctionSpec> specs{spec};
  spec.name = "block";
  spec.rows = std::min(kBlockTokens, context);
  if (spec.rows > 1) specs.insert(specs.begin(), spec);
  for (const models::FunctionSpec& own : specs) {
    ANEMONE_TRY(auto function, models::build_function(decoder, own, table));
    ANEMONE_TRY(auto description, package::describe(function));
    package.functions.push_back(std::move(description));
    package.program.functions.push_back(std::move(function));
  }
  package.default_function = "step";
  ANEMONE_TRY(const int64_t window, models::window_of(decoder, context));
  if (window > 0) package.metadata[kWindowKey] = std::to_string(window);
  for (const checkpoint::TensorInfo& info : weights.tensors())
    package.weight_file_bytes += static_cast<uint64_t>(
        checked_byte_count(info.dtype, info.shape.element_count()).value_or(0));
  ANEMONE_RETURN_IF_ERROR(models::fetch_weights(weights, table, package.program));
  return package;
}

}  // namespace

bool is_checkpoint(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored))
    return fs::exists(path.parent_path() / "config.json", ignored);
  if (fs::exists(path / "meta.yaml", ignored)) return false;
  for (auto entry = fs::directory_iterator(path, ignored);
       !ignored && entry != fs::directory_iterator(); entry.increment(ignored))
    if (entry->path().extension() == ".mlpackage" || entry->path().extension() == ".mlmodelc")
      return false;
  return fs::exists(path / "config.json", ignored) ||
         fs::exists(path / "adapter_config.json", ignored);
}

OpenedModel open_checkpoint(const fs::path& path, const LanguageModel::Options& options) {
  const auto open = [&]() -> OpenedModel {
    ANEMONE_TRY(const auto checkpoint,
                checkpoint::open(
                    path, options.adapter.empty() ? std::nullopt : std::optional(options.adapter)));
    ANEMONE_TRY(const auto decoder, read_decoder(checkpoint));
    ANEMONE_TRY(const int64_t context, context_of(decoder, options.context));
    ANEMONE_TRY(auto package, build_package(decoder, *checkpoint.weights, context));
    LanguageModel::Options own = options;
    own.runtime.numerics = runtime::Numerics::fp32;
    if (options.runtime.backend == runtime::Backend::coreml)
      return with_hint(fail(ErrorCode::unsupported, "Core ML runs packages, not checkpoints"),
                       "anemone convert makes a package of it");
    own.runtime.backend = runtime::Backend::cpu;
    ANEMONE_TRY(auto model, runtime::Model::load(std::move(package), own.runtime));
    ANEMONE_TRY(auto parts, join_static_cache(std::move(model), own));
    parts.rows_are_positions = true;
    const fs::path whole = fs::absolute(path).lexically_normal();
    parts.info.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
    parts.info.path = path;
    if (options.hash) {
      ANEMONE_TRY(parts.info.hash, checkpoint::hash_checkpoint(checkpoint));
    }
    parts.info.form = "checkpoint";
    parts.info.architecture = decoder.architecture;
    return std::unique_ptr<LanguageModel>(
        std::make_unique<StaticCacheModel>(std::move(parts), own.single_steps));
  };
  return open().in(path.string());
}

}  // namespace anemone::lm
