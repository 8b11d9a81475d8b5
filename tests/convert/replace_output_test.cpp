// What a conversion replaces, and what it never does.

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/blake3.h"
#include "convert/convert_output.h"

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

/// anemone.json has the hashes: what is not as it says is somebody's work.
TEST_F(ReplaceOutput, WhatTheUserEditedStays) {
  for (const char* name : {"tokenizer_config.json", "config.json"}) {
    ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
    const std::string edited = scratch_.read("out/" + std::string(name)) + "\n";
    scratch_.write("out/" + std::string(name), edited);
    expect_refused(checkpoint(), ("'" + std::string(name) + "' in it was changed since").c_str());
    EXPECT_EQ(scratch_.read("out/" + std::string(name)), edited);
    fs::remove_all(out());
  }
}

/// An output is made beside its place and renamed: a folder cannot be replaced from inside.
TEST_F(ReplaceOutput, APlaceWithoutANameIsRefusedBeforeAnyWork) {
  fs::create_directory(out());
  for (const fs::path& place : {fs::path(""), fs::path("."), fs::path(".."), fs::path("/"),
                                fs::path("./"), out() / ".", out() / ".."}) {
    ConvertOptions options = over_;
    options.log = [](LogLevel, std::string_view line) { ADD_FAILURE() << line; };
    const auto report = convert(checkpoint(), place, options);
    ASSERT_FALSE(report.ok()) << place;
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(report.error().to_string(), HasSubstr("has no name of its own")) << place;
    const auto compressed =
        compress_model(checkpoint(), place, {.quantize = "int8", .overwrite = true});
    ASSERT_FALSE(compressed.ok()) << place;
    EXPECT_THAT(compressed.error().to_string(), HasSubstr("has no name of its own")) << place;
  }
  EXPECT_TRUE(test::converted(checkpoint(), out() / "", over_)) << "a slash at the end";
}

TEST_F(ReplaceOutput, ReplacesAModelThroughWhichItsOwnNameLeads) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  ConvertOptions options = over_;
  options.context = 32;
  ASSERT_TRUE(test::converted(checkpoint(), out() / ".." / "out", options));
  EXPECT_EQ(nlohmann::json::parse(scratch_.read("out/anemone.json")).at("context_length"), 32);
  EXPECT_EQ(left(), 1);
}

TEST_F(ReplaceOutput, ANameThatIsTooLongIsCalledSo) {
  const auto report = convert(checkpoint(), scratch_.path() / std::string(300, 'b'), small_);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(report.error().to_string(), HasSubstr("File name too long"));
}

TEST_F(ReplaceOutput, WhatACalibrationLeftIsNamed) {
  scratch_.write("out.partial/weights/one", "rounded");
  const ConvertOptions quiet{.context = 64, .prefill = {8}, .log = [](LogLevel level, auto line) {
                               if (level == LogLevel::warning) ADD_FAILURE() << line;
                             }};
  ASSERT_TRUE(convert(checkpoint(), out(), quiet).ok()) << "somebody else's folder";
  fs::remove_all(out());
  scratch_.write("out.partial/anemone-partial.json", R"({"format": "anemone-partial"})");
  std::string warnings;
  const LogSink log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning) warnings += line;
  };
  scratch_.write(".out.partial.0123abcd.tmp/mark", "one that was killed as it began");
  ConvertOptions options = small_;
  options.log = log;
  ASSERT_TRUE(convert(checkpoint(), out(), options).ok());
  EXPECT_THAT(warnings, HasSubstr(".out.partial.0123abcd.tmp is left by a run"));
  EXPECT_THAT(warnings, HasSubstr("out.partial is what a calibration of out has done"));
  warnings.clear();
  fs::rename(out(), scratch_.path() / "dense");
  ASSERT_TRUE(
      compress_model(scratch_.path() / "dense", out(), {.quantize = "ffn=int8", .log = log}).ok());
  EXPECT_THAT(warnings, HasSubstr("the same command goes on from it; else remove it"));
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
    manifest["files"][name] = blake3(test::read_file(out() / name));
  scratch_.write("out/anemone.json", manifest.dump());
  fs::create_directory(scratch_.path() / "linked");
  for (const char* name : {"config.json", "model.safetensors"})
    fs::create_symlink(out() / "base" / name, scratch_.path() / "linked" / name);
  expect_refused(scratch_.path() / "linked", "lies in");
  EXPECT_TRUE(fs::exists(out() / "base/model.safetensors"));
}

}  // namespace
}  // namespace anemone
