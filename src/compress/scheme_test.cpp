// All schemes alike: what a program makes of the parts is what the scheme says that it loses.

#include <gtest/gtest.h>

#include "compress/round_trip.h"

namespace anemone::compress {
namespace {

using test::random_weight;
using test::round_trip;

struct Case {
  const char* scheme;
  double bits;      ///< an element, of a weight [64, 256].
  double loss;      ///< the most that it may lose of a normal weight.
  int first_opset;  ///< iOS.
  const char* nearest = "";
};
std::ostream& operator<<(std::ostream& stream, const Case& one) { return stream << one.scheme; }

constexpr Case kCases[] = {
    {"lut4:g16", 4.1, 0.012, 18, "lut4:tensor"},
    {"lut4:tensor", 4.1, 0.012, 16},
    {"lut4:g16:v2", 2.3, 0.11, 18, "lut4:tensor"},
    {"lut6:tensor:v4", 2.1, 0.18, 18, "lut6:tensor"},
    {"lut4:g16:int8", 4.1, 0.013, 18, "lut4:tensor"},
    {"lut4:g16:scale", 4.2, 0.02, 18, "lut4:tensor"},
    {"int8:channel", 8.2, 1e-4, 16},
    {"int8:channel:affine", 8.2, 1e-4, 16},
    {"int8:tensor", 8.1, 2e-4, 16},
    {"int8:b32", 8.6, 1e-4, 18, "int8:channel"},
    {"int4:b32", 4.6, 0.012, 18, "int8:channel"},
    {"int4:channel", 4.2, 0.02, 18, "int8:channel"},
    {"int4:channel:affine", 4.3, 0.02, 18, "int8:channel:affine"},
    {"sparse50", 9.1, 0.08, 16},
    {"sparse2:4", 9.1, 0.14, 16},
    {"sparse25", 13.1, 0.01, 16},
    {"lut4:g16+sparse50", 3.2, 0.09, 18, "sparse50"},
    {"int8:channel+sparse2:4", 5.2, 0.14, 18, "sparse2:4"},
};

class EveryScheme : public ::testing::TestWithParam<Case> {};

TEST_P(EveryScheme, DecodesToTheErrorThatItReports) {
  const Case& one = GetParam();
  const std::pair<const char*, Shape> kWeights[] = {
      {"linear", {64, 256}}, {"matmul", {256, 64}}, {"conv", {64, 32, 3, 1}}};
  for (const auto& [reader, shape] : kWeights)
    for (const DType dtype : {DType::fp16, DType::fp32}) {
      const auto trip = round_trip(one.scheme, random_weight(dtype, shape), reader);
      ASSERT_TRUE(trip.status.ok()) << trip.status.error().to_string();
      ASSERT_EQ(trip.decoded.shape(), shape);
      EXPECT_EQ(trip.decoded.dtype(), dtype);
      const double loss = trip.squared_error() / trip.squared_sum();
      EXPECT_LE(loss, one.loss) << reader;
      // Products of scales are rounded once more by what decodes.
      EXPECT_NEAR(loss, *trip.report.relative_error, 1e-5 + 0.01 * loss) << reader;
    }
}

TEST_P(EveryScheme, TakesTheBytesThatItReports) {
  const Case& one = GetParam();
  const auto trip = round_trip(one.scheme, random_weight(DType::fp16, {64, 256}));
  ASSERT_TRUE(trip.status.ok());
  uint64_t bytes = 0;
  for (const mil::Operation& operation : trip.program.functions[0].block.operations)
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name() && binding.value().blob)
          bytes += binding.value().tensor.bytes().size();
  EXPECT_EQ(bytes, trip.report.bytes);
  EXPECT_LE(static_cast<double>(bytes) * 8 / (64 * 256), one.bits);
}

TEST_P(EveryScheme, ThreadsChangeNothing) {
  const Tensor weight = random_weight(DType::fp16, {64, 512}, 7);
  const auto one = round_trip(GetParam().scheme, weight, "linear", "CoreML8", 1);
  const auto five = round_trip(GetParam().scheme, weight, "linear", "CoreML8", 5);
  EXPECT_TRUE(std::ranges::equal(one.decoded.bytes(), five.decoded.bytes()));
  EXPECT_EQ(one.report.relative_error, five.report.relative_error);
}

TEST_P(EveryScheme, NamesTheNearestWhereTheTargetKnowsItNot) {
  const Case& one = GetParam();
  const auto trip =
      round_trip(one.scheme, random_weight(DType::fp16, {64, 256}), "linear", "CoreML6");
  if (one.first_opset == 16) {
    ASSERT_TRUE(trip.status.ok()) << trip.status.error().to_string();
    EXPECT_NEAR(trip.squared_error() / trip.squared_sum(), *trip.report.relative_error,
                1e-5 + 0.01 * *trip.report.relative_error);
    return;
  }
  ASSERT_FALSE(trip.status.ok());
  EXPECT_EQ(trip.status.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(trip.status.error().hint.ends_with(one.nearest)) << trip.status.error().to_string();
}

TEST_P(EveryScheme, IsRefusedWhereTheTargetKnowsNone) {
  const auto trip =
      round_trip(GetParam().scheme, random_weight(DType::fp16, {64, 256}), "linear", "CoreML5");
  ASSERT_FALSE(trip.status.ok());
  EXPECT_EQ(trip.status.error().code, ErrorCode::unsupported);
  const std::string text = trip.status.error().to_string();
  const std::string needs = "needs iOS" + std::to_string(GetParam().first_opset);
  EXPECT_NE(text.find(needs + ", the program is for iOS15"), text.npos) << text;
  EXPECT_NE(trip.status.error().hint.find("nearest is fp16"), text.npos) << text;
}

TEST_P(EveryScheme, HoldsZerosAndTheLargestNumbers) {
  Tensor weight = Tensor::zeros(DType::fp16, {64, 256});
  const auto zeros = round_trip(GetParam().scheme, weight);
  ASSERT_TRUE(zeros.status.ok());
  EXPECT_EQ(zeros.squared_error(), 0);
  for (int64_t i = 0; i < weight.element_count(); ++i) weight.set(i, i % 2 == 0 ? 65504 : -65504);
  const auto large = round_trip(GetParam().scheme, weight);
  ASSERT_TRUE(large.status.ok());
  for (int64_t i = 0; i < weight.element_count(); ++i)
    ASSERT_TRUE(std::isfinite(large.decoded.at(i))) << i;
}

INSTANTIATE_TEST_SUITE_P(Schemes, EveryScheme, ::testing::ValuesIn(kCases), [](const auto& one) {
  std::string name = one.param.scheme;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace
}  // namespace anemone::compress
