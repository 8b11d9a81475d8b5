// Compression to a number of bits a weight.

#include <fmt/format.h>

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

/// Two narrow layers, which are quickly compressed in every way.
class TargetBits : public Calibrated {
 protected:
  void SetUp() override {
    make_folder();
    source_ = folder_ / "source";
    test::write_part_of(test::source_folder() / "models/anemone-tiny", source_, 2, 64);
    convert_from(source_);
  }
  fs::path source_;
};

TEST_F(TargetBits, AreKeptAndGivenWhereTheyCount) {
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
      "2 weights as 'layer_0_attention_k_weight'", "2 weights as 'layer_0_attention_o_weight'",
      "2 weights as 'layer_0_attention_q_weight'", "2 weights as 'layer_0_attention_v_weight'",
      "2 weights as 'layer_0_mlp_down_weight'",    "2 weights as 'layer_0_mlp_gate_weight'",
      "2 weights as 'layer_0_mlp_up_weight'",      "1 weights as 'head_part_weight'"};
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
  // It says what came out, not what was wished.
  EXPECT_EQ(report->quantize, fmt::format("{:.3f} bits", bits_of(report->weights)));
}

/// Single packages, whatever those are called that are made on the way to them.
class TargetBitsOfOnePackage : public TargetBits {
 protected:
  TargetBitsOfOnePackage() : options_(tuning(2)) { options_.target_bits = 3.5; }
  static void expect_kept(const std::vector<CompressedWeight>& weights) {
    EXPECT_GT(bits_of(weights), 0);
    EXPECT_LE(bits_of(weights), 3.5);
  }
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

/// Nothing is to be chosen, so nothing is measured.
TEST_F(TargetBits, ThatHaveRoomForInt8EverywhereAreThat) {
  Options options = tuning(2);
  options.target_bits = 16;
  uint64_t rounded = 0;
  options.progress = [&](const Progress& now) {
    if (now.stage == "round") rounded = std::max(rounded, now.total);
    return true;
  };
  options.log = [&](LogLevel, std::string_view line) {
    EXPECT_EQ(line.find(": KL "), std::string_view::npos) << line;
  };
  const auto report = compress("out", "", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(rounded, report->weights.size());
  for (const CompressedWeight& weight : report->weights) {
    EXPECT_EQ(weight.scheme, "int8:channel") << weight.name;
    EXPECT_TRUE(weight.output_error) << weight.name;
  }
}

TEST_F(TargetBits, ThatNoWeightTakesAreKnownBeforeAnyWeightIsRounded) {
  const std::pair<double, const char*> refused_bits[] = {
      {1, "this model needs 2."},
      {-3, "is no number"},
      {std::nan(""), "is no number"},
      {std::numeric_limits<double>::infinity(), "is no number"},
      {16.01, "16.01, and weights have 16"},
      {99, "99, and weights have 16"}};
  for (const auto& [bits, why] : refused_bits) {
    Options options = tuning(2);
    options.target_bits = bits;
    options.progress = [&](const Progress& now) {
      ADD_FAILURE() << bits << ": " << now.stage;
      return false;
    };
    const auto refused = compress("no", "", options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message.find(why), std::string::npos) << refused.error().message;
    EXPECT_FALSE(fs::exists(folder_ / "no.partial"));
  }
}

TEST_F(TargetBits, APlanForTargetBitsSaysThatItsSizesAreThoseBefore) {
  Options options = tuning(1);
  options.target_bits = 3;
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += line; };
  const auto report =
      calibrate::convert(source_, folder_ / "none/out", {.context = 128, .dry_run = true}, options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_NE(lines.find("those without compression, which the result stays below"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "none")) << "it need not be there, and is not made";
}

}  // namespace
}  // namespace anemone::calibrate
