#include "anemone/checkpoint_summary.h"

#include <algorithm>

#include "anemone/package.h"
#include "checkpoint/checkpoint.h"
#include "models/architectures.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

std::vector<CheckpointSummary::Kind> kinds_of(const checkpoint::TensorSource& weights) {
  std::vector<CheckpointSummary::Kind> kinds;
  for (const checkpoint::TensorInfo& info : weights.tensors()) {
    auto kind = std::ranges::find(kinds, info.dtype, &CheckpointSummary::Kind::dtype);
    if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {info.dtype, 0, 0});
    ++kind->tensors;
    kind->elements += static_cast<uint64_t>(info.shape.element_count());
  }
  std::ranges::sort(kinds, std::greater(), &CheckpointSummary::Kind::elements);
  return kinds;
}

bool holds_packages(const fs::path& folder) {
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(folder, ignored);
       !ignored && entry != fs::directory_iterator(); entry.increment(ignored))
    if (entry->path().extension() == ".mlpackage" || entry->path().extension() == ".mlmodelc")
      return true;
  return false;
}

Status describe(const checkpoint::Checkpoint& opened, CheckpointSummary& summary) {
  ANEMONE_TRY(const models::Decoder decoder,
              models::read_decoder(opened.config_json, *opened.weights));
  summary.architecture = decoder.architecture;
  summary.layers = static_cast<int64_t>(decoder.layers.size());
  summary.hidden_size = decoder.hidden_size;
  summary.vocab_size = decoder.vocab_size;
  summary.context_length = decoder.longest_context();
  return models::check_weights(decoder, *opened.weights);
}

}  // namespace

bool is_checkpoint(const fs::path& path) {
  std::error_code ignored;
  if (package::form_of(path) || fs::exists(path / "meta.yaml", ignored) ||
      fs::exists(path / "anemone.json", ignored))
    return false;
  if (!fs::is_directory(path, ignored))
    return fs::is_regular_file(path, ignored) &&
           fs::exists(path.parent_path() / "config.json", ignored);
  return !holds_packages(path) && (fs::exists(path / "config.json", ignored) ||
                                   fs::exists(path / "adapter_config.json", ignored));
}

bool is_weights_file(const fs::path& path) {
  const fs::path extension = path.extension();
  return extension == ".safetensors" || extension == ".bin" || extension == ".pt" ||
         extension == ".pth" || extension == ".npz" || path.string().ends_with(".index.json");
}

Result<CheckpointSummary> summarize_checkpoint(const fs::path& path) {
  ANEMONE_TRY(const checkpoint::Checkpoint opened, checkpoint::open(path));
  CheckpointSummary summary;
  summary.path = opened.path;
  summary.files = opened.files;
  summary.kinds = kinds_of(*opened.weights);
  for (const CheckpointSummary::Kind& kind : summary.kinds) summary.elements += kind.elements;
  for (const fs::path& file : opened.files) {
    std::error_code error;
    const uint64_t size = fs::file_size(file, error);
    if (!error) summary.file_bytes += size;
  }
  if (Status status = describe(opened, summary); !status.ok())
    summary.fault = std::move(status).in(path.string()).error();
  return summary;
}

}  // namespace anemone
