#include "anemone/model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace anemone::runtime {
namespace {

package::Package package_of(const std::string& text) {
  package::Package package;
  auto program = mil::parse(text);
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package.program = std::move(program).value();
  return package;
}

const char* const kText = R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [?, 2]> x, tensor<fp16, [1]> bias) {
    tensor<fp16, [?, 2]> y = add(x = x, y = bias);
  } -> (y);
}
)";

package::Package described() {
  package::Package package = package_of(kText);
  package::FunctionDescription main{.name = "main"};
  main.inputs.push_back({.name = "x", .shape = {1, 2}, .enumerated_shapes = {{1, 2}, {4, 2}}});
  main.inputs.push_back({.name = "bias", .shape = {1}, .is_optional = true, .default_value = 0.5});
  package.functions.push_back(main);
  package.default_function = "main";
  return package;
}

TEST(Model, PredictsWithDefaultsAndConvertsInputs) {
  auto model = Model::load(described(), {.threads = 1});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const double values[] = {1, 2};
  const NamedTensor x{"x", Tensor::from_values<double>(DType::fp32, {1, 2}, values)};
  const auto outputs = (*model)->predict("main", std::vector{x}, nullptr);
  ASSERT_TRUE(outputs.ok()) << outputs.error().to_string();
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_EQ((*outputs)[0].tensor.dtype(), DType::fp16);
  EXPECT_EQ((*outputs)[0].tensor.at(1), 2.5);
}

TEST(Model, SaysWhatItDoesNotHave) {
  auto model = Model::load(described(), {.threads = 1});
  ASSERT_TRUE(model.ok());
  EXPECT_EQ((*model)->prepare("other", {}).error().to_string(),
            "no function 'other' (there are: main)");
  const Model::InputShape wrong[] = {{"x", Shape{3, 2}}};
  EXPECT_EQ((*model)->prepare("main", wrong).error().message,
            "input 'x' has shape [3, 2], allowed is one of [1, 2], [4, 2]");
  const Model::InputShape unknown[] = {{"z", Shape{1}}};
  EXPECT_EQ((*model)->prepare("main", unknown).error().message, "function 'main' has no input 'z'");
  EXPECT_EQ((*model)->predict("main", {}, nullptr).error().message,
            "input 'x' of function 'main' is missing");
}

TEST(Model, RefusesOpsItDoesNotKnow) {
  auto model = Model::load(package_of(R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [2]> x) {
    tensor<fp16, [2]> y = frobnicate(x = x)[name = string("strange")];
    tensor<fp16, [2]> z = another(x = y);
  } -> (z);
}
)"),
                           {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
  EXPECT_EQ(model.error().message,
            "op 'frobnicate' is not implemented; function 'main': op 0 'strange'; 1 other "
            "operations are not either");
}

TEST(Model, RefusesProgramsThatBreakConstraints) {
  auto model = Model::load(package_of(R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [2]> x) {
    tensor<fp16, [3]> y = add(x = x, y = tensor<fp16, [3]>([1, 2, 3]));
  } -> (y);
}
)"),
                           {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::corrupt);
  EXPECT_NE(model.error().message.find("[add_c2]"), std::string::npos) << model.error().message;
}

TEST(Model, RefusesAnInstructionSetOfAnotherMachine) {
#if defined(__x86_64__)
  auto model = Model::load(described(), {.isa = Isa::neon});
#else
  auto model = Model::load(described(), {.isa = Isa::avx2});
#endif
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
}

TEST(Model, NamesTheKernelOfEveryOperation) {
  auto model = Model::load(described(), {.isa = Isa::scalar});
  ASSERT_TRUE(model.ok());
  const auto kernels = (*model)->kernels("main");
  ASSERT_TRUE(kernels.ok());
  ASSERT_EQ(kernels->size(), 1u);
  EXPECT_EQ((*kernels)[0].type, "add");
  EXPECT_EQ((*kernels)[0].kernel, "elementwise (scalar)");
}

TEST(Model, RefusesPlansAndStatesThatDoNotFitIntoMemory) {
  auto model = Model::load(package_of(R"(program(1.3)
{
  func main<ios18>(tensor<fp32, [?, 65536]> x) {
    tensor<fp32, [?, 65536]> y = relu(x = x);
  } -> (y);
}
)"),
                           {.threads = 1});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const Model::InputShape huge[] = {{"x", Shape{1 << 21, 65536}}};
  const auto runner = (*model)->prepare("main", huge);
  ASSERT_FALSE(runner.ok());
  EXPECT_EQ(runner.error().code, ErrorCode::limit);
  EXPECT_NE(runner.error().message.find("needs at least 1099511627776 bytes"), std::string::npos)
      << runner.error().message;
  const Model::InputShape small[] = {{"x", Shape{1, 65536}}};
  EXPECT_TRUE((*model)->prepare("main", small).ok());

  const auto states = Model::load(package_of(R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [8]> x, state<tensor<fp16, [8]>> s) {
    tensor<fp16, [8]> y = relu(x = x);
  } -> (y);
}
)"),
                                  {.memory_limit_bytes = 15});
  ASSERT_FALSE(states.ok());
  EXPECT_EQ(states.error().code, ErrorCode::limit);
  EXPECT_EQ(states.error().message, "the states need at least 16 bytes, the limit is 15");
}

