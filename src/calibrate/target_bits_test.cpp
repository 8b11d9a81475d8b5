// Compression to a number of bits a weight.

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "calibrate/calibrate_test.h"

namespace anemone::calibrate {
namespace {

/// Of all weights together; 0 without any.
double bits_of(const std::vector<CompressedWeight>& weights) {
  double bytes = 0;
  double elements = 0;
  for (const CompressedWeight& weight : weights) {
    bytes += static_cast<double>(weight.bytes);
    elements += static_cast<double>(weight.elements);
  }
  return elements > 0 ? 8 * bytes / elements : 0;
}

TEST_F(Calibrated, TargetBitsAreKeptAndGivenWhereTheyCount) {
  Options options = tuning(2);
  options.target_bits = 3.5;
  std::set<std::string> probed;
  options.log = [&](LogLevel, std::string_view line) {
    const size_t end = line.find(" in lut3:g16: KL ");
    if (end == std::string_view::npos) return;
    EXPECT_TRUE(probed.emplace(line.substr(0, end)).second) << line;
  };
  const auto report = compress("out", "", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  const std::set<std::string> kinds = {
      "5 weights as 'layer_0_attention_k_weight'", "5 weights as 'layer_0_attention_o_weight'",
      "5 weights as 'layer_0_attention_q_weight'", "5 weights as 'layer_0_attention_v_weight'",
      "5 weights as 'layer_0_mlp_down_weight'",    "5 weights as 'layer_0_mlp_gate_weight'",
      "5 weights as 'layer_0_mlp_up_weight'",      "1 weights as 'head_part_weight'"};
  EXPECT_EQ(probed, kinds);
  std::map<std::string, int> schemes;
  for (const CompressedWeight& weight : report->weights) ++schemes[weight.scheme];
  // No step of a weight fits into what is left, and none is longer than from 2 bits to 8.
  int64_t elements = 0;
  int64_t largest = 0;
  for (const CompressedWeight& weight : report->weights) {
    elements += weight.elements;
    largest = std::max(largest, weight.elements);
  }
  EXPECT_GT(bits_of(report->weights),
            3.5 - 6.0 * static_cast<double>(largest) / static_cast<double>(elements));
  EXPECT_LE(bits_of(report->weights), 3.5);
  EXPECT_GT(schemes.size(), 1u);
  EXPECT_EQ(report->quantize, "3.5 bits");
}

/// On a text this short compression seems to do good, and in directions that it does not have every
/// error seems free.
TEST_F(Calibrated, TargetBitsOfANarrowTextAreNoWorseOnOtherTextThanOneSchemeOfFewerBits) {
  ANEMONE_NEED_SHARED("data/corpus/wikipedia.valid.txt.gz");
  constexpr size_t kBytes = 40000;
  Options measured = tuning(24);
  measured.text = gunzipped(test::shared_folder() / "data/corpus/wikipedia.valid.txt.gz", kBytes);
  const Options narrow = tuning(8);
  Options chosen = narrow;
  chosen.target_bits = 3.5;
  ASSERT_TRUE(compress("uniform", "lut3:g16", narrow).ok());
  ASSERT_TRUE(compress("mix", "", chosen).ok());
  const auto uniform = compare(dense(), folder_ / "uniform", measured);
  const auto mix = compare(dense(), folder_ / "mix", measured);
  ASSERT_TRUE(uniform.ok() && mix.ok());
  RecordProperty("uniform", std::to_string(uniform->kl_divergence));
  RecordProperty("mix", std::to_string(mix->kl_divergence));
  EXPECT_LT(mix->kl_divergence, uniform->kl_divergence);
  EXPECT_LT(mix->loss, uniform->loss);
}

/// Single packages, whatever those are called that are made on the way to them.
class TargetBitsOfOnePackage : public Calibrated {
 protected:
  TargetBitsOfOnePackage() {
    options_ = tuning(2);
    options_.target_bits = 3.5;
  }
  static void expect_kept(const std::vector<CompressedWeight>& weights) {
    EXPECT_GT(bits_of(weights), 0);
    EXPECT_LE(bits_of(weights), 3.5);
  }
  const fs::path source_ = test::source_folder() / "models/anemone-tiny";
  Options options_;
};

TEST_F(TargetBitsOfOnePackage, AreThoseOfTheLayoutStateful) {
  const auto report = calibrate::convert(source_, folder_ / "out.mlpackage",
                                         {.layout = "stateful", .context = 128}, options_);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  expect_kept(report->weights);
}

TEST_F(TargetBitsOfOnePackage, AreThoseOfSeveralLengths) {
  const auto report = calibrate::convert(source_, folder_ / "out.mlpackage",
                                         {.layout = "plain", .lengths = {32, 128}}, options_);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  expect_kept(report->weights);
}

TEST_F(TargetBitsOfOnePackage, AreThoseOfOneThatIsCompressed) {
  fs::create_directory(folder_ / "one");
  fs::copy_file(source_ / "tokenizer.json", folder_ / "one/tokenizer.json");
  const fs::path one = folder_ / "one/lm_head_and_all.mlpackage";
  ASSERT_TRUE(anemone::convert(source_, one, {.layout = "stateful", .context = 128}).ok());
  const auto report =
      calibrate::compress_model(one, folder_ / "two.mlpackage", {.threads = 2}, options_);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  expect_kept(report->weights);
  EXPECT_EQ(report->weights[0].package, "two.mlpackage");
}

TEST_F(Calibrated, TooFewTargetBitsAreKnownBeforeAnyWeightIsRounded) {
  const double not_bits[] = {1, std::nan(""), std::numeric_limits<double>::infinity()};
  for (const double bits : not_bits) {
    Options options = tuning(2);
    options.target_bits = bits;
    options.progress = [&](const Progress& now) {
      ADD_FAILURE() << bits << ": " << now.stage;
      return false;
    };
    const auto refused = compress("no", "", options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message.find(bits == 1 ? "this model needs 2." : "is no number"),
              std::string::npos)
        << refused.error().message;
    EXPECT_FALSE(fs::exists(folder_ / "no.partial"));
  }
}

TEST_F(Calibrated, APlanForTargetBitsSaysThatItsSizesAreThoseBefore) {
  Options options = tuning(1);
  options.target_bits = 3;
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += line; };
  const auto report =
      calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / "none/out",
                         {.context = 128, .dry_run = true}, options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_NE(lines.find("those without compression, which the result stays below"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "none")) << "it need not be there, and is not made";
}

}  // namespace
}  // namespace anemone::calibrate
