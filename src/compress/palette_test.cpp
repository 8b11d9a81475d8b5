#include <gtest/gtest.h>

#include <set>

#include "compress/round_trip.h"

namespace anemone::compress {
namespace {

using test::random_weight;
using test::round_trip;

TEST(Palette, DecodesToTheErrorThatItReports) {
  for (const char* spec :
       {"lut1:g8", "lut2:tensor", "lut3:g4", "lut4:g16", "lut6:g8", "lut8:tensor"})
    for (const char* reader : {"linear", "matmul"}) {
      const auto trip = round_trip(spec, random_weight(DType::fp16, {48, 160}), reader);
      ASSERT_TRUE(trip.status.ok()) << trip.status.error().to_string();
      EXPECT_NEAR(trip.squared_error() / trip.squared_sum(), *trip.report.relative_error, 1e-9)
          << spec << " " << reader;
      EXPECT_LT(*trip.report.relative_error, spec[3] == '1' ? 0.4 : 0.13) << spec;
    }
}

TEST(Palette, GroupsHaveTablesOfTheirOwn) {
  Tensor weight = random_weight(DType::fp16, {32, 128});
  for (int64_t i = 0; i < 16 * 128; ++i) weight.set(i, weight.at(i) * 64);
  const auto grouped = round_trip("lut4:g16", weight);
  const auto* op = grouped.find("constexpr_lut_to_dense");
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->find_input("lut")->bindings[0].value().type.tensor.shape, (Shape{2, 1, 16, 1}));
  EXPECT_EQ(op->find_input("indices")->bindings[0].value().type.tensor.dtype, DType::uint4);
  for (const int64_t half : {0, 1}) {
    std::set<double> numbers;
    for (int64_t i = 0; i < 16 * 128; ++i) numbers.insert(grouped.decoded.at(half * 16 * 128 + i));
    EXPECT_EQ(numbers.size(), 16u);
  }
  EXPECT_EQ(grouped.report.bytes, 32u * 128 / 2 + 2 * 16 * 2);
}

TEST(Palette, FollowsTheOutputAxis) {
  const auto trip = round_trip("lut4:g8", random_weight(DType::fp16, {96, 32}), "matmul");
  const auto* op = trip.find("constexpr_lut_to_dense");
  EXPECT_EQ(op->find_input("lut")->bindings[0].value().type.tensor.shape, (Shape{1, 4, 16, 1}));
  for (int64_t group = 0; group < 4; ++group) {
    std::set<double> numbers;
    for (int64_t row = 0; row < 96; ++row)
      for (int64_t column = 0; column < 8; ++column)
        numbers.insert(trip.decoded.at(row * 32 + group * 8 + column));
    EXPECT_LE(numbers.size(), 16u);
  }
}

TEST(Palette, FewNumbersAreExact) {
  Tensor weight = Tensor::zeros(DType::fp16, {64, 64});
  for (int64_t i = 0; i < 4096; ++i) weight.set(i, (static_cast<double>(i * 7 % 13) - 6) / 8);
  weight.set(5, -0.0);
  const auto trip = round_trip("lut4:g16", weight);
  EXPECT_EQ(trip.squared_error(), 0);
  EXPECT_EQ(trip.report.relative_error, 0.0);
}

TEST(Palette, GroupsThatDoNotDivideAreMadeSmaller) {
  const auto trip = round_trip("lut4:g16", random_weight(DType::fp16, {66, 64}));
  const auto* op = trip.find("constexpr_lut_to_dense");
  EXPECT_EQ(op->find_input("lut")->bindings[0].value().type.tensor.shape, (Shape{6, 1, 16, 1}));
}

TEST(Palette, KernelsAndWideNumbersComeBackToo) {
  const auto kernels = round_trip("lut4:g8", random_weight(DType::fp16, {16, 32, 3, 3}), "conv");
  EXPECT_NEAR(kernels.squared_error() / kernels.squared_sum(), *kernels.report.relative_error,
              1e-9);
  const auto wide = round_trip("lut6:g8", random_weight(DType::fp32, {64, 64}));
  ASSERT_TRUE(wide.status.ok());
  EXPECT_EQ(wide.decoded.dtype(), DType::fp32);
  EXPECT_NEAR(wide.squared_error() / wide.squared_sum(), *wide.report.relative_error, 1e-9);
}

TEST(Palette, OfIos16IsOneTable) {
  const auto refused =
      round_trip("lut4:g16", random_weight(DType::fp16, {64, 64}), "linear", "CoreML6");
  ASSERT_FALSE(refused.status.ok());
  EXPECT_EQ(refused.status.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.status.error().hint.find("lut4:tensor"), std::string::npos);
  const auto three =
      round_trip("lut3:tensor", random_weight(DType::fp16, {64, 64}), "linear", "CoreML7");
  ASSERT_FALSE(three.status.ok());
  EXPECT_NE(three.status.error().hint.find("lut4:tensor"), std::string::npos);
  for (const char* spec : {"lut1:tensor", "lut4:tensor", "lut6:tensor", "lut8:tensor"}) {
    const auto trip = round_trip(spec, random_weight(DType::fp16, {33, 99}), "linear", "CoreML6");
    ASSERT_TRUE(trip.status.ok()) << trip.status.error().to_string();
    EXPECT_NE(trip.find("constexpr_lut_to_dense")->find_attribute("shape"), nullptr);
    EXPECT_NEAR(trip.squared_error() / trip.squared_sum(), *trip.report.relative_error, 1e-9);
  }
}

TEST(Palette, ThreadsChangeNothing) {
  for (const char* spec : {"lut4:g16", "lut4:tensor"}) {
    const Tensor weight = random_weight(DType::fp16, {256, 2048});
    const auto one = round_trip(spec, weight, "linear", "CoreML8", 1);
    const auto five = round_trip(spec, weight, "linear", "CoreML8", 5);
    ASSERT_EQ(one.decoded.bytes().size(), five.decoded.bytes().size());
    EXPECT_TRUE(std::ranges::equal(one.decoded.bytes(), five.decoded.bytes()));
    EXPECT_EQ(one.report.relative_error, five.report.relative_error);
  }
}

TEST(Palette, WhatIsNotFiniteIsRefused) {
  Tensor weight = random_weight(DType::fp16, {64, 64});
  weight.set(17, std::numeric_limits<double>::infinity());
  const auto trip = round_trip("lut4:g16", weight);
  ASSERT_FALSE(trip.status.ok());
  EXPECT_EQ(trip.status.error().code, ErrorCode::out_of_range);
}

}  // namespace
}  // namespace anemone::compress
