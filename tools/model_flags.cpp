#include "model_flags.h"

namespace anemone::tools {

Result<std::unique_ptr<lm::LanguageModel>> ModelFlags::open(const CommonFlags& common, bool hash,
                                                            bool single_steps) const {
  lm::LanguageModel::Options options;
  ANEMONE_TRY(options.runtime, common.runtime_options());
  options.single_steps = single_steps;
  options.hash = hash;
  options.adapter = adapter;
  options.context = context;
  return lm::LanguageModel::open(model, options);
}

Result<text::Tokenizer> ModelFlags::load_tokenizer() const {
  return text::Tokenizer::load(tokenizer.empty() ? model : tokenizer);
}

void add_model_flags(CLI::App& app, ModelFlags& flags) {
  app.add_option("model", flags.model, "ANEMLL directory, package or checkpoint")->required();
  app.add_option("--adapter", flags.adapter, "Adapter (LoRA, DoRA) to merge into a checkpoint");
  app.add_option("--context", flags.context,
                 "Most tokens of a sequence, for a checkpoint; 0: its positions, at most 2048")
      ->check(whole_number());
}

void add_tokenizer_flag(CLI::App& app, ModelFlags& flags) {
  app.add_option("--tokenizer", flags.tokenizer,
                 "Directory with tokenizer.json (default: the model's)");
}

}  // namespace anemone::tools
