// Calibration of the model that the repository holds.

#include "anemone/calibrate.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>

#include "support/shared.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

/// The contents of all files below a folder, by name.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().lexically_relative(folder).string()] = {
        std::istreambuf_iterator<char>(file), {}};
  }
  return contents;
}

/// Prose of our own, long enough for a few windows.
std::string prose() {
  const char* const kSentences[] = {
      "The river rose after three days of rain, and the old bridge was closed. ",
      "People carried their chairs to the hill and waited for the water to fall. ",
      "A teacher read to the children from a book about ships and islands. ",
      "In the morning the road was dry, but the mill stood without its wheel. ",
      "What the town had lost in one night it built again in two summers. "};
  std::string text;
  for (int i = 0; i < 120; ++i) text += kSentences[(i * i + i / 7) % 5];
  return text;
}

std::string gunzipped(const fs::path& path, size_t most_bytes) {
  std::string text(most_bytes, '\0');
  const gzFile file = gzopen(path.c_str(), "rb");
  const int count = gzread(file, text.data(), static_cast<unsigned>(most_bytes));
  gzclose(file);
  text.resize(static_cast<size_t>(std::max(count, 0)));
  return text.substr(0, text.rfind('\n') + 1);
}

class Calibrated : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "calibrate_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    ConvertOptions options;
    options.context = 128;
    const auto converted =
        anemone::convert(test::source_folder() / "models/anemone-tiny", folder_ / "dense", options);
    ASSERT_TRUE(converted.ok()) << converted.error().to_string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path dense() const { return folder_ / "dense"; }

  Options tuning(int64_t windows) const {
    Options options;
    options.text = prose();
    options.windows = windows;
    options.runtime.threads = 2;
    return options;
  }

  Result<CompressionReport> compress(const std::string& out, const std::string& quantize,
                                     const Options& options, int threads = 2) const {
    return calibrate::compress_model(dense(), folder_ / out,
                                     {.quantize = quantize, .threads = threads}, options);
  }

  fs::path folder_;
};

TEST_F(Calibrated, EveryWeightSaysWhatItsOutputsLose) {
  const auto report =
      compress("out", "ffn=lut4:g16,attn=int4:b32,head=lut6:g8,embed=int8", tuning(2));
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  for (const CompressedWeight& weight : report->weights) {
    ASSERT_EQ(weight.output_error.has_value(), weight.part != "embed") << weight.name;
    if (!weight.output_error) continue;
    EXPECT_GT(*weight.output_error, 0) << weight.name;
    EXPECT_LT(*weight.output_error, *weight.relative_error) << weight.name;
  }
  EXPECT_FALSE(fs::exists(folder_ / "out.partial"));
}

TEST_F(Calibrated, NeitherThreadsNorPassesChangeTheResult) {
  ASSERT_TRUE(compress("one", "lut3:g16", tuning(2), 1).ok());
  Options small = tuning(2);
  small.memory_bytes = 1;
  ASSERT_TRUE(compress("many", "lut3:g16", small, 3).ok());
  EXPECT_EQ(contents_of(folder_ / "one"), contents_of(folder_ / "many"));
}

