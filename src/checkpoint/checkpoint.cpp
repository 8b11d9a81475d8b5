#include "checkpoint/checkpoint.h"

#include <algorithm>

#include "base/blake3.h"
#include "base/error.h"
#include "checkpoint/mlx_quantized.h"
#include "checkpoint/weight_files.h"

namespace anemone::checkpoint {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// Weights that are stored in another form than their own.
Result<std::shared_ptr<const TensorSource>> dequantized(std::shared_ptr<const TensorSource> stored,
                                                        const Json& config) {
  const Json quantization =
      config.value("quantization", config.value("quantization_config", Json()));
  for (const char* key : {"quantization", "quantization_config"})
    if (const auto found = config.find(key); found != config.end() && found->is_object())
      if (const auto method = found->find("quant_method"); method != found->end())
        return fail(ErrorCode::unsupported,
                    "config: {}.quant_method {}; known is MLX's affine form", key, method->dump());
  if (!is_unset(quantization)) return dequantize_mlx(std::move(stored), quantization);
  if (has_mlx_triples(*stored))
    return fail(ErrorCode::mismatch,
                "the weights have scales and biases, but config.json has no quantization");
  return stored;
}

/// The same place under a name: "model/" and "." end in none.
fs::path with_name(const fs::path& path) {
  const fs::path folder = path.has_filename() ? path : path.parent_path();
  if (folder.filename() != "." && folder.filename() != "..") return folder;
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  return error ? path : whole;
}

/// "owner/name", as models are called where they are downloaded, and no place on this disk.
bool is_hub_name(const fs::path& path) {
  const std::string text = path.string();
  return std::ranges::count(text, '/') == 1 && text.front() != '/' && text.back() != '/' &&
         text.front() != '.' && text.front() != '~' && !is_there(path.parent_path());
}

Error not_there(const fs::path& path) {
  Error error = fail(ErrorCode::not_found, "{} does not exist", path.string());
  if (is_hub_name(path))
    error.hint = fmt::format("hf download {} --local-dir {}; then name that folder", path.string(),
                             path.filename().string());
  return error;
}

Result<Checkpoint> open_base(const fs::path& given) {
  const fs::path path = with_name(given);
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  Checkpoint checkpoint;
  checkpoint.path = is_folder ? path : path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!is_there(path)) return not_there(path);
  std::optional<fs::path> file = path;
  if (is_folder) {
    ANEMONE_TRY(file, find_weights(path));
  }
  if (!file)
    return with_hint(fail(ErrorCode::not_found, "{}: no weights", path.string()),
                     "known are model.safetensors, pytorch_model.bin, their indexes, weights.npz "
                     "and one file .safetensors, .pt or .pth");
  // Weights before the config: a file that is an attack is called so even if it stands alone.
  ANEMONE_TRY(WeightFiles weights, open_weights(*file));
  const fs::path config_path = checkpoint.path / "config.json";
  ANEMONE_TRY(checkpoint.config_json, read_text(config_path));
  auto config = parse_json_object(checkpoint.config_json);
  if (!config.ok()) return std::move(config).in(config_path.string()).error();
  ANEMONE_TRY(checkpoint.weights,
              dequantized(std::move(weights.source), *config).in(path.string()));
  checkpoint.files = std::move(weights.files);
  checkpoint.files.push_back(config_path);
  return checkpoint;
}

Result<Checkpoint> adapted(const fs::path& base, const AdapterFiles& adapter) {
  ANEMONE_TRY(Checkpoint checkpoint, open_base(base));
  ANEMONE_TRY(checkpoint.weights, merge_adapter(checkpoint.weights, adapter));
  checkpoint.adapter = adapter.folder;
  checkpoint.files.insert(checkpoint.files.end(), adapter.weights.files.begin(),
                          adapter.weights.files.end());
  return checkpoint;
}

/// An adapter whose config says where its base lies.
Result<Checkpoint> open_adapter_alone(const fs::path& folder) {
  ANEMONE_TRY(const AdapterFiles adapter, open_adapter(folder));
  for (const char* key : {"base_model_name_or_path", "model", "base_model"}) {
    const auto found = adapter.config.find(key);
    if (found == adapter.config.end() || !found->is_string()) continue;
    const fs::path base = folder / found->get<std::string>();
    if (!is_there(base))
      return with_hint(fail(ErrorCode::not_found, "{}: its base '{}' is not at {}", folder.string(),
                            found->get<std::string>(), base.string()),
                       "name the base and the adapter");
    return adapted(base.lexically_normal(), adapter);
  }
  return with_hint(fail(ErrorCode::not_found, "{}: its config names no base", folder.string()),
                   "name the base and the adapter");
}

/// Whether a folder's config.json is that of bare pairs.
bool has_bare_config(const fs::path& folder) {
  const auto config = read_json_object(folder / "config.json");
  return config.ok() && config->contains("lora_rank") && !config->contains("model_type") &&
         is_there(folder / "weights.npz");
}

}  // namespace

Result<Checkpoint> open(const fs::path& path, const std::optional<fs::path>& adapter) {
  if (adapter) {
    ANEMONE_TRY(const AdapterFiles files, open_adapter(*adapter));
    return adapted(path, files);
  }
  std::error_code error;
  if (!fs::is_directory(path, error)) return open_base(path);
  if (has_bare_config(path)) return open_adapter_alone(path);
  const bool has_adapter_config = is_there(path / "adapter_config.json");
  const bool has_pair = is_there(path / "lora_adapters.safetensors");
  if (!has_adapter_config && !has_pair) return open_base(path);
  ANEMONE_TRY(const auto own_weights, find_weights(path));
  if (!own_weights) return open_adapter_alone(path);
  if (!has_pair)
    return with_hint(fail(ErrorCode::invalid_argument,
                          "{} holds weights of a model and an adapter_config.json", path.string()),
                     "name the base and the adapter");
  return open(path, path / "lora_adapters.safetensors");
}

Result<std::string> hash_checkpoint(const Checkpoint& checkpoint, const std::atomic<bool>* stop) {
  Blake3 hash;
  for (const fs::path& path : checkpoint.files) {
    std::error_code error;
    const uint64_t size = fs::file_size(path, error);
    if (error) return fail(ErrorCode::io, "{}: cannot stat: {}", path.string(), error.message());
    hash.update(fmt::format("{}\n{}\n", path.filename().string(), size));
    ANEMONE_RETURN_IF_ERROR(hash.update_from(path, stop));
  }
  return hash.finish();
}

}  // namespace anemone::checkpoint
