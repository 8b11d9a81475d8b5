#include "anemone/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace anemone {
namespace {

TEST(DTypes, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::fp8e5m2); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(to_string(dtype)), dtype);
  }
  EXPECT_FALSE(parse_dtype("float16").has_value());
}

TEST(ShapeTest, CountsAndStrides) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.element_count(), 24);
  EXPECT_EQ(shape.stride(0), 12);
  EXPECT_EQ(shape.stride(2), 1);
  EXPECT_EQ(Shape{}.element_count(), 1);
  EXPECT_EQ((Shape{3, 0, 5}.element_count()), 0);
  EXPECT_EQ((Shape{1, kUnknownDim}.to_string()), "[1, ?]");
}

TEST(ShapeTest, OverflowIsNoticed) {
  const std::array<int64_t, 3> huge{int64_t{1} << 40, int64_t{1} << 40, 4};
  EXPECT_FALSE(checked_element_count(huge).has_value());
  const std::array<int64_t, 3> empty_but_huge{0, int64_t{1} << 40, int64_t{1} << 40};
  EXPECT_FALSE(checked_element_count(empty_but_huge).has_value());
  const std::array<int64_t, 2> negative{4, -2};
  EXPECT_FALSE(checked_element_count(negative).has_value());
  EXPECT_FALSE(checked_byte_count(DType::fp64, int64_t{1} << 60).has_value());
  EXPECT_EQ(checked_byte_count(DType::uint3, 3), 2);
}

TEST(ShapeTest, InsertAndErase) {
  Shape shape{2, 3};
  shape.insert(1, 7);
  EXPECT_EQ(shape, (Shape{2, 7, 3}));
  shape.erase(0);
  EXPECT_EQ(shape, (Shape{7, 3}));
}

TEST(TensorTest, SubByteElementsStraddleBytes) {
  for (const DType dtype : {DType::uint1, DType::uint2, DType::uint3, DType::uint4, DType::uint6}) {
    Tensor tensor = Tensor::zeros(dtype, {23});
    const int top = 1 << bit_width(dtype);
    for (int64_t i = 0; i < 23; ++i) tensor.set(i, static_cast<double>((i * 7 + 1) % top));
    for (int64_t i = 0; i < 23; ++i) EXPECT_EQ(tensor.at(i), (i * 7 + 1) % top) << to_string(dtype);
  }
}

TEST(TensorTest, ThreeBitElementsArePackedLowBitsFirst) {
  // 1, 2, 3 in three bits each: 001 | 010 << 3 | 011 << 6 = 0b0_1101_0001.
  Tensor tensor = Tensor::zeros(DType::uint3, {3});
  for (int64_t i = 0; i < 3; ++i) tensor.set(i, static_cast<double>(i + 1));
  EXPECT_EQ(std::to_integer<int>(tensor.bytes()[0]), 0xd1);
  EXPECT_EQ(std::to_integer<int>(tensor.bytes()[1]), 0x00);
}

TEST(TensorTest, IntegersTruncateAndSaturate) {
  Tensor tensor = Tensor::zeros(DType::int8, {4});
  tensor.set(0, -1.9);
  tensor.set(1, 300);
  tensor.set(2, -300);
  tensor.set(3, std::nan(""));
  EXPECT_EQ(tensor.at(0), -1);
  EXPECT_EQ(tensor.at(1), 127);
  EXPECT_EQ(tensor.at(2), -128);
  EXPECT_EQ(tensor.at(3), 0);
}

TEST(TensorTest, Int4IsTwosComplement) {
  const std::array<std::byte, 1> packed{std::byte{0x8f}};
  const Tensor tensor = Tensor::view(DType::int4, {2}, packed, std::make_shared<int>(0));
  EXPECT_EQ(tensor.at(0), -1);
  EXPECT_EQ(tensor.at(1), -8);
}

TEST(TensorTest, ConversionRoundsToNearestEven) {
  Tensor wide = Tensor::zeros(DType::fp32, {3});
  wide.set(0, 2049);
  wide.set(1, 2051);
  wide.set(2, 1e6);
  const Tensor half = wide.converted(DType::fp16);
  EXPECT_EQ(half.at(0), 2048);
  EXPECT_EQ(half.at(1), 2052);
  EXPECT_EQ(half.at(2), std::numeric_limits<double>::infinity());
}

TEST(TensorTest, CopiesShareAndClonesDoNot) {
  Tensor first = Tensor::zeros(DType::int32, {2});
  Tensor shared = first;
  Tensor clone = first.clone();
  first.set(1, 5);
  EXPECT_EQ(shared.at(1), 5);
  EXPECT_EQ(clone.at(1), 0);
}

TEST(TensorTest, EightBitFloats) {
  const std::array<std::byte, 3> bits{std::byte{0x38}, std::byte{0x7e}, std::byte{0x01}};
  const auto owner = std::make_shared<int>(0);
  const Tensor e4m3 = Tensor::view(DType::fp8e4m3fn, {3}, bits, owner);
  EXPECT_EQ(e4m3.at(0), 1.0);
  EXPECT_EQ(e4m3.at(1), 448.0);
  EXPECT_EQ(e4m3.at(2), 0x1p-9);
  const Tensor e5m2 = Tensor::view(DType::fp8e5m2, {3}, bits, owner);
  EXPECT_EQ(e5m2.at(0), 0.5);
  EXPECT_TRUE(std::isnan(e5m2.at(1)));
}

}  // namespace
}  // namespace anemone
