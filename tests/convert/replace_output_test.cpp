// What a conversion replaces, and what it never does.

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ReplaceOutput : public ::testing::Test {
 protected:
  fs::path checkpoint() const { return test::source_folder() / "models/anemone-tiny"; }
  fs::path out() const { return scratch_.path() / "out"; }
  int left() const {
    return static_cast<int>(std::distance(fs::directory_iterator(scratch_.path()), {}));
  }
  void copy_checkpoint(const fs::path& folder) const {
    fs::create_directories(folder);
    for (const char* name : {"config.json", "model.safetensors"})
      fs::copy_file(checkpoint() / name, folder / name);
  }
  void expect_refused(const fs::path& source, const char* why) const {
    const auto report = convert(source, out(), over_);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(report.error().to_string(), HasSubstr(why));
  }

  const ConvertOptions small_{.context = 64, .prefill = {8}};
  const ConvertOptions over_{.context = 64, .prefill = {8}, .overwrite = true};
  test::ScratchFolder scratch_;
};

TEST_F(ReplaceOutput, ReplacesOnlyWhatAConversionMadeAndOnlyWhenAsked) {
  scratch_.write("out/thesis.txt", "words");
  ConvertOptions options = small_;
  options.overwrite = true;
  const auto foreign = convert(checkpoint(), out(), options);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(scratch_.read("out/thesis.txt"), "words");
  // Neither a web extension nor somebody's package is ours.
  for (const char* name : {"out/Manifest.json", "out/anemone.json", "out/Anemone.json"}) {
    scratch_.write(name, R"({"format": "other"})");
    const auto named = convert(checkpoint(), out(), options);
    ASSERT_FALSE(named.ok()) << name;
    EXPECT_EQ(named.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(scratch_.read("out/thesis.txt"), "words");
    fs::remove(scratch_.path() / name);
  }
  fs::remove_all(out());
  fs::create_directory(out());
  ASSERT_TRUE(test::converted(checkpoint(), out(), options)) << "an empty folder";
  fs::remove_all(out());

  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto refused = convert(checkpoint(), out(), small_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().to_string(), HasSubstr("exists"));
  options.context = 32;
  ASSERT_TRUE(test::converted(checkpoint(), out(), options));
  EXPECT_EQ(nlohmann::json::parse(scratch_.read("out/anemone.json")).at("context_length"), 32);
  EXPECT_EQ(left(), 1);
}

TEST_F(ReplaceOutput, FilesOfOthersInAnEarlierOutputStay) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  scratch_.write("out/.DS_Store", "of macOS");
  EXPECT_TRUE(convert(checkpoint(), out(), over_).ok());
  scratch_.write("out/results/scores.json", "of a night");
  expect_refused(checkpoint(), "'results/scores.json' in it was made by something else");
  EXPECT_EQ(scratch_.read("out/results/scores.json"), "of a night");
  EXPECT_EQ(left(), 1);
}

/// Between the first check and the last step lie minutes.
TEST_F(ReplaceOutput, WhatAppearsDuringTheConversionStays) {
  for (ConvertOptions options : {small_, over_}) {
    options.progress = [&](const Progress& progress) {
      if (progress.stage == "save") scratch_.write("out/thesis.txt", "words");
      return true;
    };
    const auto report = convert(checkpoint(), out(), options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(scratch_.read("out/thesis.txt"), "words");
    EXPECT_EQ(left(), 1);
    fs::remove_all(out());
  }
}

TEST_F(ReplaceOutput, DoesNotReplaceWhatItReads) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  copy_checkpoint(out() / "source");
  expect_refused(out() / "source", "lies in");
  fs::create_directory_symlink(out() / "source", scratch_.path() / "link");
  expect_refused(scratch_.path() / "link", "lies in");
  EXPECT_TRUE(fs::exists(out() / "source/model.safetensors"));
}

/// The hub's folders are links to files elsewhere; an adapter names its base.
TEST_F(ReplaceOutput, DoesNotReplaceWhatIsReadThroughALinkOrAConfig) {
  fs::create_directory(out());
  copy_checkpoint(scratch_.path() / "linked");
  fs::rename(scratch_.path() / "linked/model.safetensors", out() / "blob");
  fs::create_symlink(out() / "blob", scratch_.path() / "linked/model.safetensors");
  expect_refused(scratch_.path() / "linked", "is nothing that a conversion made");
  fs::remove_all(scratch_.path() / "linked");
  fs::remove_all(out());

  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  auto manifest = nlohmann::json::parse(scratch_.read("out/anemone.json"));
  copy_checkpoint(out() / "base");
  for (const char* name : {"base/config.json", "base/model.safetensors"})
    manifest["files"][name] = "blake3:0";
  scratch_.write("out/anemone.json", manifest.dump());
  fs::create_directory(scratch_.path() / "linked");
  for (const char* name : {"config.json", "model.safetensors"})
    fs::create_symlink(out() / "base" / name, scratch_.path() / "linked" / name);
  expect_refused(scratch_.path() / "linked", "lies in");
  EXPECT_TRUE(fs::exists(out() / "base/model.safetensors"));
}

}  // namespace
}  // namespace anemone
