#include "simulate/range_observer.h"

#include <gtest/gtest.h>

#include <memory>

#include "anemone/program.h"

namespace anemone::simulate {
namespace {

constexpr const char* kTypes = "tensor<fp16, [4]>";

/// The report on function `main`, run once for each x.
Report report_of(const std::string& body, const std::vector<std::vector<double>>& inputs) {
  package::Package package;
  package.path = "part.mlpackage";
  auto program = mil::parse(std::string("program(1.3)\n{\n func main<ios18>(") + kTypes +
                            " x) {\n" + body + "\n } -> (y);\n}\n");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  if (!program.ok()) return {};
  package.program = *std::move(program);
  const auto observer = std::make_shared<RangeObserver>();
  auto model = runtime::Model::load(
      std::move(package), {.numerics = runtime::Numerics::ane, .threads = 1, .observer = observer});
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  int64_t token = 0;
  for (const auto& values : inputs) {
    NamedTensor x{"x", Tensor::zeros(DType::fp16, {4})};
    for (size_t i = 0; i < values.size(); ++i) x.tensor.set(static_cast<int64_t>(i), values[i]);
    observer->begin_token(token++);
    const auto outputs = (*model)->predict("main", {&x, 1}, nullptr);
    EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
  }
  Report report;
  observer->write(report);
  return report;
}

TEST(RangeObserver, NamesTheOperationThatMadeInfinities) {
  const Report report = report_of(
      "tensor<fp16, [4]> squares = mul(x = x, y = x);\n"
      "tensor<fp16, [4]> more = add(x = squares, y = x);\n"
      "tensor<fp16, [4]> y = sub(x = more, y = fp16(1));",
      {{1, 2, 3, 4}, {300, 2, -300, 4}, {1, 400, 1, 1}});
  ASSERT_EQ(report.overflows.size(), 1u) << "what comes of infinities is no overflow of its own";
  EXPECT_EQ(report.overflows[0].origin.operation, "squares");
  EXPECT_EQ(report.overflows[0].origin.type, "mul");
  EXPECT_EQ(report.overflows[0].origin.package, "part.mlpackage");
  EXPECT_EQ(report.overflows[0].origin.function, "main");
  EXPECT_EQ(report.overflows[0].token, 1);
  EXPECT_EQ(report.overflows[0].elements, 3u);
  EXPECT_FALSE(report.passed());
}

TEST(RangeObserver, MasksOfMinusInfinityAreNoOverflow) {
  const std::string masked =
      "tensor<fp16, [4]> mask = const()[val = tensor<fp16, [4]>([0, 0, -inf, -inf])];\n"
      "tensor<fp16, [2, 2]> square = reshape(x = mask, shape = tensor<int32, [2]>([2, 2]));\n"
      "tensor<fp16, [4]> flat = reshape(x = square, shape = tensor<int32, [1]>([4]));\n"
      "tensor<fp16, [4]> scores = add(x = x, y = flat);\n"
      "tensor<fp16, [4]> y = softmax(x = scores, axis = int32(0));";
  EXPECT_TRUE(report_of(masked, {{1, 2, 3, 4}}).passed());
  // An infinite input is the caller's.
  EXPECT_TRUE(report_of("tensor<fp16, [4]> y = add(x = x, y = x);",
                        {{std::numeric_limits<double>::infinity(), 1, 1, 1}})
                  .passed());
}

TEST(RangeObserver, CountsOperandsBeyondTables) {
  const Report report =
      report_of("tensor<fp16, [4]> y = silu(x = x);", {{7.5, -8, 9, 1}, {1, 1, 1, -20}});
  ASSERT_EQ(report.saturations.size(), 1u);
  EXPECT_EQ(report.saturations[0].table_end, 8);
  EXPECT_EQ(report.saturations[0].elements, 8u);
  EXPECT_EQ(report.saturations[0].beyond, 3u);
  EXPECT_EQ(report.saturations[0].largest, 20);
  EXPECT_EQ(report.saturations[0].origin.type, "silu");
  EXPECT_TRUE(report.passed());
}

}  // namespace
}  // namespace anemone::simulate
