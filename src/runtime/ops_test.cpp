#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "base/float16.h"
#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

/// A function of one or several operations, with the operation that must run on a kernel.
struct Case {
  std::string name;
  std::string inputs;
  std::string body;
  std::string op;
  /// How far the result may be from the reference, beside half a unit of its own rounding and half
  /// a unit of the reference's: a part of the result, and a plain number.
  double relative = 0;
  double absolute = 0;
};

std::mt19937& random_source() {
  static std::mt19937 random(20240817);
  return random;
}

std::string floats(const std::string& dtype, const std::string& shape, int64_t count,
                   double deviation = 1.0) {
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    const double value = normal(random_source());
    values.push_back(dtype == "fp16" ? static_cast<double>(fp16_to_float(double_to_fp16(value)))
                                     : static_cast<double>(static_cast<float>(value)));
  }
  return fmt::format("tensor<{}, {}>([{}])", dtype, shape, fmt::join(values, ", "));
}

std::string integers(const std::string& dtype, const std::string& shape, int64_t count, int low,
                     int high) {
  std::uniform_int_distribution<int> any(low, high);
  std::vector<int> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(any(random_source()));
  return fmt::format("tensor<{}, {}>([{}])", dtype, shape, fmt::join(values, ", "));
}

// A sum of `depth` products of numbers of about 1 in fp32: every step may lose half a unit of a sum
// that stays below 4 sqrt(depth).
double sum_error(double depth) { return depth * 0x1p-25 * 4 * std::sqrt(depth); }

void add_products(std::vector<Case>& cases, const std::string& name, const std::string& weight,
                  int depth) {
  const std::string constant = fmt::format("tensor<fp16, [37, {}]> w = {};\n", depth, weight);
  cases.push_back({"linear " + name, fmt::format("tensor<fp16, [3, {}]> x", depth),
                   constant + "tensor<fp16, [3, 37]> y = linear(x = x, weight = w, bias = " +
                       floats("fp16", "[37]", 37) + ");",
                   "linear", 0, sum_error(depth)});
}

