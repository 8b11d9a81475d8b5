// What only looks like attention stays the operations that it is.

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

/// The parts of a body; each may be replaced by what one step cannot do.
struct Body {
  std::string query = "[1, 4, 2, 8]";
  std::string keys = "[1, 4, 16, 8]";
  std::string mask = "[1, 1, 2, 16]";
  std::string values = "[1, 4, 16, 8]";
  std::string scale = "fp16(0.25)";
  std::string products = "matmul(x = query, y = keys, transpose_y = bool(true))";
  std::string scaled = "mul(x = products, y = scale)";
  std::string masked_shape = "[1, 4, 2, 16]";
  std::string weights = "softmax(x = masked, axis = int32(-1))";
  std::string seen = "";
  std::string seen_shape = "";
  std::string mixed = "matmul(x = weights, y = values)";
  std::string mixed_shape = "[1, 4, 2, 8]";
  std::string outputs = "mixed";
  std::vector<std::string> observed = {};
};

std::string text_of(const Body& body) {
  const auto line = [](const std::string& shape, const std::string& name,
                       const std::string& value) {
    return "tensor<fp16, " + shape + "> " + name + " = " + value + ";\n";
  };
  const bool takes_scale = body.scale.empty();
  std::string text = line("[1, 4, 2, 16]", "products", body.products);
  if (!takes_scale) text += "fp16 scale = const()[val = " + body.scale + "];\n";
  text += line("[1, 4, 2, 16]", "scaled", body.scaled);
  text += line(body.masked_shape, "masked", "add(x = scaled, y = mask)");
  text += line(body.masked_shape, "weights", body.weights);
  if (!body.seen.empty()) text += line(body.seen_shape, "seen", body.seen);
  text += line(body.mixed_shape, "mixed", body.mixed);
  return function_text("tensor<fp16, " + body.query + "> query, tensor<fp16, " + body.keys +
                           "> keys, tensor<fp16, " + body.mask + "> mask, tensor<fp16, " +
                           body.values + "> values" + (takes_scale ? ", fp16 scale" : ""),
                       text, body.outputs);
}

/// Steps of one attention.
int64_t count_fused(const Body& body) {
  auto program = mil::parse(text_of(body));
  EXPECT_TRUE(program.ok()) << program.error().to_string() << "\n" << text_of(body);
  const mil::Function& function = *program->find_function("main");
  std::vector<Shape> shapes;
  for (const mil::NamedType& input : function.inputs) shapes.push_back(input.type.tensor.shape);
  Weights weights;
  auto plan = make_plan({.function = function,
                         .input_shapes = shapes,
                         .kernels = &kernels::kernel_sets().back(),
                         .weights = &weights,
                         .observed = body.observed,
                         .show = [](std::string_view, const Tensor&) { return Status(); }});
  EXPECT_TRUE(plan.ok()) << plan.error().to_string() << "\n" << text_of(body);
  if (!plan.ok()) return -1;
  return std::ranges::count_if((*plan)->steps,
                               [](const Step& step) { return step.attention != nullptr; });
}

TEST(AttentionUnfused, ThePlainBodyIsOneStep) {
  EXPECT_EQ(count_fused({}), 1);
  EXPECT_EQ(count_fused({.mask = "[1, 1, 1, 16]"}), 1);
  EXPECT_EQ(count_fused({.values = "[4, 16, 8]",
                         .seen = "reshape(x = weights, shape = tensor<int32, [3]>([4, 2, 16]))",
                         .seen_shape = "[4, 2, 16]",
                         .mixed = "matmul(x = seen, y = values)",
                         .mixed_shape = "[4, 2, 8]"}),
            1);
}

TEST(AttentionUnfused, RowsOfTheMaskAreThoseOfEveryHead) {
  EXPECT_EQ(count_fused({.mask = "[1, 4, 2, 16]"}), 0);
  EXPECT_EQ(count_fused({.mask = "[1, 1, 2, 1]"}), 0);
  EXPECT_EQ(count_fused({.mask = "[3, 1, 2, 16]",
                         .values = "[3, 4, 16, 8]",
                         .masked_shape = "[3, 4, 2, 16]",
                         .mixed_shape = "[3, 4, 2, 8]"}),
            0);
}

TEST(AttentionUnfused, SumsGoThroughTheKeys) {
  EXPECT_EQ(count_fused({.weights = "softmax(x = masked, axis = int32(-2))"}), 0);
}

TEST(AttentionUnfused, ProductsAreTurnedAsInAttention) {
  EXPECT_EQ(count_fused({.keys = "[1, 4, 8, 16]", .products = "matmul(x = query, y = keys)"}), 0);
  EXPECT_EQ(count_fused({.query = "[1, 4, 8, 2]",
                         .products = "matmul(x = query, y = keys, transpose_x = bool(true), "
                                     "transpose_y = bool(true))"}),
            0);
  EXPECT_EQ(count_fused({.values = "[1, 4, 8, 16]",
                         .mixed = "matmul(x = weights, y = values, transpose_y = bool(true))"}),
            0);
  EXPECT_EQ(count_fused({.values = "[1, 4, 2, 8]",
                         .mixed = "matmul(x = weights, y = values, transpose_x = bool(true))",
                         .mixed_shape = "[1, 4, 16, 8]"}),
            0);
}

TEST(AttentionUnfused, EveryMatrixOfWeightsIsUsedOnce) {
  EXPECT_EQ(count_fused({.values = "[3, 4, 16, 8]", .mixed_shape = "[3, 4, 2, 8]"}), 0);
  EXPECT_EQ(count_fused({.values = "[1, 2, 16, 8]",
                         .seen = "reshape(x = weights, shape = tensor<int32, [4]>([1, 2, 4, 16]))",
                         .seen_shape = "[1, 2, 4, 16]",
                         .mixed = "matmul(x = seen, y = values)",
                         .mixed_shape = "[1, 2, 4, 8]"}),
            0);
}

TEST(AttentionUnfused, NobodyElseSeesWhatIsBetween) {
  for (const std::string value : {"products", "scaled", "masked", "weights"}) {
    EXPECT_EQ(count_fused({.outputs = "mixed, " + value}), 0) << value;
    EXPECT_EQ(count_fused({.observed = {value}}), 0) << value;
  }
  EXPECT_EQ(count_fused({.mixed = "matmul(x = weights, y = weights, transpose_y = bool(true))",
                         .mixed_shape = "[1, 4, 2, 2]"}),
            0);
}

TEST(AttentionUnfused, TheScaleIsOneFiniteConstant) {
  EXPECT_EQ(count_fused({.scale = ""}), 0);
  EXPECT_EQ(count_fused({.scale = "fp16(inf)"}), 0);
  EXPECT_EQ(count_fused({.scaled = "mul(x = products, y = tensor<fp16, [1, 4, 1, 1]>([[[[1]], "
                                   "[[2]], [[3]], [[4]]]]))"}),
            0);
  EXPECT_EQ(count_fused({.scaled = "mul(x = products, y = products)"}), 0);
}

}  // namespace
}  // namespace anemone::runtime
