#include "model_flags.h"

#include <algorithm>

#include "not_empty.h"
#include "terminal.h"

namespace anemone::tools {

Result<std::unique_ptr<lm::LanguageModel>> ModelFlags::open(const CommonFlags& common, bool hash,
                                                            bool single_steps) const {
  lm::LanguageModel::Options options;
  ANEMONE_TRY(options.runtime, common.runtime_options());
  options.single_steps = single_steps;
  options.hash = hash;
  options.adapter = adapter;
  options.context = context;
  ANEMONE_TRY(auto opened, lm::LanguageModel::open(model, options));
  if (!common.quiet)
    for (const std::string& note : opened->info().execution.notes) print_stderr("note: {}\n", note);
  return opened;
}

void print_late_notes(const lm::LanguageModel& model, const CommonFlags& common) {
  if (common.quiet) return;
  const std::vector<std::string>& known = model.info().execution.notes;
  for (const std::string& note : model.execution().notes)
    if (std::ranges::find(known, note) == known.end()) print_stderr("note: {}\n", note);
}

Result<text::Tokenizer> ModelFlags::load_tokenizer() const {
  auto loaded = text::Tokenizer::load(tokenizer.empty() ? model : tokenizer);
  if (loaded.ok() || loaded.error().code != ErrorCode::not_found || !tokenizer.empty())
    return loaded;
  std::error_code ignored;
  if (std::filesystem::exists(model, ignored) && !may_be_model(model)) return no_model(model);
  Error error = std::move(loaded).error();
  if (!error.hint.empty()) error.hint += ": --tokenizer DIR names a folder that has it";
  return error;
}

bool may_be_model(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored) || package::form_of(path)) return true;
  for (const char* file : kModelFiles)
    if (std::filesystem::exists(path / file, ignored)) return true;
  for (auto entry = std::filesystem::directory_iterator(path, ignored);
       !ignored && entry != std::filesystem::directory_iterator(); entry.increment(ignored))
    if (package::form_of(entry->path())) return true;
  return false;
}

Error no_model(const std::filesystem::path& path) {
  return {ErrorCode::not_found,
          path.string() + ": there is no model",
          {},
          "a model is a folder that `anemone convert` or ANEMLL made (anemone.json, meta.yaml), a "
          "package, or a checkpoint: config.json and weights"};
}

void add_model_flags(CLI::App& app, ModelFlags& flags) {
  app.add_option("model", flags.model, "ANEMLL directory, package or checkpoint")->required();
  app.add_option("--adapter", flags.adapter, "Adapter (LoRA, DoRA) to merge into a checkpoint")
      ->check(not_empty());
  app.add_option("--context", flags.context,
                 "Most tokens of a sequence, for a checkpoint; 0: its positions (with longrope the "
                 "original ones; longer contexts use the long factors for all texts), at most 2048")
      ->check(whole_number());
}

void add_tokenizer_flag(CLI::App& app, ModelFlags& flags) {
  app.add_option("--tokenizer", flags.tokenizer,
                 "Directory with tokenizer.json (default: the model's)");
}

}  // namespace anemone::tools
