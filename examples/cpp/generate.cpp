// Continues a text with a model: anemone_example MODEL PROMPT [TOKENS]
// On a Mac through Core ML, elsewhere on the CPU executor; the same packages, the same calls.
#include "anemone/generate.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "anemone/language_model.h"
#include "anemone/text.h"

namespace {

anemone::Status run(const char* path, const char* prompt, int64_t most_tokens) {
  anemone::lm::LanguageModel::Options options;
  options.runtime.backend = anemone::runtime::Backend::automatic;
  options.runtime.compute_units = anemone::runtime::ComputeUnits::cpu_ane;
  options.hash = false;
  ANEMONE_TRY(const auto model, anemone::lm::LanguageModel::open(path, options));
  ANEMONE_TRY(const auto tokenizer, anemone::text::Tokenizer::load(path));
  ANEMONE_TRY(const auto ids, tokenizer.encode(prompt, true));
  const auto& execution = model->info().execution;
  std::fprintf(stderr, "backend: %s\n", anemone::runtime::to_string(execution.backend));
  for (const std::string& note : execution.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  ANEMONE_TRY(const auto made,
              anemone::generate::generate(*model, tokenizer, ids, {.max_tokens = most_tokens}));
  std::printf("%s\n", made.text.c_str());
  for (const std::string& note : model->execution().notes)
    if (std::find(execution.notes.begin(), execution.notes.end(), note) == execution.notes.end())
      std::fprintf(stderr, "note: %s\n", note.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  int64_t most_tokens = 32;
  bool is_count = true;
  if (argc == 4) {
    const char* const end = argv[3] + std::strlen(argv[3]);
    const auto [stop, error] = std::from_chars(argv[3], end, most_tokens);
    is_count = error == std::errc() && stop == end && most_tokens > 0;
  }
  if (argc < 3 || argc > 4 || !is_count) {
    std::fprintf(stderr, "usage: anemone_example MODEL PROMPT [TOKENS]\n");
    return 2;
  }
  const anemone::Status status = run(argv[1], argv[2], most_tokens);
  if (status.ok()) return 0;
  std::fprintf(stderr, "error: %s\n", status.error().to_string().c_str());
  return 1;
}
