#include "tensor/not_finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anemone {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

NotFinite find(const Tensor& tensor) { return find_not_finite(tensor.dtype(), tensor.bytes()); }

TEST(NotFinite, WhatIsFiniteIsNotCountedHoweverLarge) {
  for (const DType dtype : {DType::fp16, DType::bf16, DType::fp32, DType::fp64}) {
    Tensor tensor = Tensor::zeros(dtype, {301});
    for (int64_t i = 0; i < tensor.element_count(); ++i)
      tensor.set(i, (i % 2 == 0 ? 1 : -1) * std::ldexp(1.5, static_cast<int>(i % 30) - 15));
    EXPECT_EQ(find(tensor).nan + find(tensor).infinite, 0U) << to_string(dtype);
  }
}

TEST(NotFinite, EachPlaceOfEachTypeIsSeen) {
  for (const DType dtype : {DType::fp16, DType::bf16, DType::fp32, DType::fp64})
    for (const double value : {kInfinity, -kInfinity, std::nan("")})
      for (int64_t place = 0; place < 301; ++place) {
        Tensor tensor = Tensor::zeros(dtype, {301});
        tensor.set(place, value);
        const NotFinite found = find(tensor);
        EXPECT_EQ(found.nan, std::isnan(value) ? 1U : 0U) << to_string(dtype) << ' ' << place;
        EXPECT_EQ(found.infinite, std::isinf(value) ? 1U : 0U) << to_string(dtype) << ' ' << place;
        EXPECT_EQ(found.minus_infinite, value == -kInfinity ? 1U : 0U);
      }
}

TEST(NotFinite, AllBitsSetAreNanAndIntegersNeverCount) {
  const std::vector<std::byte> ones(640, std::byte{0xff});
  EXPECT_EQ(find_not_finite(DType::fp16, ones).nan, 320U);
  EXPECT_EQ(find_not_finite(DType::fp32, ones).nan, 160U);
  EXPECT_EQ(find_not_finite(DType::uint8, ones).nan, 0U);
}

}  // namespace
}  // namespace anemone
