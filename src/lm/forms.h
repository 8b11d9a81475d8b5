#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "anemone/language_model.h"

/// The forms a language model comes in. Each says whether it recognises a loaded package and makes
/// a model.
namespace anemone::lm {

using OpenedModel = Result<std::unique_ptr<LanguageModel>>;

OpenedModel open_anemll(const std::filesystem::path& path, const LanguageModel::Options& options);

/// A directory with anemone.json, which names the functions of each pass through the packages.
bool is_anemone(const std::filesystem::path& path);
/// What to call the model of one package: the name of the folder whose anemone.json says that the
/// package is the model, as packages there have the same name in all of a layout; else its own.
std::string model_name_of(const std::filesystem::path& package);
OpenedModel open_anemone(const std::filesystem::path& path, const LanguageModel::Options& options);

/// A directory with config.json and weights as Hugging Face saves them.
bool is_checkpoint(const std::filesystem::path& path);
/// Builds the program in memory, in fp32: a step and a block over one context.
OpenedModel open_checkpoint(const std::filesystem::path& path,
                            const LanguageModel::Options& options);

/// Functions with fixed masks and a cache position: `input_ids, causal_mask and/or window_mask,
/// current_pos [, position_ids]`.
bool is_static_cache(const package::Package& package);
OpenedModel open_static_cache(std::shared_ptr<runtime::Model> package,
                              const LanguageModel::Options& options);

/// One function with flexible `input_ids` and `causal_mask`, and states.
bool is_flexible_state(const package::Package& package);
OpenedModel open_flexible_state(std::shared_ptr<runtime::Model> package,
                                const LanguageModel::Options& options);

/// Functions `input_ids -> logits` without states.
bool is_plain(const package::Package& package);
OpenedModel open_plain(std::shared_ptr<runtime::Model> package,
                       const LanguageModel::Options& options);

}  // namespace anemone::lm
