#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "mil/interpret.h"
#include "passes/configurations.h"
#include "support/op_case.h"

namespace anemone {
namespace {

/// A file of tests/passes: the pass of its name, alone, turns each function `x` into `x_after`, or
/// leaves it as it is where there is no `x_after`. Weight files hold zeros; contents under
/// "@deferred" are fetched later.
Result<mil::Program> read_cases(const std::filesystem::path& path) {
  const auto zeros = [](const mil::BlobReference&, DType dtype,
                        const Shape& shape) -> Result<Tensor> {
    return Tensor::zeros(dtype, shape);
  };
  ANEMONE_TRY(mil::Program program, mil::parse(test::read_text(path), zeros));
  for (mil::Function& function : program.functions)
    for (mil::Operation& operation : function.block.operations)
      for (auto& [name, value] : operation.attributes)
        if (value.blob != nullptr && value.blob->path.starts_with("@deferred"))
          value.tensor = Tensor();
  return program;
}

mil::Program program_of(mil::Function function) {
  function.name = "main";
  mil::Program program;
  program.functions.push_back(std::move(function));
  return program;
}

bool has_deferred(const mil::Function& function) {
  return std::ranges::any_of(function.block.operations, [](const mil::Operation& operation) {
    const mil::Value* value = operation.find_attribute("val");
    return value != nullptr && !value->tensor.defined();
  });
}

/// The outputs, and then the states, for some inputs: unknown dimensions are 2. Without rounding,
/// what the program calls fp16 is fp32, as in the executor.
std::vector<Tensor> results(const mil::Program& program, bool round_fp16) {
  std::mt19937 random(7);
  std::vector<Tensor> inputs;
  std::vector<Tensor> states;
  for (const mil::NamedType& input : program.functions[0].inputs) {
    Shape shape = input.type.tensor.shape;
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      if (shape[axis] == kUnknownDim) shape[axis] = 2;
    const DType dtype = input.type.tensor.dtype;
    Tensor tensor = Tensor::zeros(dtype == DType::fp16 && !round_fp16 ? DType::fp32 : dtype, shape);
    for (int64_t i = 0; i < tensor.element_count(); ++i)
      tensor.set(i, is_float(tensor.dtype()) ? static_cast<double>(random() % 4096) / 64 - 32
                                             : static_cast<double>(random() % 3));
    (input.type.kind == mil::ValueType::Kind::state ? states : inputs).push_back(tensor);
  }
  auto outputs = mil::interpret(program, "main", inputs, states, round_fp16);
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.error().to_string();
    return {};
  }
  outputs->insert(outputs->end(), states.begin(), states.end());
  return *std::move(outputs);
}

void expect_equal_results(const mil::Program& before, const mil::Program& after) {
  for (const bool round_fp16 : {true, false}) {
    const auto expected = results(before, round_fp16);
    const auto got = results(after, round_fp16);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(test::difference(got[i], expected[i], {}, false), "")
          << "result " << i << (round_fp16 ? "" : " without rounding");
  }
}

class PassCases : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(PassCases, TurnBeforeIntoAfterAndKeepTheResults) {
  const std::string pass = GetParam().stem().string();
  const auto program = read_cases(GetParam());
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  int cases = 0;
  for (const mil::Function& function : program->functions) {
    if (function.name.ends_with("_after")) continue;
    SCOPED_TRACE(function.name);
    const mil::Function* expected = program->find_function(function.name + "_after");
    const mil::Program before = program_of(function);
    mil::Program after = before;
    const auto reports = passes::run(after, test::only(pass));
    ASSERT_TRUE(reports.ok()) << reports.error().to_string();
    ASSERT_EQ(reports->size(), 1U);
    EXPECT_EQ(mil::print(after), mil::print(expected ? program_of(*expected) : before));
    EXPECT_EQ((*reports)[0].counts == passes::Counts{}, expected == nullptr);
    const auto again = passes::run(after, test::only(pass));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ((*again)[0].counts, passes::Counts{}) << "a second run finds nothing more";
    if (!has_deferred(function)) expect_equal_results(before, after);
    ++cases;
  }
  EXPECT_GE(cases, 8);
}

INSTANTIATE_TEST_SUITE_P(Files, PassCases, testing::ValuesIn(test::mil_files("passes")),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(Passes, EachHasANameASentenceAndItsCases) {
  const auto files = test::mil_files("passes");
  ASSERT_EQ(files.size(), passes::all_passes().size());
  for (const passes::Pass* pass : passes::all_passes()) {
    EXPECT_TRUE(pass->doc.ends_with('.')) << pass->name;
    EXPECT_NE(std::ranges::find(files, std::string(pass->name),
                                [](const auto& file) { return file.stem().string(); }),
              files.end())
        << pass->name;
  }
}

constexpr std::string_view kUnused =
    "program(1.3)\n{\n func main<ios18>(tensor<fp16, [2]> x) {\n"
    " tensor<fp16, [2]> a = relu(x = x);\n tensor<fp16, [2]> y = abs(x = x);\n } -> (y);\n}\n";

TEST(Passes, ReportsWhatEachDidInTheirOrder) {
  auto program = mil::parse(kUnused);
  ASSERT_TRUE(program.ok());
  const auto reports = passes::run(*program, {.off = {"dtype_cleaning"}});
  ASSERT_TRUE(reports.ok());
  ASSERT_EQ(reports->size(), passes::all_passes().size() - 1);
  EXPECT_EQ(reports->front().pass, "const_folding");
  EXPECT_EQ(reports->front().counts, passes::Counts{});
  EXPECT_EQ(reports->back().pass, "dead_code");
  EXPECT_EQ(reports->back().counts, (passes::Counts{.removed = 1}));
}

constexpr std::string_view kTwoFunctions =
    "program(1.3)\n{\n"
    " func decode<ios18>(tensor<fp16, [1]> x, state<tensor<fp16, [1]>> s) {\n"
    "  fp16 one = const()[val = fp16(0x1p+0)];\n"
    "  fp16 two = add(x = one, y = one);\n"
    "  tensor<fp16, [1]> y = mul(x = x, y = two);\n"
    "  write_state(data = y, input = s);\n } -> (y);\n"
    " func prefill<ios18>(tensor<fp16, [2]> one) {\n"
    "  tensor<fp16, [2]> two = relu(x = one);\n"
    "  tensor<fp16, [2]> y = mul(x = one, y = two);\n } -> (y);\n}\n";

// `one` and `two` are constants of one function, and computed in the other.
TEST(Passes, KeepFunctionsApart) {
  auto program = mil::parse(kTwoFunctions);
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  const std::string prefill = mil::print(program_of(program->functions[1]));
  const auto reports = passes::run(*program);
  ASSERT_TRUE(reports.ok()) << reports.error().to_string();
  ASSERT_EQ(program->functions.size(), 2U);
  EXPECT_EQ(mil::print(program_of(program->functions[1])), prefill);
  const std::vector<mil::Operation>& decode = program->functions[0].block.operations;
  ASSERT_EQ(decode.size(), 3U);
  EXPECT_EQ(decode[0].type, "const");
  EXPECT_EQ(decode[0].outputs[0].name, "two");
  EXPECT_EQ(decode[2].type, "write_state");
}

TEST(Passes, RefusesUnknownNamesAndFaultyPrograms) {
  auto program = mil::parse(kUnused);
  ASSERT_TRUE(program.ok());
  const auto unknown = passes::run(*program, {.off = {"dead_cod"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(unknown.error().to_string().find("dead_code"), std::string::npos);

  program->functions[0].block.outputs = {"nowhere"};
  const std::string text = mil::print(*program);
  const auto faulty = passes::run(*program);
  ASSERT_FALSE(faulty.ok());
  EXPECT_EQ(faulty.error().code, ErrorCode::corrupt);
  EXPECT_NE(faulty.error().message.find("scope_c2"), std::string::npos);
  EXPECT_EQ(mil::print(*program), text);
}

}  // namespace
}  // namespace anemone
