// What a conversion leaves on disk, and what it refuses.

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "anemone/package.h"
#include "base/sha256.h"
#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  return files;
}

class ConvertOutput : public ::testing::Test {
 protected:
  fs::path checkpoint() const { return test::source_folder() / "models/anemone-tiny"; }
  fs::path out() const { return scratch_.path() / "out"; }
  std::vector<fs::path> left() const {
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(scratch_.path()))
      names.push_back(entry.path().filename());
    return names;
  }
  const ConvertOptions small_{.context = 64, .prefill = 8};
  test::ScratchFolder scratch_;
};

TEST_F(ConvertOutput, S3_64_IsTheSameBytesEachTime) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  ASSERT_TRUE(test::converted(checkpoint(), scratch_.path() / "again", small_));
  const auto first = files_below(out());
  EXPECT_EQ(first, files_below(scratch_.path() / "again"));
  EXPECT_TRUE(first.contains("chunk_01of01.mlpackage/Manifest.json"));
  EXPECT_TRUE(first.contains("tokenizer.json"));
  EXPECT_EQ(first.at("config.json"), read_file(checkpoint() / "config.json"));
}

TEST_F(ConvertOutput, TheManifestHoldsTheHashOfEveryFile) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto manifest = nlohmann::json::parse(read_file(out() / "anemone.json"));
  auto files = files_below(out());
  files.erase("anemone.json");
  EXPECT_EQ(manifest.at("files").size(), files.size());
  for (const auto& [name, bytes] : files)
    EXPECT_EQ(manifest.at("files").at(name), sha256(bytes)) << name;
  EXPECT_EQ(manifest.at("source").at("sha256").get<std::string>().size(), 64u);
  EXPECT_EQ(manifest.at("context_length"), 64);
}

TEST_F(ConvertOutput, S3_22_PackagesSayWhatTheyAreAndVerify) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto package = package::open(out() / "chunk_01of01.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_THAT(package::verify(*package), IsEmpty());
  EXPECT_EQ(package->specification_version, 9);
  for (const char* key : {"description", "author", "license", "version", "anemone.source"})
    EXPECT_FALSE(package->metadata.at(key).empty()) << key;
  EXPECT_EQ(package->default_function, "decode");
  for (const char* name : {"decode", "prefill", "score"})
    EXPECT_NE(package->find_function(name), nullptr) << name;
}

/// Functions share their weights, and a tied embedding is stored once.
TEST_F(ConvertOutput, S3_36_WeightsAreStoredOnce) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto half = static_cast<double>(fs::file_size(checkpoint() / "model.safetensors"));
  const auto stored = static_cast<double>(
      fs::file_size(out() / "chunk_01of01.mlpackage/Data/com.apple.CoreML/weights/weight.bin"));
  EXPECT_LT(stored, 1.05 * half);
}

TEST_F(ConvertOutput, AnInterruptionLeavesNothing) {
  for (const uint64_t after : {0, 1000, 1000000}) {
    ConvertOptions options = small_;
    options.progress = [&](const Progress& progress) { return progress.done < after; };
    const auto report = convert(checkpoint(), out(), options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
    EXPECT_THAT(left(), IsEmpty());
  }
}

TEST_F(ConvertOutput, ReplacesOnlyWhatAConversionMadeAndOnlyWhenAsked) {
  scratch_.write("out/thesis.txt", "words");
  ConvertOptions options = small_;
  options.overwrite = true;
  const auto foreign = convert(checkpoint(), out(), options);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(scratch_.read("out/thesis.txt"), "words");
  fs::remove_all(out());

  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const auto refused = convert(checkpoint(), out(), small_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().to_string(), HasSubstr("exists"));
  options.context = 32;
  ASSERT_TRUE(test::converted(checkpoint(), out(), options));
  EXPECT_EQ(nlohmann::json::parse(read_file(out() / "anemone.json")).at("context_length"), 32);
  EXPECT_EQ(left().size(), 1u);
}

TEST_F(ConvertOutput, ADryRunMeasuresAndWritesNothing) {
  ConvertOptions options = small_;
  options.dry_run = true;
  const auto planned = convert(checkpoint(), out(), options);
  ASSERT_TRUE(planned.ok()) << planned.error().to_string();
  EXPECT_FALSE(planned->written);
  EXPECT_THAT(left(), IsEmpty());
  ASSERT_EQ(planned->packages.size(), 1u);
  ASSERT_TRUE(test::converted(checkpoint(), out(), small_));
  const fs::path data = out() / "chunk_01of01.mlpackage/Data/com.apple.CoreML";
  EXPECT_EQ(planned->packages[0].weight_bytes, fs::file_size(data / "weights/weight.bin"));
  ASSERT_FALSE(planned->speed.empty());
  for (const SpeedBound& bound : planned->speed)
    EXPECT_NEAR(bound.tokens_per_second * static_cast<double>(planned->bytes_per_token),
                bound.bandwidth_gb_per_s * 1e9, 1e3)
        << bound.chip;
}

TEST_F(ConvertOutput, S3_73_SaysItsStages) {
  ConvertOptions options = small_;
  std::string stages;
  options.log = [&](LogLevel, std::string_view line) {
    stages += std::string(line.substr(0, line.find(':'))) + " ";
  };
  ASSERT_TRUE(test::converted(checkpoint(), out(), options));
  EXPECT_EQ(stages, "load build convert save complete ");
}

TEST_F(ConvertOutput, OptionsThatMakeNoSenseAreNamed) {
  const auto message = [&](ConvertOptions options) {
    const auto report = convert(checkpoint(), out(), options);
    EXPECT_FALSE(report.ok());
    EXPECT_THAT(left(), IsEmpty());
    return report.ok() ? "" : report.error().to_string();
  };
  EXPECT_THAT(message({.context = 1 << 30}), HasSubstr("context is 1073741824"));
  EXPECT_THAT(message({.context = 64, .prefill = 1}), HasSubstr("block of 1"));
  EXPECT_THAT(message({.context = 64, .chunks = 500}), HasSubstr("500 chunks"));
  EXPECT_THAT(message({.layout = "boxes"}), HasSubstr("boxes"));
  EXPECT_THAT(message({.layout = "plain", .lengths = {8, 8}}), HasSubstr("twice"));
}

/// A file of one length, the name is the package itself.
TEST_F(ConvertOutput, S3_56_PlainIsOnePackageOrOneALength) {
  const fs::path package = scratch_.path() / "one.mlpackage";
  ASSERT_TRUE(test::converted(checkpoint(), package, {.layout = "plain", .lengths = {8}}));
  EXPECT_TRUE(fs::exists(package / "Manifest.json"));
  ASSERT_TRUE(test::converted(checkpoint(), out(), {.layout = "plain", .lengths = {8, 16}}));
  EXPECT_TRUE(fs::exists(out() / "model_seq8.mlpackage"));
  EXPECT_TRUE(fs::exists(out() / "model_seq16.mlpackage"));
  EXPECT_TRUE(fs::exists(out() / "tokenizer.json"));
}

}  // namespace
}  // namespace anemone
