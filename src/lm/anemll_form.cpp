#include <algorithm>

#include "base/error.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/static_cache_model.h"
#include "runtime/load_on.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

/// The packages of a directory, loaded once each.
struct LoadedDirectory {
  package::AnemllDirectory directory;
  std::shared_ptr<runtime::Model> embeddings;
  std::vector<std::shared_ptr<runtime::Model>> chunks;
  std::vector<std::shared_ptr<runtime::Model>> rotate_chunks;
  std::shared_ptr<runtime::Model> head;
};

Result<LoadedDirectory> load(package::AnemllDirectory directory, const runtime::Options& options) {
  LoadedDirectory loaded;
  const auto pool = runtime::make_thread_pool(options);
  if (!directory.monolithic) {
    ANEMONE_TRY(loaded.embeddings, load_package(directory.embeddings, options, pool));
    ANEMONE_TRY(loaded.head, load_package(directory.lm_head, options, pool));
  }
  for (const fs::path& path : directory.chunks) {
    ANEMONE_TRY(auto chunk, load_package(path, options, pool));
    loaded.chunks.push_back(std::move(chunk));
  }
  for (const fs::path& path : directory.rotate_chunks) {
    ANEMONE_TRY(auto chunk, load_package(path, options, pool));
    loaded.rotate_chunks.push_back(std::move(chunk));
  }
  loaded.directory = std::move(directory);
  return loaded;
}

/// The package that holds `function` of chunk `i`: the chunk itself or its rotate twin.
runtime::Model* holder(const LoadedDirectory& loaded, size_t i, std::string_view function) {
  if (loaded.chunks[i]->package().find_function(function) != nullptr) return loaded.chunks[i].get();
  if (i < loaded.rotate_chunks.size() &&
      loaded.rotate_chunks[i]->package().find_function(function) != nullptr)
    return loaded.rotate_chunks[i].get();
  return nullptr;
}

bool has_function(const LoadedDirectory& loaded, std::string_view function) {
  for (size_t i = 0; i < loaded.chunks.size(); ++i)
    if (holder(loaded, i, function) == nullptr) return false;
  return true;
}

Result<Pipeline::Stage> single_function_stage(runtime::Model& model, int64_t rows,
                                              std::string label) {
  const package::Package& package = model.package();
  const auto* function = package.find_function(package.default_function);
  if (function == nullptr)
    return fail(ErrorCode::mismatch, "{}: no default function", package.path.filename().string());
  return make_stage(model, *function, rows, std::move(label));
}

/// One pass: embeddings, `function` of every chunk, and the head when logits are wanted.
Result<Pipeline> make_pipeline(const LoadedDirectory& loaded, std::string_view function,
                               int64_t rows, bool with_head) {
  std::vector<Pipeline::Stage> stages;
  if (loaded.embeddings) {
    ANEMONE_TRY(auto stage, single_function_stage(*loaded.embeddings, rows, "embeddings"));
    stages.push_back(std::move(stage));
  }
  for (size_t i = 0; i < loaded.chunks.size(); ++i) {
    runtime::Model& model = *holder(loaded, i, function);
    ANEMONE_TRY(auto stage, make_stage(model, *model.package().find_function(function), rows,
                                       fmt::format("chunk {} of {}, {}", i + 1,
                                                   loaded.chunks.size(), function)));
    stages.push_back(std::move(stage));
  }
  if (loaded.head && with_head) {
    ANEMONE_TRY(auto stage, single_function_stage(*loaded.head, rows, "lm_head"));
    stages.push_back(std::move(stage));
  }
  return Pipeline::make(rows, std::move(stages));
}

/// Masks of all chunks span the same columns; that is the attention size.
Result<int64_t> attention_columns(const LoadedDirectory& loaded) {
  int64_t columns = 0;
  std::string first;
  for (const auto& chunk : loaded.chunks)
    for (const auto& function : chunk->package().functions) {
      const int64_t own = read_interface(function).mask_columns;
      const std::string label =
          fmt::format("{} {}", chunk->package().path.filename().string(), function.name);
      if (own == 0) return fail(ErrorCode::mismatch, "{}: no causal_mask of a fixed width", label);
      if (columns == 0) {
        columns = own;
        first = label;
      } else if (columns != own) {
        return fail(ErrorCode::mismatch, "causal_mask: {} has {} columns, {} has {}", first,
                    columns, label, own);
      }
    }
  return columns;
}

int64_t block_rows(const LoadedDirectory& loaded) {
  const auto* prefill = loaded.chunks[0]->package().find_function("prefill");
  return prefill == nullptr ? 0 : read_interface(*prefill).rows;
}

/// Rows of the smallest cache: the window of the layers whose cache rotates.
int64_t rotating_window(const runtime::State& state) {
  int64_t window = 0;
  for (const NamedTensor& tensor : state.tensors()) {
    const Shape& shape = tensor.tensor.shape();
    if (shape.rank() != 4) continue;
    window = window == 0 ? shape[2] : std::min(window, shape[2]);
  }
  return window;
}

Result<std::vector<int64_t>> argmax_parts(const LoadedDirectory& loaded) {
  std::vector<int64_t> parts = loaded.directory.lm_head_chunk_sizes;
  if (!parts.empty()) return parts;
  // Without the key: the prefill of the same package gives the parts as logits.
  const auto* prefill = loaded.chunks[0]->package().find_function("prefill");
  if (prefill != nullptr)
    for (const std::string& name : read_interface(*prefill).logits_parts) {
      const package::Feature* output = prefill->find_output(name);
      if (!output->shape.empty()) parts.push_back(output->shape.back());
    }
  if (parts.empty())
    return fail(ErrorCode::not_found,
                "meta.yaml: lm_head_chunk_sizes is needed to place the arg max of each part");
  return parts;
}

