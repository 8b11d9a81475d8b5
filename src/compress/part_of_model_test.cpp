// Parts of models whose weights have names that say nothing: "w0", "w1", ….

#include "compress/part_of_model.h"

#include <gtest/gtest.h>

#include <map>

#include "compress/find_weights.h"
#include "compress/round_trip.h"

namespace anemone::compress {
namespace {

using mil::Var;

constexpr int64_t kWidth = 64;
constexpr DType kHalf = DType::fp16;

/// Builds a function and notes of each weight the part that it was made for.
class Net {
 public:
  Net() : builder_("main", "CoreML8") {}

  mil::Builder& builder() { return builder_; }
  Var input(std::string_view name, int64_t rows = 4, int64_t width = kWidth) {
    return builder_.input(name, kHalf, {1, rows, width});
  }
  Var rows_of_ids() {
    const Var ids = builder_.input("input_ids", DType::int32, {1, 4});
    return builder_.add("gather", "v",
                        {{"x", weight(Part::embed, {100, kWidth})},
                         {"indices", ids},
                         {"axis", 0},
                         {"batch_dims", 0},
                         {"validate_indices", false}});
  }
  Var weight(Part part, const Shape& shape) {
    const std::string name = "w" + std::to_string(parts_.size());
    parts_[name] = part;
    return builder_.constant(
        name, test::random_weight(kHalf, shape, static_cast<uint32_t>(parts_.size())));
  }
  Var product(Part part, Var x, int64_t to = kWidth) {
    const int64_t from = x.shape()[x.shape().rank() - 1];
    return times(x, weight(part, {to, from}));
  }
  Var times(Var x, Var weight) {
    const Var bias = builder_.constant("bias", Tensor::zeros(kHalf, {weight.shape()[0]}));
    return builder_.add("linear", "v", {{"x", x}, {"weight", weight}, {"bias", bias}});
  }
  Var sum(Var x, Var y) { return builder_.add("add", "v", {{"x", x}, {"y", y}}); }
  Var mul(Var x, Var y) { return builder_.add("mul", "v", {{"x", x}, {"y", y}}); }
  Var one(std::string_view type, Var x) { return builder_.add(type, "v", {{"x", x}}); }
  Var matmul(Var x, Var y, bool transpose_y) {
    return builder_.add("matmul", "v",
                        {{"x", x}, {"y", y}, {"transpose_x", false}, {"transpose_y", transpose_y}});
  }
  Var norm(Var x) {
    return builder_.add(
        "layer_norm", "v",
        {{"x", x}, {"axes", std::vector<int64_t>{2}}, {"epsilon", builder_.scalar(kHalf, 1e-5)}});
  }
  /// The heads' result, before the weight that follows.
  Var attend(Var q, Var k, Var v) {
    const Var mask = builder_.constant("mask", Tensor::zeros(kHalf, {1, 1, 1}));
    const Var scores = sum(matmul(rotate(q), rotate(k), true), mask);
    const Var shares = builder_.add("softmax", "v", {{"x", scores}, {"axis", -1}});
    return matmul(shares, v, false);
  }
  /// q * cos + q' * sin.
  Var rotate(Var x) {
    const Var half = builder_.scalar(kHalf, 0.5);
    return sum(mul(x, half), mul(one("tanh", x), half));
  }
  Var attention(Var x) {
    const Var n = norm(x);
    const Var q = product(Part::attn, n);
    const Var k = product(Part::attn, n);
    const Var v = product(Part::attn, n);
    return product(Part::attn, attend(q, k, v));
  }
  Var gated(Var x) {
    const Var n = norm(x);
    const Var gate = one("silu", product(Part::ffn, n));
    return product(Part::ffn, mul(gate, product(Part::ffn, n)));
  }
  Var layer(Var x) {
    const Var y = sum(x, attention(x));
    return sum(y, gated(y));
  }

  /// Names of weights that are taken for another part, or for none.
  std::vector<std::string> wrong(std::string_view package = "model") {
    const mil::Function function = std::move(builder_).finish();
    std::map<std::string, FoundWeight> found;
    for (FoundWeight& weight : find_weights(function, package)) found[weight.name] = weight;
    std::vector<std::string> wrong;
    for (const auto& [name, part] : parts_) {
      const auto is = found.find(name);
      if (is == found.end())
        wrong.push_back(name + " is none");
      else if (is->second.part != part || is->second.is_part_named)
        wrong.push_back(name + " is " +
                        std::string(kPartNames[static_cast<size_t>(is->second.part)]) + " not " +
                        std::string(kPartNames[static_cast<size_t>(part)]));
    }
    return wrong;
  }