TEST(Model, RefusesTextForNumbers) {
  auto model = Model::load(described(), {.threads = 1});
  ASSERT_TRUE(model.ok());
  const NamedTensor x{"x", Tensor::from_strings({1, 2}, {"a", "b"})};
  const auto outputs = (*model)->predict("main", std::vector{x}, nullptr);
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().message, "input 'x' of function 'main' is text, expected fp16");
}

TEST(Model, ConvertsOnlyWhatStaysTheSameNumber) {
  auto model = Model::load(package_of(R"(program(1.3)
{
  func main<ios18>(tensor<fp32, [1]> real, tensor<int32, [1]> whole, tensor<bool, [1]> flag) {
    tensor<fp32, [1]> y = add(x = real, y = real);
  } -> (y);
}
)"),
                           {.threads = 1});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto result = [&](DType real, double x, DType whole, double n, DType flag) {
    const auto tensor = [](DType dtype, double value) {
      return Tensor::from_values<double>(dtype, {1}, std::span(&value, 1));
    };
    const std::vector<NamedTensor> inputs = {
        {"real", tensor(real, x)}, {"whole", tensor(whole, n)}, {"flag", tensor(flag, 1)}};
    const auto outputs = (*model)->predict("main", inputs, nullptr);
    return outputs.ok() ? std::to_string((*outputs)[0].tensor.at(0)) : outputs.error().message;
  };
  const std::string of = " of function 'main' ";
  EXPECT_EQ(result(DType::fp64, 0.75, DType::int64, -7, DType::bool_), "1.500000");
  EXPECT_EQ(result(DType::fp16, 0.75, DType::uint8, 7, DType::bool_), "1.500000");
  EXPECT_EQ(result(DType::fp64, INFINITY, DType::int32, 7, DType::bool_), "inf");
  EXPECT_EQ(result(DType::fp64, 1e300, DType::int32, 7, DType::bool_),
            "input 'real'" + of + "is fp64 and holds 1e+300, which fp32 cannot hold");
  EXPECT_EQ(result(DType::fp32, 1, DType::int64, 3e9, DType::bool_),
            "input 'whole'" + of + "is int64 and holds 3000000000, which int32 cannot hold");
  EXPECT_EQ(result(DType::int32, 1, DType::int32, 7, DType::bool_),
            "input 'real'" + of + "is int32, expected fp32");
  EXPECT_EQ(result(DType::bool_, 1, DType::int32, 7, DType::bool_),
            "input 'real'" + of + "is bool, expected fp32");
  EXPECT_EQ(result(DType::fp32, 1, DType::fp32, 7, DType::bool_),
            "input 'whole'" + of + "is fp32, expected int32");
  EXPECT_EQ(result(DType::fp32, 1, DType::int32, 7, DType::uint8),
            "input 'flag'" + of + "is uint8, expected bool");
}

TEST(Model, RunnersOutliveTheirPlansPlaceInTheCache) {
  package::Package package = package_of(R"(program(1.3)
{
  func main<ios18>(tensor<fp32, [?, 2]> x) {
    tensor<fp32, [1, 2]> half = fill(shape = tensor<int32, [2]>([1, 2]), value = fp32(0.5));
    tensor<fp32, [?, 2]> y = linear(x = x, weight = tensor<fp32, [2, 2]>([1, 0, 0, 1]));
    tensor<fp32, [?, 2]> z = add(x = y, y = half);
  } -> (z);
}
)");
  auto model = Model::load(std::move(package), {.threads = 1});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  std::vector<std::unique_ptr<Runner>> runners;
  for (int64_t rows = 1; rows <= 40; ++rows) {
    const Model::InputShape shape[] = {{"x", Shape{rows, 2}}};
    auto runner = (*model)->prepare("main", shape);
    ASSERT_TRUE(runner.ok()) << runner.error().to_string();
    runners.push_back(*std::move(runner));
  }
  model = std::shared_ptr<Model>();
  for (auto& runner : runners) {
    Tensor& x = *runner->input("x");
    for (int64_t i = 0; i < x.element_count(); ++i) x.set(i, static_cast<double>(i));
    ASSERT_TRUE(runner->run(nullptr).ok());
    const Tensor& z = *runner->output("z");
    for (int64_t i = 0; i < z.element_count(); ++i)
      ASSERT_EQ(z.at(i), static_cast<double>(i) + 0.5);
  }
}

}  // namespace
}  // namespace anemone::runtime
