// Constants that products and gathers read and that are no weights to compress.

#include <gtest/gtest.h>

#include "compress/compressor.h"
#include "compress/find_weights.h"
#include "compress/round_trip.h"

namespace anemone::compress {
namespace {

using mil::Var;

constexpr DType kHalf = DType::fp16;
constexpr int64_t kWidth = 64;

class Net {
 public:
  Net() : builder_("main", "CoreML8"), x_(builder_.input("x", kHalf, {1, 4, kWidth})) {}

  mil::Builder& builder() { return builder_; }
  Var x() const { return x_; }
  Var constant(std::string_view name, const Shape& shape) {
    return builder_.constant(name, test::random_weight(kHalf, shape, ++seed_));
  }
  Var linear(Var x, Var weight) {
    const Var bias = builder_.constant("bias", Tensor::zeros(kHalf, {weight.shape()[0]}));
    return builder_.add("linear", "y", {{"x", x}, {"weight", weight}, {"bias", bias}});
  }
  Var gather(Var x, Var indices) {
    return builder_.add("gather", "rows",
                        {{"x", x},
                         {"indices", indices},
                         {"axis", 0},
                         {"batch_dims", 0},
                         {"validate_indices", false}});
  }
  Var best_of(Var scores) {
    return builder_.add("reduce_argmax", "best",
                        {{"x", scores}, {"axis", -1}, {"keep_dims", false}});
  }
  /// [1, 4, width] times a matrix for each of the four: [1, 4, width, width].
  Var times(Var x, Var matrices) {
    const Var rows =
        builder_.add("expand_dims", "r", {{"x", x}, {"axes", std::vector<int64_t>{2}}});
    return builder_.add(
        "matmul", "y",
        {{"x", rows}, {"y", matrices}, {"transpose_x", false}, {"transpose_y", true}});
  }
  mil::Program finish(Var output) {
    builder_.output("out", output);
    mil::Program program;
    program.functions.push_back(std::move(builder_).finish());
    return program;
  }

 private:
  mil::Builder builder_;
  Var x_;
  uint32_t seed_ = 0;  ///< equal constants would be one.
};

std::vector<LeftConstant> left_of(const mil::Program& program) {
  return left_constants(program.functions[0], "model");
}

TEST(LeftConstants, ExpertsThatComputedIndicesGatherAreNamed) {
  Net net;
  const Var scores = net.linear(net.x(), net.constant("router_weight", {40, kWidth}));
  const Var experts = net.constant("experts", {40, kWidth, kWidth});
  mil::Program program = net.finish(net.times(net.x(), net.gather(experts, net.best_of(scores))));
  const auto found = find_weights(program.functions[0], "model");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "router_weight");
  const auto left = left_of(program);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].name, "experts");
  EXPECT_EQ(left[0].elements, 40 * kWidth * kWidth);
  EXPECT_EQ(left[0].part, Part::ffn);
  EXPECT_TRUE(left[0].is_large_and_multiplied);
  EXPECT_EQ(left[0].why, "gathered by indices that are no token ids, then multiplied");

  Compressor compressor(*Spec::parse("int8"), 1);
  ASSERT_TRUE(compressor.rewrite(program, "model").ok());
  EXPECT_EQ(left_dense_text(compressor.left()),
            "left as it is: 'experts' of model, 163840 elements, " + left[0].why);
}

/// A table of positions is no weight of a part, and no reason to warn.
TEST(LeftConstants, TablesThatNoProductTakesAreOfNoPart) {
  Net net;
  const Var positions = net.builder().input("position_ids", DType::int32, {1, 4});
  const Var rows = net.gather(net.constant("cosines", {128, kWidth}), positions);
  const auto left =
      left_of(net.finish(net.builder().add("mul", "y", {{"x", net.x()}, {"y", rows}})));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].name, "cosines");
  EXPECT_FALSE(left[0].part);
  EXPECT_FALSE(left[0].is_large_and_multiplied);
}

TEST(LeftConstants, WhatStandsBetweenAConstantAndItsProductIsNamed) {
  Net net;
  const Var turned = net.builder().add(
      "transpose", "t",
      {{"x", net.constant("mlp_moved", {kWidth, kWidth})}, {"perm", std::vector<int64_t>{1, 0}}});
  const auto product = [&](Var x, Var weight) {
    return net.builder().add(
        "matmul", "z", {{"x", x}, {"y", weight}, {"transpose_x", false}, {"transpose_y", false}});
  };
  const Var both = net.constant("mlp_both", {kWidth, kWidth});
  Var y = product(net.linear(product(net.x(), turned), both), both);
  const Var stack = net.constant("mlp_stack", {1, kWidth, kWidth});
  y = product(y, stack);
  const mil::Program program = net.finish(y);
  EXPECT_TRUE(find_weights(program.functions[0], "model").empty());
  const auto left = left_of(program);
  ASSERT_EQ(left.size(), 3u);
  EXPECT_EQ(left[0].why, "read by transpose first");
  EXPECT_EQ(left[1].why, "multiplied along both axes");
  EXPECT_EQ(left[2].why, "of rank 3, read by matmul");
  for (const LeftConstant& constant : left) {
    EXPECT_EQ(constant.part, Part::ffn) << constant.name;
    EXPECT_TRUE(constant.is_large_and_multiplied) << constant.name;
  }
}

