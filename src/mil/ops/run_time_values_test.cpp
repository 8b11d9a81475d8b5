#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <map>

#include "mil/op.h"

/// What the ops do with values that only a run can show: indices and bounds outside their tensors
/// are errors or defined results, never reads or writes out of bounds.
namespace anemone::mil {
namespace {

Tensor ints(std::vector<int32_t> values) {
  return Tensor::from_values<int32_t>(DType::int32, {static_cast<int64_t>(values.size())}, values);
}

Tensor scalar(DType dtype, double value) {
  Tensor tensor = Tensor::zeros(dtype, {});
  tensor.set(0, value);
  return tensor;
}

/// 1, 2, … in the given shape.
Tensor counted(Shape shape) {
  Tensor tensor = Tensor::zeros(DType::fp32, shape);
  for (int64_t i = 0; i < tensor.element_count(); ++i) tensor.set(i, static_cast<double>(i + 1));
  return tensor;
}

/// Calls the evaluation alone, as a plan does whose shapes were known before the values.
Status evaluate_op(std::string_view name, const std::map<std::string_view, Tensor>& arguments,
                   Shape result, int opset = 18) {
  const OpDef* op = find_op(name);
  std::deque<ValueType> types;
  std::vector<Operand> operands;
  std::vector<uint32_t> offsets{0};
  for (const Parameter& parameter : op->parameters) {
    if (const auto found = arguments.find(parameter.name); found != arguments.end()) {
      const Tensor& tensor = found->second;
      ValueType& type = types.emplace_back(ValueType::of(tensor.dtype(), tensor.shape()));
      if (parameter.kind == ValueType::Kind::list) {
        Shape element = tensor.shape();
        element.erase(0);
        type.kind = ValueType::Kind::list;
        type.elements = {ValueType::of(tensor.dtype(), element)};
      }
      operands.push_back({.type = &type, .value = &tensor, .constant = true});
    }
    offsets.push_back(static_cast<uint32_t>(operands.size()));
  }
  std::vector<Tensor> outputs{Tensor::zeros(DType::fp32, result)};
  return op->eval(Operands(operands, offsets, opset), outputs);
}

void expect_out_of_range(const Status& status, std::string_view message) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::out_of_range);
  EXPECT_NE(status.error().message.find(message), std::string::npos) << status.error().message;
}

TEST(RunTimeValues, ValidatedIndicesMustLieInsideTheirAxis) {
  const Tensor validate = scalar(DType::bool_, 1);
  const Tensor x = counted({3, 2});
  const auto gather = [&](int32_t index, int opset) {
    return evaluate_op("gather",
                       {{"x", x}, {"indices", ints({index})}, {"validate_indices", validate}},
                       {1, 2}, opset);
  };
  EXPECT_TRUE(gather(2, 18).ok());
  expect_out_of_range(gather(3, 18), "index 3 is outside its axis of length 3");
  expect_out_of_range(gather(-1, 17), "index -1 is outside its axis of length 3");
  EXPECT_TRUE(gather(-1, 16).ok());
  expect_out_of_range(gather(-4, 16), "index -4");

  expect_out_of_range(
      evaluate_op("gather_along_axis",
                  {{"x", counted({2})}, {"indices", ints({0, 2})}, {"validate_indices", validate}},
                  {2}),
      "index 2 is outside its axis of length 2");
  expect_out_of_range(
      evaluate_op("gather_nd",
                  {{"x", x}, {"indices", ints({2, 2})}, {"validate_indices", validate}}, {}),
      "index 2 is outside its axis of length 2");
}

TEST(RunTimeValues, ValidatedScatterIndicesMustLieInsideTheirAxis) {
  const Tensor validate = scalar(DType::bool_, 1);
  const Tensor data = counted({3});
  const Tensor updates = counted({1});
  for (const std::string_view op : {"scatter", "scatter_along_axis", "scatter_nd"})
    expect_out_of_range(evaluate_op(op,
                                    {{"data", data},
                                     {"indices", ints({3})},
                                     {"updates", updates},
                                     {"validate_indices", validate}},
                                    {3}),
                        "index 3 is outside its axis of length 3");
}

