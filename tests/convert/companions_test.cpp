// What travels with a model: tokenizer, chat template, generation config.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "convert/convert_output.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Companions : public test::ConvertOutput {
 protected:
  /// A folder of links to the files of the small model but for `without`.
  fs::path linked(const std::string& name, const std::string& without = "") const {
    const fs::path folder = scratch_.path() / name;
    fs::create_directory(folder);
    for (const auto& entry : fs::directory_iterator(checkpoint())) {
      const fs::path file = entry.path().filename();
      if (file == without) continue;
      if (file == "model.safetensors")
        fs::create_symlink(entry.path(), folder / file);
      else
        fs::copy_file(entry.path(), folder / file);
    }
    return folder;
  }

  std::string warnings_of(const fs::path& source) const {
    std::string lines;
    ConvertOptions options = small_;
    options.dry_run = true;
    options.log = [&](LogLevel level, std::string_view line) {
      if (level == LogLevel::warning) lines += std::string(line) + "\n";
    };
    EXPECT_TRUE(convert(source, out(), options).ok());
    return lines;
  }

  void expect_refused(const fs::path& source, ErrorCode code, const std::string& text) const {
    bool scanned = false;
    ConvertOptions options = small_;
    options.progress = [&](const Progress&) { return scanned = true; };
    const auto report = convert(source, out(), options);
    ASSERT_FALSE(report.ok()) << text;
    EXPECT_EQ(report.error().code, code) << report.error().to_string();
    EXPECT_THAT(report.error().to_string(), HasSubstr(text));
    EXPECT_FALSE(scanned) << "after weights were read";
    EXPECT_FALSE(fs::exists(out()));
  }
};

TEST_F(Companions, AModelWithoutATokenizerIsToldOf) {
  EXPECT_EQ(warnings_of(linked("whole")), "");
  EXPECT_THAT(warnings_of(linked("mute", "tokenizer.json")),
              AllOf(HasSubstr("mute has no tokenizer.json"), HasSubstr("out takes tokens")));
}

TEST_F(Companions, WhatCannotBeCopiedIsToldBeforeWeightsAreRead) {
  const fs::path folder = linked("folder", "tokenizer.json");
  fs::create_directory(folder / "tokenizer.json");
  expect_refused(folder, ErrorCode::invalid_argument, "tokenizer.json: no file");
  const fs::path pipe = linked("pipe", "generation_config.json");
  ASSERT_EQ(mkfifo((pipe / "generation_config.json").c_str(), 0600), 0);
  expect_refused(pipe, ErrorCode::invalid_argument, "generation_config.json: no file");
}

TEST_F(Companions, ATokenizerThatNobodyCanLoadIsRefusedBeforeWeightsAreRead) {
  for (const char* json : {"{", "{}", R"({"version": "1.0", "model": 3})"}) {
    fs::remove_all(scratch_.path() / "broken");
    const fs::path folder = linked("broken", "tokenizer.json");
    scratch_.write("broken/tokenizer.json", json);
    expect_refused(folder, ErrorCode::corrupt, "broken/tokenizer.json: ");
    EXPECT_TRUE(convert(folder, scratch_.path() / "alone.mlpackage",
                        {.layout = "stateful", .context = 64, .dry_run = true})
                    .ok())
        << "it does not travel into a package alone";
  }
}

/// A checkpoint of somebody else's must not publish the files of who converts it.
TEST_F(Companions, LinksThatLeadOutAreRefused) {
  scratch_.write("secret.txt", "words");
  const fs::path folder = linked("link", "chat_template.jinja");
  fs::create_symlink("../secret.txt", folder / "chat_template.jinja");
  expect_refused(folder, ErrorCode::corrupt, "chat_template.jinja");
  fs::remove(folder / "chat_template.jinja");
  scratch_.write("link/real.jinja", "{{ 1 }}");
  fs::create_symlink("real.jinja", folder / "chat_template.jinja");
  ASSERT_TRUE(test::converted(folder, out(), small_));
  EXPECT_EQ(scratch_.read("out/chat_template.jinja"), "{{ 1 }}");
  EXPECT_FALSE(fs::is_symlink(out() / "chat_template.jinja"));
}

TEST_F(Companions, WhatLiesBesideTheAdapterWins) {
  const fs::path fixtures = test::shared_folder() / "fixtures";
  ANEMONE_NEED_SHARED(fixtures / "checkpoints/peft_lora_qwen3");
  const fs::path base = fixtures / "hf/qwen3";
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
    fs::create_directories(scratch_.path() / "adapter");
    fs::copy_file(fixtures / "checkpoints/peft_lora_qwen3" / name,
                  scratch_.path() / "adapter" / name);
  }
  const auto convert_adapted = [&] {
    fs::remove_all(out());
    ConvertOptions options = small_;
    options.adapter = scratch_.path() / "adapter";
    ASSERT_TRUE(test::converted(base, out(), options));
  };
  convert_adapted();
  EXPECT_EQ(scratch_.read("out/chat_template.jinja"),
            test::read_file(base / "chat_template.jinja"));
  scratch_.write("adapter/chat_template.jinja", "{{ 'trained with' }}");
  scratch_.write("adapter/config.json", "{}");  // not one of a model
  convert_adapted();
  EXPECT_EQ(scratch_.read("out/chat_template.jinja"), "{{ 'trained with' }}");
  EXPECT_EQ(scratch_.read("out/tokenizer.json"), test::read_file(base / "tokenizer.json"));
  EXPECT_EQ(scratch_.read("out/config.json"), test::read_file(base / "config.json"));
  // A template inside the adapter's own tokenizer_config.json is not hidden by the base's file.
  fs::remove(scratch_.path() / "adapter/chat_template.jinja");
  scratch_.write("adapter/tokenizer_config.json", R"({"chat_template": "{{ 'inside' }}"})");
  convert_adapted();
  EXPECT_FALSE(fs::exists(out() / "chat_template.jinja"));
  EXPECT_THAT(scratch_.read("out/tokenizer_config.json"), HasSubstr("inside"));
}

}  // namespace
}  // namespace anemone