std::vector<Case> product_cases() {
  std::vector<Case> cases;
  add_products(cases, "fp16", "const()[val = " + floats("fp16", "[37, 300]", 37 * 300) + "]", 300);
  for (const int bits : {1, 2, 3, 4, 6, 8}) {
    const int entries = 1 << bits;
    add_products(
        cases, fmt::format("palette{}", bits),
        fmt::format("constexpr_lut_to_dense(indices = {}, lut = {})",
                    integers(fmt::format("uint{}", bits), "[37, 64]", 37 * 64, 0, entries - 1),
                    floats("fp16", fmt::format("[1, 1, {}, 1]", entries), entries)),
        64);
    add_products(
        cases, fmt::format("palette{} of groups", bits),
        fmt::format("constexpr_lut_to_dense(indices = {}, lut = {})",
                    integers(fmt::format("uint{}", bits), "[37, 64]", 37 * 64, 0, entries - 1),
                    floats("fp16", fmt::format("[37, 1, {}, 1]", entries), 37 * entries)),
        64);
    add_products(
        cases, fmt::format("palette{} of depths", bits),
        fmt::format("constexpr_lut_to_dense(indices = {}, lut = {})",
                    integers(fmt::format("uint{}", bits), "[37, 64]", 37 * 64, 0, entries - 1),
                    floats("fp16", fmt::format("[1, 2, {}, 1]", entries), 2 * entries)),
        64);
  }
  struct Stored {
    const char* dtype;
    int low, high;
  };
  for (const Stored& stored :
       {Stored{"int4", -8, 7}, {"uint4", 0, 15}, {"int8", -128, 127}, {"uint8", 0, 255}}) {
    const std::string data = integers(stored.dtype, "[37, 96]", 37 * 96, stored.low, stored.high);
    const double scale = 1.0 / (stored.high - stored.low);
    add_products(cases, fmt::format("{} per 32", stored.dtype),
                 fmt::format("constexpr_blockwise_shift_scale(data = {}, scale = {})", data,
                             floats("fp16", "[37, 3]", 111, scale)),
                 96);
    add_products(cases, fmt::format("{} with offset", stored.dtype),
                 fmt::format("constexpr_blockwise_shift_scale(data = {}, scale = {}, offset = {})",
                             data, floats("fp16", "[37, 1]", 37, scale),
                             integers(stored.dtype, "[37, 1]", 37, stored.low, stored.high)),
                 96);
  }
  add_products(
      cases, "affine",
      fmt::format("constexpr_affine_dequantize(quantized_data = {}, zero_point = {}, scale = "
                  "{}, axis = int32(0))",
                  integers("int8", "[37, 50]", 37 * 50, -128, 127),
                  integers("int8", "[37]", 37, -20, 20), floats("fp16", "[37]", 37, 0.01)),
      50);
  add_products(cases, "sparse",
               fmt::format("constexpr_sparse_to_dense(nonzero_data = {}, mask = tensor<uint1, [37, "
                           "2]>([{}]))",
                           floats("fp16", "[37]", 37),
                           fmt::join(std::vector<const char*>(37, "1, 0"), ", ")),
               2);

  const auto conv = [&](const std::string& name, const std::string& x, const std::string& weight,
                        const std::string& y, int count, int depth) {
    cases.push_back(
        {"conv " + name, "tensor<fp16, " + x + "> x",
         fmt::format("tensor<fp16, {}> y = conv(x = x, weight = {}, pad_type = "
                     "string(\"valid\"), strides = tensor<int32, [{}]>([{}]));",
                     y, floats("fp16", weight, count), std::ranges::count(weight, ',') - 1,
                     std::ranges::count(weight, ',') == 3 ? "1, 1" : "1"),
         "conv", 0, sum_error(depth)});
  };
  conv("one place", "[1, 300, 1, 1]", "[20, 300, 1, 1]", "[1, 20, 1, 1]", 6000, 300);
  conv("many places", "[1, 40, 1, 50]", "[20, 40, 1, 1]", "[1, 20, 1, 50]", 800, 40);
  conv("batches", "[3, 40, 2, 9]", "[33, 40, 1, 1]", "[3, 33, 2, 9]", 1320, 40);
  conv("rank 3", "[1, 40, 5]", "[16, 40, 1]", "[1, 16, 5]", 640, 40);

  const auto matmul = [&](const std::string& name, const std::string& x, const std::string& y,
                          const std::string& out, const std::string& flags, int depth) {
    cases.push_back({"matmul " + name, "tensor<fp16, " + x + "> x, tensor<fp16, " + y + "> w",
                     "tensor<fp16, " + out + "> y = matmul(x = x, y = w" + flags + ");", "matmul",
                     0, sum_error(depth)});
  };
  matmul("plain", "[2, 5, 70]", "[2, 70, 33]", "[2, 5, 33]", "", 70);
  matmul("y turned", "[2, 1, 64]", "[2, 50, 64]", "[2, 1, 50]", ", transpose_y = bool(true)", 64);
  matmul("both turned", "[2, 70, 5]", "[2, 33, 70]", "[2, 5, 33]",
         ", transpose_x = bool(true), transpose_y = bool(true)", 70);
  matmul("broadcast", "[3, 1, 4, 300]", "[2, 300, 16]", "[3, 2, 4, 16]", "", 300);
  cases.push_back(
      {"matmul constant", "tensor<fp16, [4, 5, 30]> x",
       "tensor<fp16, [4, 5, 18]> y = matmul(x = x, y = " + floats("fp16", "[30, 18]", 540) + ");",
       "matmul", 0, sum_error(30)});
  cases.push_back(
      {"matmul repeated", "tensor<fp16, [1, 6, 1, 64]> x, tensor<fp16, [1, 2, 40, 64]> k",
       "tensor<fp16, [1, 2, 1, 40, 64]> k1 = expand_dims(axes = tensor<int32, [1]>([2]), x = k);\n"
       "tensor<fp16, [1, 2, 3, 40, 64]> k2 = tile(reps = tensor<int32, [5]>([1, 1, 3, 1, 1]), x = "
       "k1);\n"
       "tensor<fp16, [1, 6, 40, 64]> k3 = reshape(shape = tensor<int32, [4]>([1, 6, 40, 64]), x = "
       "k2);\n"
       "tensor<fp16, [1, 6, 1, 40]> y = matmul(x = x, y = k3, transpose_y = bool(true));",
       "matmul", 0, sum_error(64)});
  cases.push_back(
      {"matmul interleaved", "tensor<fp16, [6, 5, 16]> x, tensor<fp16, [2, 16, 9]> k",
       "tensor<fp16, [6, 16, 9]> k2 = tile(reps = tensor<int32, [3]>([3, 1, 1]), x = k);\n"
       "tensor<fp16, [6, 5, 9]> y = matmul(x = x, y = k2);",
       "matmul", 0, sum_error(16)});
  return cases;
}

