#include <algorithm>

#include "base/error.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/static_cache_model.h"

namespace anemone::lm {
namespace {

bool is_static_function(const package::FunctionDescription& function) {
  const Interface interface = read_interface(function);
  const package::Feature* ids = function.find_input(interface.input_ids);
  const package::Feature* causal = function.find_input(interface.causal_mask);
  const package::Feature* window = function.find_input(interface.window_mask);
  const auto fixed = [](const package::Feature* mask) {
    return mask == nullptr || !is_flexible(*mask);
  };
  return ids != nullptr && (causal != nullptr || window != nullptr) &&
         !interface.current_pos.empty() && !is_flexible(*ids) && fixed(causal) && fixed(window) &&
         interface.unknown_inputs.empty() && !function.states.empty();
}

}  // namespace

bool is_static_cache(const package::Package& package) {
  return !package.functions.empty() && std::ranges::all_of(package.functions, is_static_function);
}

Result<StaticCacheParts> join_static_cache(std::shared_ptr<runtime::Model> model,
                                           const LanguageModel::Options& options) {
  const package::Package& package = model->package();
  StaticCacheParts parts;
  ANEMONE_RETURN_IF_ERROR(join_states(parts.empty_state, *model));
  int64_t columns = 0;
  for (const auto& function : package.functions) {
    const Interface interface = read_interface(function);
    if (columns != 0 && columns != interface.mask_columns)
      return fail(ErrorCode::mismatch, "{}: the mask has {} columns in {}, {} elsewhere",
                  package.path.filename().string(), interface.mask_columns, function.name, columns);
    columns = interface.mask_columns;
    if (function.name.find("rotate") != std::string::npos)
      return with_hint(fail(ErrorCode::unsupported, "{}: rotating functions need their directory",
                            package.path.filename().string()),
                       "give the ANEMLL directory that holds meta.yaml");
    ANEMONE_TRY(auto stage, make_stage(*model, function, interface.rows, function.name));
    std::vector<Pipeline::Stage> stages;
    stages.push_back(std::move(stage));
    ANEMONE_TRY(auto pipeline, Pipeline::make(interface.rows, std::move(stages)));
    if (pipeline.gives_scores())
      parts.score = std::move(pipeline);
    else if (interface.rows == 1)
      parts.step = std::move(pipeline);
    else if (!parts.block || parts.block->rows() < interface.rows)
      parts.block = std::move(pipeline);
  }
  const bool block_gives_rows = parts.block && parts.block->logits_rows() == parts.block->rows();
  if (!(parts.step && parts.step->vocab_size() > 0) && !block_gives_rows)
    return fail(ErrorCode::unsupported, "{}: no function gives logits of every token it takes",
                package.path.filename().string());

  ANEMONE_RETURN_IF_ERROR(check_vocabularies(parts).in(package.path.filename().string()));
  ANEMONE_RETURN_IF_ERROR(
      check_state_rows(parts.empty_state, columns).in(package.path.filename().string()));
  for (const auto* block : {&parts.block, &parts.score})
    if (*block && (*block)->rows() > columns)
      return fail(ErrorCode::mismatch, "{}: a function takes {} tokens, its mask has {} columns",
                  package.path.filename().string(), (*block)->rows(), columns);

  ModelInfo& info = parts.info;
  info.name = model_name_of(package.path);
  info.path = package.path;
  info.form = "static-cache";
  info.context_length = columns;
  info.prefill_block_tokens = parts.block ? parts.block->rows() : 0;
  info.numerics = options.runtime.numerics;
  info.vocab_size = parts.step ? parts.step->vocab_size() : parts.block->vocab_size();
  info.weight_bytes = package.weight_file_bytes;
  parts.packages = {model};
  info.execution = join_executions(parts.packages);
  return parts;
}

OpenedModel open_static_cache(std::shared_ptr<runtime::Model> model,
                              const LanguageModel::Options& options) {
  ANEMONE_TRY(auto parts, join_static_cache(std::move(model), options));
  if (options.hash) {
    ANEMONE_TRY(parts.info.hash, hash_packages(parts.packages));
  }
  return std::unique_ptr<LanguageModel>(
      std::make_unique<StaticCacheModel>(std::move(parts), options.single_steps));
}

}  // namespace anemone::lm
