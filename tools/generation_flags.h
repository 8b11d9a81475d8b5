#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "anemone/generate.h"
#include "command.h"

namespace anemone::tools {

/// How answers are made, besides sampling: what is guessed ahead, kept and dropped.
struct GenerationFlags {
  std::string speculate;
  std::filesystem::path draft;
  int64_t draft_tokens = 8;
  std::filesystem::path prompt_cache;
  std::string when_full = "stop";
  int64_t kept_tokens = 0;
};

void add_generation_flags(CLI::App& app, GenerationFlags& flags);

/// What the flags name, opened for one model: a draft model, a cache.
class GenerationParts {
 public:
  /// Errors: invalid_argument (flags that contradict each other), and those of opening.
  static Result<GenerationParts> open(const GenerationFlags& flags, const CommonFlags& common,
                                      lm::LanguageModel& model);
  /// Sets what belongs to the flags; `options` may be used while this lives.
  void fill(generate::Options& options) const;
  const generate::PromptCache* cache() const { return cache_.get(); }

 private:
  generate::Options options_;
  std::unique_ptr<lm::LanguageModel> draft_;
  std::unique_ptr<generate::PromptCache> cache_;
};

}  // namespace anemone::tools