std::vector<Case> other_cases() {
  std::vector<Case> cases;
  for (const char* op : {"abs", "exp", "relu", "sigmoid", "silu", "square", "tanh"})
    cases.push_back({op, "tensor<fp16, [3, 50]> x",
                     fmt::format("tensor<fp16, [3, 50]> y = {}(x = x);", op), op, 8 * 0x1p-24});
  for (const char* mode : {"EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"})
    cases.push_back(
        {std::string("gelu ") + mode, "tensor<fp16, [3, 50]> x",
         fmt::format("tensor<fp16, [3, 50]> y = gelu(x = x, mode = string(\"{}\"));", mode), "gelu",
         8 * 0x1p-24, 1e-6});
  for (const char* op : {"sqrt", "rsqrt"})
    cases.push_back({op, "tensor<fp16, [3, 50]> x",
                     fmt::format("tensor<fp16, [3, 50]> p = square(x = x);\n"
                                 "tensor<fp16, [3, 50]> y = {}(x = p);",
                                 op),
                     op, 4 * 0x1p-24});
  for (const char* op : {"add", "sub", "mul", "real_div", "maximum", "minimum"}) {
    cases.push_back({std::string(op) + " alike", "tensor<fp16, [3, 50]> x, tensor<fp16, [3, 50]> z",
                     fmt::format("tensor<fp16, [3, 50]> y = {}(x = x, y = z);", op), op, 0x1p-24});
    cases.push_back(
        {std::string(op) + " broadcast", "tensor<fp16, [3, 1, 20]> x, tensor<fp16, [4, 1]> z",
         fmt::format("tensor<fp16, [3, 4, 20]> y = {}(x = x, y = z);", op), op, 0x1p-24});
    cases.push_back({std::string(op) + " constant", "tensor<fp16, [3, 50]> x",
                     fmt::format("tensor<fp16, [3, 50]> y = {}(x = fp16(0x1.8p-1), y = x);", op),
                     op, 0x1p-24});
  }
  for (const char* axis : {"-1", "1"})
    cases.push_back(
        {std::string("softmax ") + axis, "tensor<fp16, [2, 30, 20]> x",
         fmt::format("tensor<fp16, [2, 30, 20]> y = softmax(axis = int32({}), x = x);", axis),
         "softmax", 40 * 0x1p-24});
  for (const char* axes : {"2", "1", "1, 2"}) {
    const std::string shape = std::string_view(axes) == "2"   ? "[20]"
                              : std::string_view(axes) == "1" ? "[30]"
                                                              : "[30, 20]";
    const int64_t count = shape == "[20]" ? 20 : shape == "[30]" ? 30 : 600;
    cases.push_back(
        {std::string("layer_norm ") + axes, "tensor<fp16, [2, 30, 20]> x",
         fmt::format(
             "tensor<fp16, [2, 30, 20]> y = layer_norm(axes = tensor<int32, [{}]>([{}]), beta "
             "= {}, epsilon = fp16(0x1p-10), gamma = {}, x = x);",
             std::string_view(axes).size() > 1 ? 2 : 1, axes, floats("fp16", shape, count),
             floats("fp16", shape, count)),
         "layer_norm", 0, 2e-5});
  }
  for (const char* op :
       {"reduce_max", "reduce_min", "reduce_sum", "reduce_mean", "reduce_sum_square"})
    for (const char* axis : {"-1", "1"})
      cases.push_back(
          {std::string(op) + axis, "tensor<fp16, [2, 30, 20]> x",
           fmt::format("tensor<fp16, [2, {}]> y = {}(axes = tensor<int32, [1]>([{}]), keep_dims = "
                       "bool(false), x = x);",
                       std::string_view(axis) == "1" ? 20 : 30, op, axis),
           op, 0, sum_error(30)});
  cases.push_back(
      {"reduce_argmax", "tensor<fp16, [4, 70]> x",
       "tensor<int32, [4]> y = reduce_argmax(axis = int32(-1), keep_dims = bool(false), x "
       "= x);",
       "reduce_argmax"});
  cases.push_back({"concat", "tensor<fp16, [2, 3, 4]> x, tensor<fp16, [2, 5, 4]> z",
                   "tensor<fp16, [2, 8, 4]> y = concat(axis = int32(1), interleave = bool(false), "
                   "values = (x, z));",
                   "concat"});
  cases.push_back(
      {"concat interleaved", "tensor<fp16, [2, 3]> x, tensor<fp16, [2, 3]> z",
       "tensor<fp16, [2, 6]> y = concat(axis = int32(1), interleave = bool(true), values "
       "= (x, z));",
       "concat"});
  cases.push_back({"tile", "tensor<fp16, [2, 1, 3]> x",
                   "tensor<fp16, [4, 5, 9]> y = tile(reps = tensor<int32, [3]>([2, 5, 3]), x = x);",
                   "tile"});
  cases.push_back(
      {"slice_by_index", "tensor<fp16, [5, 6, 7]> x",
       "tensor<fp16, [2, 3]> y = slice_by_index(begin = tensor<int32, [3]>([4, 2, 1]), end "
       "= tensor<int32, [3]>([0, 0, 6]), stride = tensor<int32, [3]>([-2, 1, 2]), "
       "squeeze_mask = tensor<bool, [3]>([false, true, false]), x = x);",
       "slice_by_index"});
  cases.push_back({"split", "tensor<fp16, [3, 6]> x",
                   "tensor<fp16, [3, 2]> y, tensor<fp16, [3, 4]> z = split(axis = int32(1), "
                   "split_sizes = tensor<int32, [2]>([2, 4]), x = x);",
                   "split"});
  cases.push_back(
      {"transpose", "tensor<fp16, [3, 4, 5]> x",
       "tensor<fp16, [5, 3, 4]> y = transpose(perm = tensor<int32, [3]>([-1, 0, 1]), x = "
       "x);",
       "transpose"});
  return cases;
}

