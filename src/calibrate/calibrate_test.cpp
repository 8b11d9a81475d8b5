// Calibration of the model that the repository holds.

#include "calibrate/calibrate_test.h"

#include <optional>

namespace anemone::calibrate {
namespace {

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

TEST_F(Calibrated, WhatIsStoredWithoutCalibrationIsSaid) {
  Options options = tuning(1);
  std::string warned;
  options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning) warned += std::string(line) + "\n";
  };
  const auto report =
      compress("out", "ffn=lut4:g16:v2,attn=lut6,head=sparse50,embed=int8", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  std::map<std::string, std::string> schemes;
  for (const Uncalibrated& those : uncalibrated(report->weights)) {
    schemes[those.part] = those.scheme;
    EXPECT_EQ(those.weights, those.of_weights) << those.part;
    EXPECT_NE(warned.find(those.part + " as " + those.scheme + ": "), std::string::npos) << warned;
  }
  const std::map<std::string, std::string> expected = {
      {"ffn", "lut4:g16:v2"}, {"head", "sparse50"}, {"embed", "int8:channel"}};
  EXPECT_EQ(schemes, expected);
  EXPECT_EQ(warned.find("attn"), std::string::npos) << warned;
}

TEST_F(Calibrated, ATextThatSaysNothingIsCalledSo) {
  for (const char* text : {"", " \n\t"}) {
    Options options = tuning(1);
    options.text = text;
    options.text_name = "prose.txt";
    const auto error = compress("out", "lut4", options).error();
    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    EXPECT_EQ(error.message, *text == 0 ? "prose.txt is empty" : "prose.txt is blank");
  }
}

TEST_F(Calibrated, ASinglePackageNeedsATokenizerBesideItAndTheErrorSaysWhere) {
  fs::create_directory(folder_ / "alone");
  const fs::path package = folder_ / "alone/one.mlpackage";
  fs::copy(dense() / "chunk_01of01.mlpackage", package, fs::copy_options::recursive);
  const auto report = calibrate::compress_model(package, folder_ / "two.mlpackage",
                                                {.quantize = "lut4"}, tuning(1));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::not_found);
  EXPECT_NE(report.error().message.find("no tokenizer.json beside it"), std::string::npos);
  EXPECT_NE(report.error().hint.find("copy tokenizer.json"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "two.mlpackage.partial"));
}

/// What lies in one folder is read there: no other is made, so none for temporary files is needed.
TEST_F(Calibrated, ADryRunMakesNoFolder) {
  const char* const before = std::getenv("TMPDIR");
  const std::optional<std::string> kept =
      before == nullptr ? std::nullopt : std::optional<std::string>(before);
  ASSERT_EQ(setenv("TMPDIR", (folder_ / "none/temporary").c_str(), 1), 0);
  const auto report =
      calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / "none/out",
                         {.context = 128, .quantize = "lut4", .dry_run = true}, tuning(1));
  ASSERT_EQ(kept ? setenv("TMPDIR", kept->c_str(), 1) : unsetenv("TMPDIR"), 0);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(Calibrated, NeitherThreadsNorPassesChangeTheResult) {
  ASSERT_TRUE(compress("one", "lut3:g16", tuning(2), 1).ok());
  Options small = tuning(2);
  small.memory_bytes = 1;
  ASSERT_TRUE(compress("many", "lut3:g16", small, 3).ok());
  EXPECT_EQ(contents_of(folder_ / "one"), contents_of(folder_ / "many"));
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
  expect(error_of("fp16", tuning(2), usual), "'fp16' leaves all weights as they are");
  expect(error_of("lut4", tuning(2), {.context = 128, .prefill = {256}}), "prefill block is 256");
  expect(error_of("lut4", tuning(2), {.context = 1 << 30}), "context is 1073741824");
  expect(error_of("lut4", tuning(2), {.layout = "anemll", .monolith = true, .argmax = true}),
         "only the arg max");
  Options text = tuning(2);
  text.text = "Too short.";
  expect(error_of("lut4", text, usual), "prose.txt has 4 tokens, expected ");
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

TEST_F(Calibrated, WhatCannotBeMeasuredIsKnownBefore) {
  Options options = tuning(1);
  EXPECT_TRUE(check_comparable(dense(), options).ok());
  options.text = "\xff";
  EXPECT_EQ(check_comparable(dense(), options).error().code, ErrorCode::invalid_argument);
  options.text = "Too short.";
  EXPECT_EQ(check_comparable(dense(), options).error().code, ErrorCode::invalid_argument);
  const ConvertOptions silent{.layout = "anemll", .monolith = true, .argmax = true, .context = 64};
  ASSERT_TRUE(
      anemone::convert(test::source_folder() / "models/anemone-tiny", folder_ / "silent", silent)
          .ok());
  EXPECT_EQ(check_comparable(folder_ / "silent", tuning(1)).error().code, ErrorCode::unsupported);
}

/// Lengths of the layout plain have the same weights, and one of them runs.
TEST_F(Calibrated, PackagesThatDoNotRunHaveWhatIsMeasuredOfTheSameWeights) {
  const auto converted = [&](const char* out, std::vector<int64_t> lengths) {
    const auto report = calibrate::convert(
        test::source_folder() / "models/anemone-tiny", folder_ / out,
        {.layout = "plain", .lengths = std::move(lengths), .quantize = "ffn=lut3"}, tuning(2));
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return contents_of(folder_ / out);
  };
  const char* const kWeights = "model_seq96.mlpackage/Data/com.apple.CoreML/weights/weight.bin";
  const std::string alone = converted("alone", {96}).at(kWeights);
  EXPECT_TRUE(converted("both", {64, 96}).at(kWeights) == alone);
}

TEST_F(Calibrated, ATextWithoutAWindowIsRefused) {
  Options options = tuning(2);
  options.text = "Too short.";
  const auto report = compress("out", "lut4", options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
  for (const int64_t windows : {0, -1}) {
    EXPECT_EQ(compress("out", "lut4", tuning(windows)).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(check_comparable(dense(), tuning(windows)).error().code, ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace anemone::calibrate
