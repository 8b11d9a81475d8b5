#include "coreml/strided_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace anemone::coreml {
namespace {

Tensor counted(Shape shape) {
  std::vector<int32_t> values(static_cast<size_t>(shape.element_count()));
  std::iota(values.begin(), values.end(), 1);
  return Tensor::from_values<int32_t>(DType::int32, shape, values);
}

TEST(StridedCopy, PaddedRowsLoseTheirPadding) {
  const std::vector<int32_t> padded = {1, 2, 3, -1, -1, 4, 5, 6};
  const std::vector<int64_t> dims = {2, 3};
  const std::vector<int64_t> strides = {5, 1};
  Tensor tensor = Tensor::zeros(DType::int32, {2, 3});
  ASSERT_TRUE(copy_from({std::as_bytes(std::span(padded)), dims, strides}, tensor).ok());
  EXPECT_TRUE(std::ranges::equal(tensor.values<int32_t>(), std::vector{1, 2, 3, 4, 5, 6}));
}

TEST(StridedCopy, ElementsOfAnyStridesComeBackAsTheyWent) {
  // Columns first, a gap between them, and an axis of one with an odd stride.
  const std::vector<int64_t> dims = {2, 1, 3, 2};
  const std::vector<int64_t> strides = {1, 77, 5, 16};
  std::vector<int32_t> array(28, -1);
  const Tensor tensor = counted({2, 1, 3, 2});
  ASSERT_TRUE(copy_to(tensor, {std::as_writable_bytes(std::span(array)), dims, strides}).ok());
  EXPECT_EQ(array[0], 1);    // [0, 0, 0, 0]
  EXPECT_EQ(array[16], 2);   // [0, 0, 0, 1]
  EXPECT_EQ(array[5], 3);    // [0, 0, 1, 0]
  EXPECT_EQ(array[1], 7);    // [1, 0, 0, 0]
  EXPECT_EQ(array[27], 12);  // [1, 0, 2, 1]
  EXPECT_EQ(std::ranges::count(array, -1), 16);
  Tensor back = Tensor::zeros(DType::int32, {12});
  ASSERT_TRUE(copy_from({std::as_bytes(std::span(array)), dims, strides}, back).ok());
  EXPECT_TRUE(std::ranges::equal(back.values<int32_t>(), tensor.values<int32_t>()));
}

TEST(StridedCopy, WhatLiesOutsideTheBytesIsRefused) {
  const std::vector<int32_t> array(7);
  const std::vector<int64_t> dims = {2, 3};
  Tensor tensor = Tensor::zeros(DType::int32, {2, 3});
  const auto copy = [&](const std::vector<int64_t>& strides) {
    return copy_from({std::as_bytes(std::span(array)), dims, strides}, tensor);
  };
  EXPECT_TRUE(copy({4, 1}).ok());
  for (const std::vector<int64_t>& strides : {std::vector<int64_t>{5, 1},
                                              {-4, 1},
                                              {4, 2},
                                              {INT64_MAX, 1},
                                              {INT64_MAX / 4, INT64_MAX / 9},
                                              {4}}) {
    const Status status = copy(strides);
    ASSERT_FALSE(status.ok()) << strides[0];
    EXPECT_EQ(status.error().code, ErrorCode::mismatch);
  }
  Tensor other = Tensor::zeros(DType::int32, {5});
  const std::vector<int64_t> dense = {3, 1};
  EXPECT_EQ(copy_from({std::as_bytes(std::span(array)), dims, dense}, other).error().code,
            ErrorCode::mismatch);
}

TEST(StridedCopy, NothingAndScalarsAreCopiedToo) {
  const std::vector<int64_t> none = {0, 3};
  const std::vector<int64_t> strides = {3, 1};
  Tensor empty = Tensor::zeros(DType::fp16, {0, 3});
  EXPECT_TRUE(copy_from({{}, none, strides}, empty).ok());
  const std::vector<int32_t> one = {9};
  const std::vector<int64_t> dims = {1};
  Tensor scalar = Tensor::zeros(DType::int32, {});
  ASSERT_TRUE(copy_from({std::as_bytes(std::span(one)), dims, dims}, scalar).ok());
  EXPECT_EQ(scalar.at(0), 9);
}

}  // namespace
}  // namespace anemone::coreml