std::vector<std::vector<double>> inputs_of(const PlannedProgram& planned) {
  std::vector<std::vector<double>> inputs;
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0.0, 1.0);
  for (const mil::NamedType& input : planned.function().inputs) {
    inputs.emplace_back();
    for (int64_t i = 0; i < input.type.tensor.shape.element_count(); ++i)
      inputs.back().push_back(static_cast<double>(fp16_to_float(double_to_fp16(normal(random)))));
  }
  return inputs;
}

/// The largest distance from the reference, in units of what the case allows; below 1 is right.
double distance(const Case& c, const Tensor& got, const Tensor& expected) {
  EXPECT_EQ(got.shape(), expected.shape()) << c.name;
  EXPECT_EQ(got.dtype(), expected.dtype()) << c.name;
  double worst = 0;
  for (int64_t i = 0; i < got.element_count(); ++i) {
    const double value = expected.at(i);
    const double unit = got.dtype() == DType::fp16 ? std::max(std::fabs(value) * 0x1p-10, 0x1p-24)
                                                   : std::fabs(value) * 0x1p-23;
    const double difference = std::fabs(got.at(i) - value);
    if (difference == 0 || (std::isnan(value) && std::isnan(got.at(i)))) continue;
    const double allowed =
        c.relative == 0 && c.absolute == 0 ? 0 : unit + c.relative * std::fabs(value) + c.absolute;
    worst = std::max(worst, allowed > 0 ? difference / allowed : INFINITY);
  }
  return worst;
}

std::string chosen(const PlannedProgram& planned, const std::string& op) {
  std::string kernel;
  for (const KernelChoice& choice : planned.plan().choices)
    if (choice.type == op) kernel = choice.kernel;
  return kernel;
}

