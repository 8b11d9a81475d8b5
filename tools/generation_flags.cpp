#include "generation_flags.h"

#include "terminal.h"

namespace anemone::tools {
namespace {

using By = generate::Speculation::By;

By speculation_of(const GenerationFlags& flags) {
  if (!flags.draft.empty()) return By::draft_model;
  if (flags.speculate == "prompt") return By::prompt_lookup;
  return flags.speculate == "ngram" ? By::ngram : By::nobody;
}

}  // namespace

void add_generation_flags(CLI::App& app, GenerationFlags& flags) {
  const auto group = [](CLI::Option* option) { return option->group("Speed and context"); };
  group(app.add_option("--speculate", flags.speculate,
                       "Guess tokens ahead from repetitions in the prompt, or in prompt and answer "
                       "(ngram); the answer stays the same"))
      ->check(CLI::IsMember({"prompt", "ngram"}));
  group(app.add_option("--draft", flags.draft,
                       "Guess tokens ahead by a smaller model of the same vocabulary"))
      ->excludes("--speculate");
  group(app.add_option("--draft-tokens", flags.draft_tokens, "Most tokens of one guess"))
      ->check(whole_number());
  group(app.add_option("--prompt-cache", flags.prompt_cache,
                       "Folder that keeps what the model knows of prompts for the next run"));
  group(
      app.add_option("--when-full", flags.when_full,
                     "End the answer when the context is full, or drop the oldest tokens (slide)"))
      ->check(CLI::IsMember({"stop", "slide"}));
  group(app.add_option("--kept-tokens", flags.kept_tokens,
                       "With slide: so many tokens at the beginning stay"))
      ->check(whole_number());
}

Result<GenerationParts> GenerationParts::open(const GenerationFlags& flags,
                                              const CommonFlags& common, lm::LanguageModel& model) {
  GenerationParts parts;
  parts.options_.when_full =
      flags.when_full == "slide" ? generate::WhenFull::slide : generate::WhenFull::stop;
  parts.options_.kept_tokens = flags.kept_tokens;
  parts.options_.speculation = {.by = speculation_of(flags), .most_tokens = flags.draft_tokens};
  if (!flags.draft.empty()) {
    lm::LanguageModel::Options options;
    ANEMONE_TRY(options.runtime, common.runtime_options());
    options.hash = false;
    ANEMONE_TRY(parts.draft_, lm::LanguageModel::open(flags.draft, options));
  }
  if (!flags.prompt_cache.empty()) {
    generate::PromptCache::Options options;
    options.folder = flags.prompt_cache;
    options.log = log_sink(common);
    ANEMONE_TRY(parts.cache_, generate::PromptCache::open(model, options));
  }
  return parts;
}

void GenerationParts::fill(generate::Options& options) const {
  options.speculation = options_.speculation;
  options.speculation.draft = draft_.get();
  options.when_full = options_.when_full;
  options.kept_tokens = options_.kept_tokens;
  options.cache = cache_.get();
}

}  // namespace anemone::tools
