#pragma once

#include <gtest/gtest.h>

#include <string>

#include "anemone/evaluate.h"
#include "eval/scripted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {

inline constexpr int64_t kVocabulary = 4096;  // of the embedded model's tokenizer

inline constexpr const char* kColours =
    "task: colours\ndataset_path: json\ndataset_kwargs: {data_files: colours.jsonl}\n"
    "test_split: train\noutput_type: multiple_choice\ndoc_to_text: \"{{thing}} is\"\n"
    "doc_to_choice: [red, green, blue]\ndoc_to_target: colour\nmetadata: {version: 3}\n";
inline constexpr const char* kColourRows =
    "{\"thing\": \"Grass\", \"colour\": \"green\"}\n{\"thing\": \"Blood\", \"colour\": \"red\"}\n"
    "{\"thing\": \"The sky\", \"colour\": 2}\n{\"thing\": \"A leaf\", \"colour\": 1}\n";
inline constexpr const char* kPages =
    "task: pages\ndataset_path: json\ndataset_kwargs: {data_files: pages.jsonl}\n"
    "test_split: train\noutput_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: page\n";

struct EvaluateTest : ::testing::Test {
  EvaluateTest()
      : tokenizer(*text::Tokenizer::load(test::source_folder() / "models/anemone-tiny")) {
    folder.write("tasks/colours.yaml", kColours);
    folder.write("tasks/colours.jsonl", kColourRows);
    folder.write("tasks/pages.yaml", kPages);
    folder.write("tasks/pages.jsonl",
                 "{\"page\": \"It rained all day.\"}\n{\"page\": \"The end.\"}\n");
    options.places.include_paths = {folder.path() / "tasks"};
    options.tasks = {"colours"};
    options.log_samples = true;
  }

  static ScriptedModel model_of(uint64_t seed) {
    return ScriptedModel(kVocabulary, 256, 16, [seed](std::span<const int32_t> tokens) {
      return mixed_logits(tokens, kVocabulary, seed);
    });
  }

  Result<Report> run(ScriptedModel& model) {
    return evaluate(
        model, tokenizer, options, progress,
        [this](LogLevel, std::string_view message) { words += std::string(message) + "\n"; });
  }

  test::ScratchFolder folder;
  text::Tokenizer tokenizer;
  Options options;
  ProgressSink progress;
  std::string words;
};

}  // namespace anemone::eval