/// Of constants alone another constant may be made in any way, and its bytes stay.
TEST(LeftConstants, WhatIsMadeOfConstantsAloneIsFollowedThroughAnyOperation) {
  Net net;
  const auto times = [&](Var x, Var weight) {
    return net.builder().add(
        "matmul", "z", {{"x", x}, {"y", weight}, {"transpose_x", false}, {"transpose_y", false}});
  };
  const Shape square{kWidth, kWidth};
  const Var scaled = net.builder().add(
      "mul", "s", {{"x", net.constant("mlp_scaled", square)}, {"y", net.constant("half", {1})}});
  const Var sum = net.builder().add(
      "add", "s",
      {{"x", net.constant("mlp_one", square)}, {"y", net.constant("mlp_other", square)}});
  const Var bytes = net.builder().constant(
      "mlp_bytes", test::random_weight(kHalf, square).converted(DType::int8));
  const Var cast = net.builder().add("cast", "c", {{"x", bytes}, {"dtype", "fp16"}});
  Var y = times(times(times(net.x(), scaled), sum), cast);
  // What activations are scaled by is no weight.
  y = net.builder().add("mul", "m", {{"x", y}, {"y", net.constant("gains", {64, 4, kWidth})}});
  const auto left = left_of(net.finish(times(y, net.constant("mlp_plain", square))));
  ASSERT_EQ(left.size(), 4u);
  const char* const kExpected[][2] = {{"mlp_scaled", "read by mul first"},
                                      {"mlp_one", "read by add first"},
                                      {"mlp_other", "read by add first"},
                                      {"mlp_bytes", "read by cast first"}};
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].name, kExpected[i][0]);
    EXPECT_EQ(left[i].why, kExpected[i][1]);
    EXPECT_TRUE(left[i].is_large_and_multiplied) << left[i].name;
  }
}

/// However long a way is, it takes no stack.
TEST(LeftConstants, AWayOfAHundredThousandOperationsIsFollowed) {
  constexpr int kOperations = 100'000;
  Net net;
  Var moved = net.constant("mlp_moved", {kWidth, kWidth});
  const std::vector<int64_t> perm{1, 0};
  for (int i = 0; i < kOperations; ++i)
    moved = net.builder().add("transpose", "t", {{"x", moved}, {"perm", perm}});
  const mil::Program program = net.finish(net.builder().add(
      "matmul", "z",
      {{"x", net.x()}, {"y", moved}, {"transpose_x", false}, {"transpose_y", false}}));
  const auto left = left_of(program);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].why, "read by transpose first");
  EXPECT_TRUE(left[0].is_large_and_multiplied);
}

/// Norms, biases and what products do not read at all are not spoken of.
TEST(LeftConstants, SmallAndCompressedWeightsAreThoseThatWouldBeFound) {
  Net net;
  const Var gamma = net.constant("gamma", {4, kWidth});
  Var y = net.builder().add("mul", "n", {{"x", net.x()}, {"y", gamma}});
  y = net.linear(y, net.constant("mlp_small", {32, kWidth}));
  y = net.linear(y, net.constant("mlp_large", {80, 32}));
  mil::Program program = net.finish(y);
  const auto before = left_of(program);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].name, "mlp_small");
  EXPECT_EQ(before[0].why, "2,048 elements or fewer");
  EXPECT_FALSE(before[0].is_large_and_multiplied);

  Compressor compressor(*Spec::parse("int8"), 1);
  ASSERT_TRUE(compressor.rewrite(program, "model").ok());
  EXPECT_EQ(compressor.report().size(), 1u);
  ASSERT_EQ(compressor.left().size(), 1u);
  EXPECT_EQ(compressor.left()[0].part, "ffn");
  const auto after = left_of(program);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[1].name, "mlp_large");
  EXPECT_EQ(after[1].elements, 80 * 32);
  EXPECT_EQ(after[1].why, "compressed already");
}

TEST(LeftConstants, PartsThatTheSpecLeavesAreNotSpokenOf) {
  const auto left_by = [](const char* spec) {
    Net net;
    mil::Program program = net.finish(net.linear(net.x(), net.constant("mlp_small", {32, kWidth})));
    program.functions.push_back(program.functions[0]);  // one constant of two functions
    Compressor compressor(*Spec::parse(spec), 1);
    EXPECT_TRUE(compressor.rewrite(program, "model").ok());
    return compressor.left().size();
  };
  EXPECT_EQ(left_by("int8"), 1u);
  EXPECT_EQ(left_by("attn=int8,head=int8"), 0u);
  EXPECT_EQ(left_by("fp16"), 0u);
}

}  // namespace
}  // namespace anemone::compress