void check(const Case& c) {
  const std::string text = function_text(c.inputs, c.body, c.name == "split" ? "y, z" : "y");
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
    std::vector<Tensor> first;
    for (const kernels::KernelSet& set : kernels::kernel_sets())
      for (const int threads : {1, 3, 8}) {
        PlannedProgram planned(text, numerics, {}, threads, &set);
        ASSERT_EQ(planned.error(), "") << c.name;
        ASSERT_NE(chosen(planned, c.op), "reference") << c.name;
        ASSERT_NE(chosen(planned, c.op), "") << c.name;
        const auto inputs = inputs_of(planned);
        const auto got = planned.run(inputs);
        if (first.empty()) {
          first = got;
          const auto expected = planned.interpret(inputs);
          ASSERT_EQ(got.size(), expected.size());
          for (size_t o = 0; o < got.size(); ++o)
            EXPECT_LE(distance(c, got[o], expected[o]), 1.0)
                << c.name << ", " << to_string(numerics);
        }
        for (size_t o = 0; o < got.size(); ++o)
          EXPECT_EQ(
              std::memcmp(got[o].bytes().data(), first[o].bytes().data(), first[o].bytes().size()),
              0)
              << c.name << ", " << to_string(numerics) << ", " << set.isa << ", " << threads
              << " threads";
      }
  }
}

TEST(FastOps, ProductsAreLikeTheReferenceAndAlikeEverywhere) {
  for (const Case& c : product_cases()) check(c);
}

TEST(FastOps, OthersAreLikeTheReferenceAndAlikeEverywhere) {
  for (const Case& c : other_cases()) check(c);
}

TEST(FastOps, CompressedWeightsStayCompressed) {
  for (const Case& c : product_cases()) {
    if (!c.name.starts_with("linear palette") && !c.name.starts_with("linear int") &&
        !c.name.starts_with("linear uint") && c.name != "linear affine")
      continue;
    PlannedProgram planned(function_text(c.inputs, c.body, "y"), Numerics::fp16, {}, 1,
                           &kernels::kernel_sets()[0]);
    const std::string kernel = chosen(planned, "linear");
    const bool by_depth = c.name.ends_with("of depths");
    EXPECT_EQ(kernel.find("product (fp16") == 0, by_depth) << c.name << ": " << kernel;
  }
}

/// Adds something that is only in the last place of fp16.
void wrong_add(const void* a, int64_t, const void* b, int64_t, void* y, int64_t count) noexcept {
  for (int64_t i = 0; i < count; ++i)
    static_cast<float*>(y)[i] =
        (static_cast<const float*>(a)[i] + static_cast<const float*>(b)[i]) * (1 + 0x1p-21f);
}

TEST(FastOps, AWrongKernelIsNoticed) {
  kernels::ElementwiseKernels elementwise = *kernels::kernel_sets()[0].elementwise;
  elementwise.binary[static_cast<size_t>(kernels::Binary::add)][1] = wrong_add;
  kernels::KernelSet set = kernels::kernel_sets()[0];
  set.elementwise = &elementwise;
  for (const Case& c : other_cases()) {
    if (c.name != "add alike") continue;
    PlannedProgram planned(function_text(c.inputs, c.body, "y"), Numerics::fp32, {}, 1, &set);
    const auto inputs = inputs_of(planned);
    EXPECT_GT(distance(c, planned.run(inputs)[0], planned.interpret(inputs)[0]), 1.0);
  }
}

TEST(FastOps, RowsOfABlockAreThoseOfSingleRows) {
  const std::string weight = floats("fp16", "[50, 600]", 50 * 600);
  const auto text = [&](int rows) {
    return function_text(
        fmt::format("tensor<fp16, [{}, 600]> x", rows),
        fmt::format(
            "tensor<fp16, [{0}, 50]> p = linear(x = x, weight = {1});\n"
            "tensor<fp16, [{0}, 50]> s = softmax(axis = int32(-1), x = p);\n"
            "tensor<fp16, [{0}, 50]> y = layer_norm(axes = tensor<int32, [1]>([-1]), x = s);",
            rows, weight),
        "y");
  };
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32}) {
    PlannedProgram block(text(101), numerics, {}, 3, &kernels::kernel_sets().back());
    PlannedProgram single(text(1), numerics, {}, 1, &kernels::kernel_sets().back());
    const auto inputs = inputs_of(block);
    const auto together = numbers(block.run(inputs)[0]);
    for (size_t row = 0; row < 101; ++row) {
      const auto first = inputs[0].begin() + static_cast<int64_t>(row) * 600;
      const auto alone = numbers(single.run({{first, first + 600}})[0]);
      EXPECT_TRUE(
          std::equal(alone.begin(), alone.end(), together.begin() + static_cast<int64_t>(row) * 50))
          << "row " << row;
    }
  }
}

}  // namespace
}  // namespace anemone::runtime
