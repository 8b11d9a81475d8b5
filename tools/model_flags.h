#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "anemone/language_model.h"
#include "anemone/package.h"
#include "anemone/text.h"
#include "command.h"

namespace anemone::tools {

/// Which language model a command works with. Fields are those of the flags.
struct ModelFlags {
  std::string model;
  std::string tokenizer;
  std::string adapter;
  int64_t context = 0;

  /// `hash`: whether the report names the model by the bytes of its files.
  Result<std::unique_ptr<lm::LanguageModel>> open(const CommonFlags& common, bool hash,
                                                  bool single_steps = false) const;
  Result<text::Tokenizer> load_tokenizer() const;
};

/// Prints what came to be known of how the model ran since it was opened: functions that Core ML
/// runs on its CPU, calls that were repeated.
void print_late_notes(const lm::LanguageModel& model, const CommonFlags& common);

/// Files that make a folder a model.
inline constexpr std::array kModelFiles = {"anemone.json", "meta.yaml", "config.json",
                                           "adapter_config.json"};

/// Whether `path` is a model or part of one, by the names of its files.
bool may_be_model(const std::filesystem::path& path);
/// What is said of a folder that is none.
Error no_model(const std::filesystem::path& path);

/// MODEL, --adapter and --context.
void add_model_flags(CLI::App& app, ModelFlags& flags);
/// --tokenizer.
void add_tokenizer_flag(CLI::App& app, ModelFlags& flags);

}  // namespace anemone::tools
