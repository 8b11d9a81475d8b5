// Ops that have no arithmetic of their own, and what decides which arithmetic an op has.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>
#include <tuple>

#include "base/float16.h"
#include "kernels/ane/functions.h"
#include "runtime/ane/halves.h"
#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

namespace ane = kernels::ane;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// One op on the Neural Engine's arithmetic.
struct Ran {
  std::string kernel;
  std::vector<double> y;
};

Ran run_op(const std::string& inputs, const std::string& body,
           const std::vector<std::vector<double>>& values) {
  PlannedProgram program(function_text(inputs, body, "y"), Numerics::ane, {}, 1,
                         &kernels::kernel_sets().front());
  EXPECT_EQ(program.error(), "") << body;
  Ran ran;
  if (!program.error().empty()) return ran;
  for (const KernelChoice& choice : program.plan().choices)
    if (choice.operation == "y") ran.kernel = choice.kernel;
  const std::vector<Tensor> outputs = program.run(values);
  if (outputs.size() == 1) ran.y = numbers(outputs[0]);
  return ran;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Whoever adds an op says here whether it is arithmetic.
TEST(AneRoundedOps, AreAllThatDoNotOnlyMoveNumbers) {
  const std::set<std::string> moves = words(
      "abs argsort band_part batch_to_space cast ceil classify concat crop "
      "depth_to_space expand_dims fill fill_like flatten2d floor gather "
      "gather_along_axis gather_nd identity list_gather list_length list_read "
      "list_scatter list_write make_list max_pool maximum minimum "
      "non_maximum_suppression one_hot pad pixel_shuffle pixel_unshuffle reduce_argmax "
      "reduce_argmin reduce_max reduce_min relu relu6 reshape reshape_like "
      "resize_nearest_neighbor reverse reverse_sequence round select sign "
      "slice_by_index slice_by_size slice_update sliding_windows space_to_batch "
      "space_to_depth split squeeze stack tile topk transpose "
      "upsample_nearest_neighbor ");
  const std::set<std::string> own = words(
      "conv conv_transpose cos einsum erf exp gelu inverse linear log matmul rsqrt "
      "scaled_dot_product_attention sigmoid silu sin softmax sqrt tanh ");
  size_t found = 0;
  for (const mil::OpDef* op : mil::all_ops()) {
    const FastOp* fast = find_fast_op(op->name, Numerics::ane);
    if (moves.contains(std::string(op->name))) {
      ++found;
      EXPECT_EQ(fast, find_fast_op(op->name, Numerics::fp16)) << op->name;
      continue;
    }
    ASSERT_NE(fast, nullptr) << op->name;
    EXPECT_EQ(fast->bind != bind_ane_rounded, own.contains(std::string(op->name))) << op->name;
    found += own.contains(std::string(op->name));
  }
  EXPECT_EQ(found, moves.size() + own.size()) << "names of no op";
}

// Halves between two numbers of fp16, of which the even one is the smaller; and no NaN.
TEST(AneRoundedOps, RoundHalvesAwayAndMakeNoNaN) {
  const double x = 1027.0 / 1024;
  const double three_quarters = 1541.0 / 2048;  // of x: 1540.5 / 2048
  const std::string alpha = "alpha = fp16(0.75)";
  struct Case {
    std::string inputs;
    std::string op;
    std::vector<std::vector<double>> values;
    std::vector<double> y;
  };
  const std::string pool = "kernel_sizes = tensor<int32, [1]>([2]), pad_type = string(\"valid\"))";
  const std::string axis = "axes = tensor<int32, [1]>([0]), keep_dims = bool(true))";
  for (const Case& c : {
           Case{"tensor<fp16, [2]> x",
                "[2]> y = linear_activation(x = x, alpha = fp16(1), beta = fp16(1))",
                {{2048, kInfinite}},
                {2050, kInfinite}},
           Case{"tensor<fp16, [1]> x",
                "[1]> y = leaky_relu(x = x, " + alpha + ")",
                {{-x}},
                {-three_quarters}},
           Case{"tensor<fp16, [1, 1, 1]> x",
                "[1, 1, 1]> y = prelu(x = x, alpha = tensor<fp16, [1]>([0.75]))",
                {{-x}},
                {-three_quarters}},
           Case{"tensor<fp16, [1]> x",
                "[1]> y = clamped_relu(x = x, " + alpha + ", beta = fp16(6))",
                {{-x}},
                {-three_quarters}},
           Case{"tensor<fp16, [1]> x",
                "[1]> y = sigmoid_hard(x = x, " + alpha + ", beta = fp16(0))",
                {{x}},
                {three_quarters}},
           Case{"tensor<fp16, [4]> x",
                "[4]> y = cumsum(x = x, axis = int32(0))",
                {{2048, 1, kInfinite, -kInfinite}},
                {2048, 2050, kInfinite, 2050}},
           Case{"tensor<fp16, [2]> x",
                "[1]> y = reduce_prod(x = x, " + axis,
                {{x, 0.75}},
                {three_quarters}},
           Case{"tensor<fp16, [2]> x",
                "[1]> y = reduce_log_sum(x = x, " + axis,
                {{-1, -2}},
                {kInfinite}},
           Case{"tensor<fp16, [1, 1, 4]> x",
                "[1, 1, 2]> y = avg_pool(x = x, strides = tensor<int32, [1]>([2]), " + pool,
                {{2048, 2050, kInfinite, -kInfinite}},
                {2050, 0}},
           Case{"tensor<fp16, [2]> x", "[2]> y = softsign(x = x)", {{1, kInfinite}}, {0.5, 1}},
           Case{"tensor<fp16, [1, 1, 1, 2]> x",
                "[1, 1, 1, 3]> y = resize_bilinear(x = x, target_size_height = int32(1), "
                "target_size_width = int32(3), sampling_mode = string(\"STRICT_ALIGN_CORNERS\"))",
                {{2048, 2050}},
                {2048, 2050, 2050}},
           Case{"tensor<fp16, [2]> x, tensor<fp16, [1]> u",
                "[2]> y = scatter(data = x, indices = tensor<int32, [1]>([0]), updates = u, axis = "
                "int32(0), mode = string(\"add\"), validate_indices = bool(false))",
                {{2048, 3}, {1}},
                {2050, 3}},
           Case{"tensor<fp16, [2]> a, tensor<fp16, [2]> b",
                "[2]> y = mod(x = a, y = b)",
                {{kInfinite, 7}, {3, 4}},
                {1, 3}},
           Case{"tensor<fp16, [1]> a, tensor<fp16, [1]> b",
                "[1]> y = floor_div(x = a, y = b)",
                {{kInfinite}, {3}},
                {21840}},
           Case{"tensor<fp16, [1]> a, tensor<fp16, [1]> b",
                "[1]> y = real_div(x = a, y = b)",
                {{0}, {0}},
                {kInfinite}},
           Case{"tensor<fp16, [1]> a, tensor<fp16, [1]> b",
                "[1]> y = pow(x = a, y = b)",
                {{-8}, {0.5}},
                {kInfinite}},
       }) {
    const Ran ran = run_op(c.inputs, "tensor<fp16, " + c.op + ";", c.values);
    EXPECT_EQ(ran.kernel, "ane rounding") << c.op;
    EXPECT_EQ(ran.y, c.y) << c.op;
  }
}

TEST(AneRoundedOps, OneParameterInFp32LeavesAnOpItsArithmetic) {
  const Ran root =
      run_op("tensor<fp16, [2]> x", "tensor<fp16, [2]> y = rsqrt(x = x, epsilon = fp32(0.25));",
             {{3.75, -1}});
  EXPECT_EQ(root.kernel, "ane table");
  EXPECT_EQ(root.y, (std::vector<double>{0.5, kInfinite}));
  const Ran clipped =
      run_op("tensor<fp16, [3]> x",
             "tensor<fp16, [3]> y = clip(x = x, alpha = fp32(-2049), beta = fp32(70000));",
             {{-kInfinite, 5, kInfinite}});
  EXPECT_EQ(clipped.kernel, "ane rounding");
  EXPECT_EQ(clipped.y, (std::vector<double>{-2050, 5, kInfinite}));
  const Ran norm = run_op("tensor<fp16, [1, 2]> x",
                          "tensor<fp32, [2]> g = const()[val = tensor<fp32, [2]>([2049, 2049])];\n"
                          "tensor<fp16, [1, 2]> y = layer_norm(x = x, axes = tensor<int32, "
                          "[1]>([1]), gamma = g, epsilon = fp32(0));",
                          {{1, -1}});
  EXPECT_EQ(norm.kernel, "ane rounding");
  EXPECT_EQ(norm.y, (std::vector<double>{2050, -2050}));
  const Ran product =
      run_op("tensor<fp16, [2, 2]> x",
             "tensor<fp32, [1, 2]> w = const()[val = tensor<fp32, [1, 2]>([128, 128])];\n"
             "tensor<fp16, [2, 1]> y = linear(x = x, weight = w);",
             {{100, 100, 100, 200}});
  EXPECT_EQ(product.kernel, "ane sum");
  EXPECT_EQ(product.y, (std::vector<double>{25600, kInfinite}));
}

TEST(AneRoundedOps, GeluBySigmoidHasNoTable) {
  const std::vector<double> x = {-3, -0.5, 0.25, 1, 2.5, 6};
  const auto gelu = [&](const std::string& mode) {
    return run_op("tensor<fp16, [6]> x",
                  "tensor<fp16, [6]> y = gelu(x = x, mode = string(\"" + mode + "\"));", {x});
  };
  const Ran exact = gelu("EXACT");
  EXPECT_EQ(exact.kernel, "ane table");
  EXPECT_EQ(gelu("TANH_APPROXIMATION").y, exact.y);
  const Ran other = gelu("SIGMOID_APPROXIMATION");
  EXPECT_EQ(other.kernel, "ane rounding");
  std::vector<double> wanted;
  for (const double value : x)
    wanted.push_back(static_cast<double>(
        ane::decode(ane::round_half_away(value / (1 + std::exp(-1.702 * value))))));
  EXPECT_EQ(other.y, wanted);
}

// What an op adds to x when it says nothing: 0 in fp16 but for inverse.
TEST(AneRoundedOps, FunctionsAddTheirDefaultEpsilons) {
  const std::vector<double> x = {0, 0.001953125, 1, 4, 1000};
  for (const auto& [op, function, epsilon] : {std::tuple{"inverse", ane::Function::inverse, 1e-4},
                                              std::tuple{"log", ane::Function::log, 0.0},
                                              std::tuple{"rsqrt", ane::Function::rsqrt, 0.0}}) {
    const Ran ran =
        run_op("tensor<fp16, [5]> x", fmt::format("tensor<fp16, [5]> y = {}(x = x);", op), {x});
    EXPECT_EQ(ran.kernel, "ane table") << op;
    ASSERT_EQ(ran.y.size(), x.size()) << op;
    const double added = static_cast<double>(fp16_to_float(double_to_fp16(epsilon)));
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(ran.y[i], static_cast<double>(fp16_to_float(
                              ane::apply(function, ane::round_half_away(x[i] + added)))))
          << op << " " << x[i];
  }
}

}  // namespace
}  // namespace anemone::runtime
