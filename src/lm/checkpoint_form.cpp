#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/sharded.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/static_cache_model.h"
#include "models/architectures.h"
#include "models/graph.h"
#include "package/describe_function.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostContext = 2048;
constexpr int64_t kBlockTokens = 64;
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kWeights = "model.safetensors";

Result<std::string> read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) return fail(ErrorCode::io, "cannot read {}", path.string());
  return text;
}

Result<std::shared_ptr<const checkpoint::TensorSource>> open_weights(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder / kIndex, ignored)) return checkpoint::open_safetensors(folder / kWeights);
  ANEMONE_TRY(auto sharded,
              checkpoint::open_sharded(folder / kIndex, checkpoint::open_safetensors));
  return std::move(sharded.source);
}

struct Checkpoint {
  std::shared_ptr<const checkpoint::TensorSource> weights;
  models::Decoder decoder;
};

Result<Checkpoint> read_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  ANEMONE_TRY(checkpoint.weights, open_weights(folder));
  ANEMONE_TRY(const std::string config, read_text(folder / "config.json"));
  ANEMONE_TRY(checkpoint.decoder, models::read_decoder(config, *checkpoint.weights));
  ANEMONE_RETURN_IF_ERROR(models::check_weights(checkpoint.decoder, *checkpoint.weights));
  return checkpoint;
}

/// Weights that are used as stored stay in fp16; all others are computed in fp32.
DType stored_dtype(const checkpoint::TensorSource& weights, const models::WeightRef& ref) {
  const checkpoint::TensorInfo* info = weights.find(ref.name);
  const bool is_as_stored = ref.offset == 0 && ref.scale == 1;
  return info != nullptr && info->dtype == DType::fp16 && is_as_stored ? DType::fp16 : DType::fp32;
}

Result<package::Package> build_package(const Checkpoint& checkpoint, const fs::path& folder) {
  package::Package package;
  package.path = folder;
  package.specification_version = 9;
  const int64_t context = std::min(checkpoint.decoder.max_positions, kMostContext);
  models::FunctionSpec spec{.name = "step", .dtype = DType::fp32, .rows = 1, .context = context};
  spec.weight_dtype = [&](const models::WeightRef& ref) {
    return stored_dtype(*checkpoint.weights, ref);
  };
  models::WeightTable table;
  std::vector<models::FunctionSpec> specs{spec};
  spec.name = "block";
  spec.rows = std::min(kBlockTokens, context);
  if (spec.rows > 1) specs.insert(specs.begin(), spec);
  for (const models::FunctionSpec& own : specs) {
    ANEMONE_TRY(auto function, models::build_function(checkpoint.decoder, own, table));
    package.functions.push_back(package::describe_function(function));
    package.program.functions.push_back(std::move(function));
  }
  package.default_function = "step";
  ANEMONE_TRY(const int64_t window, models::window_of(checkpoint.decoder, context));
  if (window > 0) package.metadata[kWindowKey] = std::to_string(window);
  for (const checkpoint::TensorInfo& info : checkpoint.weights->tensors())
    package.weight_file_bytes += static_cast<uint64_t>(
        checked_byte_count(info.dtype, info.shape.element_count()).value_or(0));
  ANEMONE_RETURN_IF_ERROR(models::fetch_weights(*checkpoint.weights, table, package.program));
  return package;
}

}  // namespace

bool is_checkpoint(const fs::path& path) {
  std::error_code ignored;
  return !fs::exists(path / "meta.yaml", ignored) && fs::exists(path / "config.json", ignored) &&
         (fs::exists(path / kWeights, ignored) || fs::exists(path / kIndex, ignored));
}

OpenedModel open_checkpoint(const fs::path& path, const LanguageModel::Options& options) {
  const auto open = [&]() -> OpenedModel {
    std::error_code error;
    const fs::path folder = fs::canonical(path, error);
    if (error) return fail(ErrorCode::io, "{}", error.message());
    ANEMONE_TRY(const Checkpoint checkpoint, read_checkpoint(folder));
    ANEMONE_TRY(auto package, build_package(checkpoint, folder));
    LanguageModel::Options own = options;
    own.runtime.numerics = runtime::Numerics::fp32;
    ANEMONE_TRY(auto model, runtime::Model::load(std::move(package), own.runtime));
    ANEMONE_TRY(auto parts, join_static_cache(std::move(model), own));
    parts.info.name = folder.filename().string();
    parts.info.form = "checkpoint";
    parts.info.architecture = checkpoint.decoder.architecture;
    return std::unique_ptr<LanguageModel>(
        std::make_unique<StaticCacheModel>(std::move(parts), own.single_steps));
  };
  return open().in(path.string());
}

}  // namespace anemone::lm
