#include "checkpoint/weight_files.h"

#include <algorithm>

#include "base/error.h"
#include "checkpoint/adapter_formats.h"
#include "checkpoint/npz_source.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_file.h"

namespace anemone::checkpoint {
namespace {

namespace fs = std::filesystem;

OpenFile opener(const fs::path& path) {
  const fs::path extension = path.extension();
  if (extension == ".safetensors") return open_safetensors;
  if (extension == ".bin" || extension == ".pt" || extension == ".pth") return open_torch_file;
  if (extension == ".npz") return open_npz;
  return nullptr;
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

}  // namespace

Result<std::optional<fs::path>> find_weights(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json", "weights.npz"})
    if (is_file(folder / name)) return std::optional(folder / name);
  std::vector<fs::path> others;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    const std::string name = path.filename().string();
    const bool is_weights = path.extension() == ".safetensors" || path.extension() == ".pt" ||
                            path.extension() == ".pth";
    if (is_weights && is_file(path) && name.find("adapter") == std::string::npos)
      others.push_back(path);
  }
  if (error) return fail(ErrorCode::io, "{}: cannot list: {}", folder.string(), error.message());
  if (others.empty()) return std::optional<fs::path>();
  std::ranges::sort(others);
  if (others.size() > 1)
    return with_hint(
        fail(ErrorCode::mismatch, "{}: {} files of weights and no index: {}, {} …", folder.string(),
             others.size(), others[0].filename().string(), others[1].filename().string()),
        "name one file");
  return std::optional(others[0]);
}

Result<WeightFiles> open_weights(const fs::path& path) {
  if (path.string().ends_with(".index.json"))
    return open_sharded(path, [](const fs::path& shard) -> OpenFile::result_type {
      const OpenFile open = opener(shard);
      if (!open) return fail(ErrorCode::unsupported, "{}: unknown file type", shard.string());
      return open(shard);
    });
  const OpenFile open = opener(path);
  if (!open)
    return with_hint(fail(ErrorCode::unsupported, "{}: unknown file type", path.string()),
                     "known are .safetensors, .bin, .pt, .pth and .npz");
  WeightFiles weights;
  ANEMONE_TRY(weights.source, open(path));
  weights.files = {path};
  return weights;
}

Result<AdapterFiles> open_adapter(const fs::path& path) {
  AdapterFiles adapter;
  fs::path tensors = path;
  adapter.folder = folder_of(path);
  if (!is_file(path)) {
    adapter.folder = path;
    tensors.clear();
    for (const char* name :
         {"adapter_model.safetensors", "adapter_model.bin", "adapters.safetensors", "adapters.npz",
          "lora_adapters.safetensors", "weights.npz"})
      if (tensors.empty() && is_file(path / name)) tensors = path / name;
    if (tensors.empty())
      return with_hint(fail(ErrorCode::not_found, "{}: no adapter", path.string()),
                       "known are adapter_model.safetensors or .bin, adapters.safetensors or "
                       ".npz, lora_adapters.safetensors and weights.npz");
  }
  const fs::path own = adapter.folder / "adapter_config.json";
  const fs::path config = is_file(own) ? own : adapter.folder / "config.json";
  ANEMONE_TRY(adapter.config, read_json_object(config));
  ANEMONE_TRY(adapter.weights, open_weights(tensors));
  adapter.weights.files.push_back(config);
  return adapter;
}

Result<std::shared_ptr<const TensorSource>> merge_adapter(std::shared_ptr<const TensorSource> base,
                                                          const AdapterFiles& adapter) {
  const TensorSource& tensors = *adapter.weights.source;
  const auto merged = [&]() -> Result<std::shared_ptr<const TensorSource>> {
    AdapterPlan plan;
    if (adapter.config.contains("peft_type")) {
      ANEMONE_TRY(plan, plan_peft(adapter.config, tensors, *base));
    } else if (adapter.config.contains("lora_parameters") ||
               adapter.config.contains("fine_tune_type")) {
      ANEMONE_TRY(plan, plan_mlx(adapter.config, tensors, *base));
    } else {
      ANEMONE_TRY(plan, plan_bare(adapter.config, tensors, *base));
    }
    return apply_adapter(base, adapter.weights.source, std::move(plan));
  };
  return merged().in(fmt::format("adapter {}", adapter.folder.string()));
}

}  // namespace anemone::checkpoint