TEST(RunTimeValues, SlicesThatDoNotFillTheirResultAreErrors) {
  const Tensor x = counted({4});
  const auto slice = [&](int32_t begin, int32_t end) {
    return evaluate_op("slice_by_index", {{"x", x}, {"begin", ints({begin})}, {"end", ints({end})}},
                       {2});
  };
  EXPECT_TRUE(slice(2, 9).ok());
  expect_out_of_range(slice(3, 5), "the slice has shape [1], expected [2]");
  expect_out_of_range(slice(3, 1), "axis 0 ends at 1 before it begins at 3");
  Tensor squeeze = Tensor::zeros(DType::bool_, {1});
  squeeze.set(0, 1);
  expect_out_of_range(
      evaluate_op("slice_by_index",
                  {{"x", x}, {"begin", ints({4})}, {"end", ints({0})}, {"squeeze_mask", squeeze}},
                  {}),
      "begin[0] is 4, the axis has length 4");
  expect_out_of_range(
      evaluate_op("slice_by_size", {{"x", x}, {"begin", ints({3})}, {"size", ints({2})}}, {2}),
      "begin[0] is 3 for 2 of 4 elements");
  expect_out_of_range(
      evaluate_op("slice_by_size", {{"x", x}, {"begin", ints({-5})}, {"size", ints({2})}}, {2}),
      "begin[0] is -5");
}

TEST(RunTimeValues, UpdatesBeyondTheEndAreErrors) {
  const auto update = [&](int32_t begin, int32_t end) {
    return evaluate_op("slice_update",
                       {{"x", counted({4})},
                        {"update", counted({2})},
                        {"begin", ints({begin})},
                        {"end", ints({end})}},
                       {4});
  };
  EXPECT_TRUE(update(2, 4).ok());
  expect_out_of_range(update(3, 5), "the slice takes [1] of x [4], which update [2] does not fit");
  expect_out_of_range(update(5, 7), "the slice takes [0]");
}

TEST(RunTimeValues, ListsAndBoxesNameExistingElements) {
  const Tensor list = counted({2, 3});
  expect_out_of_range(
      evaluate_op("list_read", {{"ls", list}, {"index", scalar(DType::int32, 2)}}, {3}),
      "index 2 is outside a list of 2 elements");
  expect_out_of_range(
      evaluate_op("list_gather", {{"ls", list}, {"indices", ints({1, -1})}}, {2, 3}),
      "indices[1] is -1, outside a list of 2 elements");
  expect_out_of_range(
      evaluate_op(
          "crop_resize",
          {{"x", counted({1, 1, 2, 2})}, {"boxes", counted({1, 4})}, {"box_indices", ints({1})}},
          {1, 1, 1, 1}),
      "box 0 is of image 1, the batch has 1");
}

TEST(RunTimeValues, SamplingFarOutsideAnImageStaysInside) {
  Tensor coordinates = Tensor::zeros(DType::fp32, {1, 1, 4, 2});
  for (int64_t i = 0; i < 8; ++i)
    coordinates.set(i, i % 3 == 0 ? 1e30 : i % 3 == 1 ? -INFINITY : NAN);
  for (const char* padding : {"constant", "border", "reflection", "symmetric"})
    for (const char* sampling : {"nearest", "bilinear"})
      EXPECT_TRUE(evaluate_op("resample",
                              {{"x", counted({1, 1, 2, 2})},
                               {"coordinates", coordinates},
                               {"sampling_mode", Tensor::from_strings({}, {sampling})},
                               {"padding_mode", Tensor::from_strings({}, {padding})},
                               {"padding_value", scalar(DType::fp32, 0)},
                               {"coordinates_mode", Tensor::from_strings({}, {"unnormalized"})},
                               {"align_corners", scalar(DType::bool_, 1)}},
                              {1, 1, 1, 4})
                      .ok());
}

}  // namespace
}  // namespace anemone::mil