Status check_context(const LoadedDirectory& loaded, const runtime::State& state, int64_t columns) {
  if (columns < loaded.directory.context_length)
    return fail(ErrorCode::mismatch, "meta.yaml: context_length {}, but causal_mask has {} columns",
                loaded.directory.context_length, columns);
  return check_state_rows(state, columns);
}

/// Refuses a meta.yaml that says what the packages do not show.
Status compare_meta(const package::AnemllDirectory& meta, const StaticCacheParts& parts) {
  const auto compare = [](std::string_view key, auto said, auto found) -> Status {
    if (said == found) return {};
    return with_hint(
        fail(ErrorCode::mismatch, "meta.yaml: {} is {}, the packages have {}", key, said, found),
        "packages of another conversion, or an edited meta.yaml");
  };
  if (meta.vocab_size)
    ANEMONE_RETURN_IF_ERROR(compare("vocab_size", *meta.vocab_size, parts.info.vocab_size));
  if (meta.sliding_window && parts.window > 0)
    ANEMONE_RETURN_IF_ERROR(compare("sliding_window", *meta.sliding_window, parts.window));
  if (parts.info.gives_logits && meta.split_lm_head > 0)
    ANEMONE_RETURN_IF_ERROR(
        compare("split_lm_head", meta.split_lm_head, parts.step->logits_parts()));
  return compare("argmax_in_model", meta.argmax_in_model, !parts.info.gives_logits);
}

}  // namespace

OpenedModel open_anemll(const fs::path& path, const LanguageModel::Options& options) {
  ANEMONE_TRY(auto directory, package::open_anemll(path));
  ANEMONE_TRY(const LoadedDirectory loaded, load(std::move(directory), options.runtime));

  StaticCacheParts parts;
  for (const auto& model : loaded.chunks)
    ANEMONE_RETURN_IF_ERROR(join_states(parts.empty_state, *model));
  for (const auto& model : loaded.rotate_chunks)
    ANEMONE_RETURN_IF_ERROR(join_states(parts.empty_state, *model));
  if (loaded.embeddings) parts.packages.push_back(loaded.embeddings);
  parts.packages.insert(parts.packages.end(), loaded.chunks.begin(), loaded.chunks.end());
  parts.packages.insert(parts.packages.end(), loaded.rotate_chunks.begin(),
                        loaded.rotate_chunks.end());
  if (loaded.head) parts.packages.push_back(loaded.head);

  if (!has_function(loaded, "infer"))
    return fail(ErrorCode::unsupported, "{}: a chunk has no function 'infer'", path.string());
  ANEMONE_TRY(const int64_t columns, attention_columns(loaded));
  ANEMONE_RETURN_IF_ERROR(check_context(loaded, parts.empty_state, columns));
  ANEMONE_TRY(parts.step, make_pipeline(loaded, "infer", 1, true));
  if (has_function(loaded, "infer_rotate")) {
    ANEMONE_TRY(parts.step_rotate, make_pipeline(loaded, "infer_rotate", 1, true));
    parts.window = rotating_window(parts.empty_state);
  }
  if (has_function(loaded, "prefill") && block_rows(loaded) > 1) {
    ANEMONE_TRY(parts.block, make_pipeline(loaded, "prefill", block_rows(loaded), false));
  }

  parts.rows_are_positions = true;
  ModelInfo& info = parts.info;
  info.gives_logits = parts.step->vocab_size() > 0;
  if (!info.gives_logits && !parts.step->gives_argmax())
    return fail(ErrorCode::unsupported, "{}: neither logits nor an arg max leaves the model",
                path.string());
  if (!info.gives_logits) {
    ANEMONE_TRY(parts.argmax_parts, argmax_parts(loaded));
    ANEMONE_RETURN_IF_ERROR(parts.step->check_argmax(parts.argmax_parts));
    if (parts.step_rotate)
      ANEMONE_RETURN_IF_ERROR(parts.step_rotate->check_argmax(parts.argmax_parts));
  }
  ANEMONE_RETURN_IF_ERROR(check_vocabularies(parts).in(path.string()));
  if (parts.block && parts.block->rows() > columns)
    return fail(ErrorCode::mismatch, "{}: prefill takes {} tokens, causal_mask has {} columns",
                path.string(), parts.block->rows(), columns);
  info.name = loaded.directory.name.empty() ? path.filename().string() : loaded.directory.name;
  info.path = path;
  info.form = loaded.directory.monolithic ? "anemll-monolithic" : "anemll";
  info.architecture = loaded.directory.architecture;
  info.context_length = loaded.directory.context_length;
  info.prefill_block_tokens = parts.block ? parts.block->rows() : 0;
  info.numerics = options.runtime.numerics;
  info.execution = join_executions(parts.packages);
  info.vocab_size = parts.step->vocab_size();
  for (const int64_t size : parts.argmax_parts) info.vocab_size += size;
  for (const auto& model : parts.packages) info.weight_bytes += model->package().weight_file_bytes;
  ANEMONE_RETURN_IF_ERROR(compare_meta(loaded.directory, parts).in(path.string()));
  const fs::path settings[] = {path / "meta.yaml"};
  if (options.hash) {
    ANEMONE_TRY(info.hash, hash_packages(parts.packages, settings));
  }
  return std::unique_ptr<LanguageModel>(
      std::make_unique<StaticCacheModel>(std::move(parts), options.single_steps));
}

}  // namespace anemone::lm