TEST_F(Calibrated, GoesOnWhereItWasKilled) {
  ASSERT_TRUE(compress("whole", "lut3:g16", tuning(2)).ok());
  constexpr uint64_t kDone = 9;
  const pid_t child = fork();
  if (child == 0) {
    Options options = tuning(2);
    options.progress = [](const Progress& now) {
      if (now.stage == "round" && now.done == kDone) std::raise(SIGKILL);
      return true;
    };
    (void)compress("out", "lut3:g16", options);
    std::_Exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_FALSE(fs::exists(folder_ / "out"));
  uint64_t first = 0;
  bool is_first = true;
  Options options = tuning(2);
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; };
  options.progress = [&](const Progress& now) {
    if (now.stage == "round" && is_first) {
      first = now.done;
      is_first = false;
    }
    return true;
  };
  const auto report = compress("out", "lut3:g16", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(first, kDone) << "what was rounded is not rounded again";
  EXPECT_NE(lines.find("out.partial is of an earlier run"), std::string::npos) << lines;
  EXPECT_NE(lines.find("9 of "), std::string::npos) << lines;
  EXPECT_EQ(contents_of(folder_ / "out"), contents_of(folder_ / "whole"));
  EXPECT_FALSE(fs::exists(folder_ / "out.partial"));
}

TEST_F(Calibrated, ConversionMakesTheSameWeights) {
  ASSERT_TRUE(compress("out", "lut4:g16", tuning(2)).ok());
  ConvertOptions options;
  options.context = 128;
  options.quantize = "lut4:g16";
  const auto converted = calibrate::convert(test::source_folder() / "models/anemone-tiny",
                                            folder_ / "converted", options, tuning(2));
  ASSERT_TRUE(converted.ok()) << converted.error().to_string();
  const auto mine = contents_of(folder_ / "out");
  const auto theirs = contents_of(folder_ / "converted");
  size_t weights = 0;
  for (const auto& [name, contents] : mine)
    if (name.ends_with("weight.bin")) {
      EXPECT_EQ(contents, theirs.at(name)) << name;
      ++weights;
    }
  EXPECT_GT(weights, 0u);
  EXPECT_FALSE(fs::exists(folder_ / "converted.partial"));
}

TEST_F(Calibrated, TargetBitsAreKeptAndGivenWhereTheyCount) {
  Options options = tuning(2);
  options.target_bits = 3.5;
  const auto report = compress("out", "", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  int64_t elements = 0;
  uint64_t bytes = 0;
  std::map<std::string, int> schemes;
  for (const CompressedWeight& weight : report->weights) {
    elements += weight.elements;
    bytes += weight.bytes;
    ++schemes[weight.scheme];
  }
  const double bits = 8 * static_cast<double>(bytes) / static_cast<double>(elements);
  EXPECT_LE(bits, 3.5);
  EXPECT_GT(bits, 3.2);
  EXPECT_GT(schemes.size(), 1u);
  EXPECT_EQ(report->quantize, "3.5 bits");
  Options too_few = tuning(2);
  too_few.target_bits = 1;
  const auto refused = compress("no", "", too_few);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message.find("the least that there is"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "no.partial"));
}

/// Nothing is converted before all is known to be right, and nothing is left.
TEST_F(Calibrated, ConversionChecksWhatItIsToldBeforeItWorks) {
  const auto error_of = [&](const std::string& quantize, Options options, ConvertOptions convert) {
    convert.quantize = quantize;
    convert.log = [](LogLevel, std::string_view line) { ADD_FAILURE() << line; };
    options.text_name = "prose.txt";
    const auto report = calibrate::convert(test::source_folder() / "models/anemone-tiny",
                                           folder_ / "out", convert, options);
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(fs::exists(folder_ / "out.partial"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "the dense model alone";
    return report.ok() ? "" : report.error().to_string();
  };
  const auto expect = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  const ConvertOptions usual{.context = 128};
  expect(error_of("lut44", tuning(2), usual), "'lut44'");
  expect(error_of("", tuning(2), usual), "--quantize SCHEME, or --target-bits with --calibrate");
  expect(error_of("fp16", tuning(2), usual), "'fp16' compresses nothing");
  expect(error_of("lut4", tuning(2), {.context = 128, .prefill = {256}}), "prefill block is 256");
  expect(error_of("lut4", tuning(2), {.context = 1 << 30}), "context is 1073741824");
  expect(error_of("lut4", tuning(2), {.layout = "anemll", .monolith = true, .argmax = true}),
         "only the arg max");
  Options text = tuning(2);
  text.text = "Too short.";
  expect(error_of("lut4", text, usual), "prose.txt has 4 tokens, one window ");
  text.text = "bad \xff byte";
  expect(error_of("lut4", text, usual), "prose.txt is not UTF-8");
  Options both = tuning(2);
  both.target_bits = 4;
  expect(error_of("int8", both, usual), "one of the two");
  expect(calibrate::compress_model(dense(), folder_ / "." / "", {.quantize = "int8"}, tuning(2))
             .error()
             .to_string(),
         "has no name");
}

TEST_F(Calibrated, WhatAnInterruptionLeavesIsNamed) {
  const auto stopped_at = [&](std::string_view stage) {
    Options options = tuning(2);
    options.progress = [&](const Progress& now) { return now.stage != stage || now.done < 3; };
    ConvertOptions convert{.context = 128, .quantize = "ffn=lut4"};
    convert.progress = options.progress;
    const auto report = calibrate::convert(test::source_folder() / "models/anemone-tiny",
                                           folder_ / "out", convert, options);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
    return report.error().hint;
  };
  EXPECT_EQ(stopped_at("save"), "");
  EXPECT_FALSE(fs::exists(folder_ / "out.partial")) << "nothing was done";
  EXPECT_NE(stopped_at("round").find("out.partial keeps what is done: the same command goes on"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "out.partial"));
}

/// OUT.partial is used and removed where a calibration made it, and never else.
TEST_F(Calibrated, WhatOthersHavePutAtThePartialPlaceStays) {
  const fs::path partial = folder_ / "out.partial";
  const auto expect_refused = [&](const char* why) {
    const auto before = contents_of(folder_);
    for (const bool compresses : {true, false}) {
      const std::string error =
          compresses
              ? compress("out", "ffn=int8", tuning(1)).error().to_string()
              : calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / "out",
                                   {.context = 128, .quantize = "ffn=int8"}, tuning(1))
                    .error()
                    .to_string();
      EXPECT_NE(error.find(why), std::string::npos) << error;
    }
    EXPECT_EQ(contents_of(folder_), before);
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  };
  constexpr const char* kForeign = "no calibration made what is there";
  fs::create_directory(partial);
  expect_refused(kForeign);
  std::ofstream(partial / "precious") << "mine";
  expect_refused(kForeign);
  fs::remove_all(partial);
  fs::copy(dense(), partial, fs::copy_options::recursive);
  expect_refused(kForeign);
  fs::remove_all(partial);
  std::ofstream(partial) << "a file";
  expect_refused(kForeign);
  fs::remove(partial);
  fs::create_directory(folder_ / "target");
  std::ofstream(folder_ / "target/anemone-partial.json") << R"({"format": "anemone-partial"})";
  fs::create_directory_symlink("target", partial);
  expect_refused(kForeign);
  fs::remove(partial);
  fs::rename(folder_ / "target", partial);
  std::ofstream(partial / "notes") << "mine";
  expect_refused("'notes' in it was made by something else");
  fs::remove(partial / "notes");
  fs::create_directory(folder_ / "target");
  fs::create_directory_symlink("../target", partial / "weights");
  expect_refused("'weights' in it was made by something else");
}

TEST_F(Calibrated, APlanForTargetBitsSaysThatItsSizesAreThoseBefore) {
  Options options = tuning(1);
  options.target_bits = 3;
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += line; };
  const auto report =
      calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / "out",
                         {.context = 128, .dry_run = true}, options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_NE(lines.find("those without compression, which the result stays below"),
            std::string::npos);
}

TEST_F(Calibrated, WhatCannotBeMeasuredIsKnownBefore) {
  Options options = tuning(1);
  EXPECT_TRUE(check_comparable(dense(), options).ok());
  options.text = "\xff";
  EXPECT_EQ(check_comparable(dense(), options).error().code, ErrorCode::corrupt);
  options.text = "Too short.";
  EXPECT_EQ(check_comparable(dense(), options).error().code, ErrorCode::invalid_argument);
  const ConvertOptions silent{.layout = "anemll", .monolith = true, .argmax = true, .context = 64};
  ASSERT_TRUE(
      anemone::convert(test::source_folder() / "models/anemone-tiny", folder_ / "silent", silent)
          .ok());
  EXPECT_EQ(check_comparable(folder_ / "silent", tuning(1)).error().code, ErrorCode::unsupported);
}

TEST_F(Calibrated, ATextWithoutAWindowIsRefused) {
  Options options = tuning(2);
  options.text = "Too short.";
  const auto report = compress("out", "lut4", options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
}

/// On text that calibration has not seen, of the kind that the model was trained on.
TEST_F(Calibrated, RemovesAtLeastHalfOfWhatFourBitsLose) {
  ANEMONE_NEED_SHARED("data/corpus/wikipedia.train.txt.gz");
  const fs::path corpus = test::shared_folder() / "data/corpus";
  constexpr size_t kBytes = 120000;
  Options options = tuning(256);
  options.text.clear();
  for (const char* kind : {"wikipedia", "textbooks", "fiction", "web"})
    options.text += gunzipped(corpus / (std::string(kind) + ".train.txt.gz"), kBytes);
  Options measured = tuning(64);
  measured.text.clear();
  for (const char* kind : {"wikipedia", "textbooks", "fiction", "web"})
    measured.text += gunzipped(corpus / (std::string(kind) + ".valid.txt.gz"), kBytes);
  ConvertOptions convert;  // whole windows at once
  convert.layout = "plain";
  convert.lengths = {128};
  const fs::path plain = folder_ / "plain";
  ASSERT_TRUE(anemone::convert(test::source_folder() / "models/anemone-tiny", plain, convert).ok());
  const CompressOptions lut4{.quantize = "lut4:g16", .threads = 2};
  ASSERT_TRUE(anemone::compress_model(plain, folder_ / "free", lut4).ok());
  ASSERT_TRUE(calibrate::compress_model(plain, folder_ / "tuned", lut4, options).ok());
  const auto free = compare(plain, folder_ / "free", measured);
  const auto tuned = compare(plain, folder_ / "tuned", measured);
  ASSERT_TRUE(free.ok() && tuned.ok());
  EXPECT_EQ(free->dense_loss, tuned->dense_loss);
  RecordProperty("dense", std::to_string(free->dense_loss));
  RecordProperty("free", std::to_string(free->loss));
  RecordProperty("tuned", std::to_string(tuned->loss));
  EXPECT_LT(tuned->loss - tuned->dense_loss, 0.5 * (free->loss - free->dense_loss))
      << tuned->dense_loss << " " << free->loss << " " << tuned->loss;
  EXPECT_LT(tuned->kl_divergence, 0.5 * free->kl_divergence);
  EXPECT_GT(tuned->top1_agreement, free->top1_agreement);
}

}  // namespace
}  // namespace anemone::calibrate
