#include "ane/step_work.h"

#include <gtest/gtest.h>

#include "ane/view_of_text.h"

namespace anemone::ane {
namespace {

/// Two query heads on one of keys of 8, 4 tokens, a state of 16 positions; a layer.
constexpr const char* kDecoder = R"(
func infer<ios18>(tensor<fp16, [1, 2, 4, 8]> q, tensor<fp16, [1, 1, 4, 8]> k, state<tensor<fp16, [2, 1, 16, 8]>> cache) {
  tensor<fp16, [2, 1, 16, 8]> c = read_state(input = cache);
  tensor<fp16, [1, 1, 16, 8]> v = slice_by_index(begin = tensor<int32, [4]>([1, 0, 0, 0]), end = tensor<int32, [4]>([2, 1, 16, 8]), x = c);
  tensor<fp16, [1, 2, 16, 8]> r = tile(reps = tensor<int32, [4]>([1, 2, 1, 1]), x = v);
  tensor<fp16, [1, 2, 4, 16]> s = matmul(transpose_x = bool(false), transpose_y = bool(true), x = q, y = r);
  tensor<fp16, [1, 2, 4, 16]> p = softmax(axis = int32(-1), x = s);
  tensor<fp16, [1, 2, 4, 8]> o = matmul(transpose_x = bool(false), transpose_y = bool(false), x = p, y = r);
  tensor<fp16, [8, 8]> w = fill(shape = tensor<int32, [2]>([8, 8]), value = fp16(0x1p-3));
  tensor<fp16, [1, 2, 4, 8]> y = matmul(transpose_x = bool(false), transpose_y = bool(false), x = o, y = w);
} -> (y);
)";

TEST(StepWork, IsCountedFromTheProgram) {
  const auto model = view_of_text(kDecoder);
  const FunctionWork total = work_of(model->packages[0]->functions[0]);
  EXPECT_EQ(total.attention_layers, 1);
  EXPECT_EQ(total.context, 16);
  EXPECT_EQ(total.work.width, 4);
  EXPECT_EQ(total.work.cache_bytes, 2 * 16 * 8 * 2);
  EXPECT_EQ(total.work.repeated_cache_bytes, 2 * 2 * 16 * 8 * 2);
  EXPECT_EQ(total.work.score_bytes, 2 * 4 * 16 * 2);
  EXPECT_EQ(total.work.multiply_adds, 2 * 8 * 8);  // of a token: two rows of heads
  EXPECT_GE(total.work.weight_bytes, 8 * 8 * 2);
  EXPECT_LT(total.work.weight_bytes, 8 * 8 * 2 + 64);  // and the scalars
}

TEST(StepWork, RowsOfGroupedHeadsAreNoTokens) {
  const auto model = view_of_text(R"(
func infer<ios18>(tensor<fp16, [1, 1, 2, 64]> m, tensor<fp16, [1, 2, 8, 32]> q, tensor<fp16, [1, 2, 64, 32]> k) {
  tensor<fp16, [1, 1, 8, 64]> mt = tile(reps = tensor<int32, [4]>([1, 1, 4, 1]), x = m);
  tensor<fp16, [1, 2, 8, 64]> s = matmul(transpose_x = bool(false), transpose_y = bool(true), x = q, y = k);
  tensor<fp16, [1, 2, 8, 64]> a = add(x = s, y = mt);
  tensor<fp16, [1, 2, 8, 64]> p = softmax(axis = int32(-1), x = a);
  tensor<fp16, [1, 2, 8, 32]> y = matmul(transpose_x = bool(false), transpose_y = bool(false), x = p, y = k);
} -> (y);
)");
  const FunctionWork total = work_of(model->packages[0]->functions[0]);
  EXPECT_EQ(total.work.width, 2);
  EXPECT_EQ(total.context, 64);
  EXPECT_EQ(total.work.score_bytes, 2 * 8 * 64 * 2);
}

}  // namespace
}  // namespace anemone::ane