 private:
  mil::Builder builder_;
  std::map<std::string, Part> parts_;
};

using Wrong = std::vector<std::string>;

TEST(ModelParts, OfADecoder) {
  Net net;
  const Var stream = net.layer(net.layer(net.rows_of_ids()));
  net.builder().output("logits", net.product(Part::head, net.norm(stream), 100));
  EXPECT_EQ(net.wrong(), Wrong());
}

TEST(ModelParts, OfOneMatrixThatIsReadTwice) {
  Net net;
  const Var ids = net.builder().input("input_ids", DType::int32, {1, 4});
  const Var table = net.weight(Part::head, {100, kWidth});
  const Var rows = net.builder().add("gather", "v",
                                     {{"x", table},
                                      {"indices", ids},
                                      {"axis", 0},
                                      {"batch_dims", 0},
                                      {"validate_indices", false}});
  net.builder().output("logits", net.times(net.norm(net.layer(rows)), table));
  EXPECT_EQ(net.wrong(), Wrong());
}

TEST(ModelParts, OfAChunkWhoseLastWeightIsNoHead) {
  Net net;
  net.builder().output("hidden", net.norm(net.layer(net.layer(net.input("hidden_in")))));
  EXPECT_EQ(net.wrong(), Wrong());
}

TEST(ModelParts, OfAttentionBesideTheGatedProduct) {
  Net net;
  const Var x = net.input("hidden_in");
  const Var y = net.sum(net.sum(x, net.attention(x)), net.gated(x));
  const Var z = net.sum(y, net.sum(net.gated(y), net.attention(y)));
  net.builder().output("hidden", z);
  EXPECT_EQ(net.wrong(), Wrong());
}

/// As multi-head latent attention and adapters have them; a gate stands before the last product.
TEST(ModelParts, OfFactorsOfLowRankAndGates) {
  Net net;
  const Var x = net.input("hidden_in");
  const Var n = net.norm(x);
  const Var q = net.product(Part::attn, net.norm(net.product(Part::attn, n, 40)));
  const Var k =
      net.sum(net.product(Part::attn, n), net.product(Part::attn, net.product(Part::attn, n, 40)));
  const Var v = net.product(Part::attn, n);
  const Var gate = net.one("sigmoid", net.product(Part::attn, n));
  const Var out = net.product(Part::attn, net.mul(net.attend(q, k, v), gate));
  const Var y = net.sum(x, out);
  net.builder().output("hidden", net.sum(y, net.gated(y)));
  EXPECT_EQ(net.wrong(), Wrong());
}

TEST(ModelParts, OfExpertsThatASoftmaxWeighs) {
  Net net;
  const Var x = net.input("hidden_in");
  const Var y = net.sum(x, net.attention(x));
  const Var n = net.norm(y);
  const Var shares =
      net.builder().add("softmax", "v", {{"x", net.product(Part::ffn, n)}, {"axis", -1}});
  const Var first =
      net.mul(net.product(Part::ffn, net.one("silu", net.product(Part::ffn, n))), shares);
  const Var second =
      net.mul(net.product(Part::ffn, net.one("silu", net.product(Part::ffn, n))), shares);
  net.builder().output("hidden", net.sum(y, net.sum(first, second)));
  EXPECT_EQ(net.wrong(), Wrong());
}

/// A prefill that only fills the cache in its last layer.
TEST(ModelParts, OfKeysThatOnlyAStateKeeps) {
  Net net;
  const Var state = net.builder().state("cache", kHalf, {1, 4, kWidth});
  const Var x = net.layer(net.input("hidden_in"));
  const Var k = net.rotate(net.product(Part::attn, net.norm(x)));
  net.builder().add_all("write_state", "v", 0, {{"input", state}, {"data", k}});
  net.builder().output("hidden", x);
  EXPECT_EQ(net.wrong(), Wrong());
}

TEST(ModelParts, OfKeysThatCameThroughAState) {
  Net net;
  const Var state = net.builder().state("cache", kHalf, {1, 4, kWidth});
  const Var x = net.input("hidden_in");
  const Var n = net.norm(x);
  const Var k = net.product(Part::attn, n);
  net.builder().add_all("write_state", "v", 0, {{"input", state}, {"data", k}});
  const Var kept = net.builder().add("read_state", "v", {{"input", state}});
  const Var y =
      net.sum(x, net.product(Part::attn, net.attend(net.product(Part::attn, n), kept, kept)));
  net.builder().output("hidden", net.sum(y, net.gated(y)));
  EXPECT_EQ(net.wrong(), Wrong());
}

/// Products of activations written out, as programs for one query have them.
TEST(ModelParts, OfAttentionWithoutMatmul) {
  Net net;
  const auto sum_of = [&](Var x, Var y, int64_t axis) {
    return net.builder().add(
        "reduce_sum", "v",
        {{"x", net.mul(x, y)}, {"axes", std::vector<int64_t>{axis}}, {"keep_dims", true}});
  };
  const Var x = net.input("hidden_in");
  const Var n = net.mul(x, net.one("rsqrt", sum_of(x, x, -1)));
  const Var k = net.product(Part::attn, n);
  const Var v = net.product(Part::attn, n);
  const Var scores = sum_of(net.product(Part::attn, n), k, -1);
  const Var shares = net.builder().add("softmax", "v", {{"x", scores}, {"axis", 1}});
  const Var y = net.sum(x, net.product(Part::attn, sum_of(shares, v, 1)));
  net.builder().output("hidden", net.sum(y, net.gated(y)));
  net.builder().output("keys", k);
  net.builder().output("values", v);
  EXPECT_EQ(net.wrong(), Wrong());
}

/// Of words into the width of the layers: no factor of the first queries, keys and values.
TEST(ModelParts, OfAProjectedEmbedding) {
  Net net;
  const Var stream = net.layer(net.layer(net.product(Part::ffn, net.rows_of_ids())));
  net.builder().output("logits", net.product(Part::head, net.norm(stream), 100));
  EXPECT_EQ(net.wrong(), Wrong());
}

/// The residual sum is outside: by the graph the last of them would be a head.
TEST(ModelParts, OfAnMlpAloneAreTakenByName) {
  mil::Builder builder("main", "CoreML8");
  Var y = builder.input("x", kHalf, {1, kWidth});
  const Var bias = builder.constant("bias", Tensor::zeros(kHalf, {kWidth}));
  for (const char* name : {"layer_0_mlp_up", "layer_0_mlp_down"}) {
    const Var w = builder.constant(
        name, test::random_weight(kHalf, {kWidth, kWidth}, name[12] == 'u' ? 1 : 2));
    y = builder.add("linear", "y", {{"x", y}, {"weight", w}, {"bias", bias}});
  }
  builder.output("out", y);
  const mil::Function function = std::move(builder).finish();
  const auto found = find_weights(function, "model");
  ASSERT_EQ(found.size(), 2u);
  for (const FoundWeight& weight : found) {
    EXPECT_EQ(weight.part, Part::ffn) << weight.name;
    EXPECT_TRUE(weight.is_part_named) << weight.name;
  }
}

/// What no graph tells, names do, and it is said that they did.
TEST(ModelParts, OfASumWithoutAttentionAreTakenByName) {
  mil::Builder builder("main", "CoreML8");
  const Var x = builder.input("x", kHalf, {1, kWidth});
  const Var bias = builder.constant("bias", Tensor::zeros(kHalf, {kWidth}));
  Var y = x;
  for (const char* name : {"layer_0_attn_out", "layer_0_mlp_up"}) {
    const Var w = builder.constant(
        name, test::random_weight(kHalf, {kWidth, kWidth}, name[8] == 'a' ? 1 : 2));
    const Var z = builder.add("linear", "z", {{"x", y}, {"weight", w}, {"bias", bias}});
    y = builder.add("add", "y", {{"x", y}, {"y", z}});
  }
  builder.output("out", y);
  const mil::Function function = std::move(builder).finish();
  const auto found = find_weights(function, "model");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].part, Part::attn);
  EXPECT_EQ(found[1].part, Part::ffn);
  EXPECT_TRUE(found[0].is_part_named && found[1].is_part_named);
}

}  // namespace
}  // namespace anemone::compress
