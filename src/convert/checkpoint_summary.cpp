#include "anemone/checkpoint_summary.h"

#include <algorithm>

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
