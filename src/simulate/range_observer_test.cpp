#include "simulate/range_observer.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "anemone/program.h"

namespace anemone::simulate {
namespace {

/// A program whose functions run one by one.
class Watched {
 public:
  explicit Watched(const std::string& functions) {
    package::Package package;
    package.path = "part.mlpackage";
    auto program = mil::parse("program(1.3)\n{\n" + functions + "}\n");
    EXPECT_TRUE(program.ok()) << program.error().to_string();
    if (!program.ok()) return;
    package.program = *std::move(program);
    auto model = runtime::Model::load(
        std::move(package),
        {.numerics = runtime::Numerics::ane, .threads = 1, .observer = observer_});
    EXPECT_TRUE(model.ok()) << model.error().to_string();
    if (model.ok()) model_ = *std::move(model);
  }

  void run(std::string_view function, const std::vector<double>& values, DType dtype = DType::fp16,
           runtime::State* state = nullptr) {
    if (model_ == nullptr) return;
    NamedTensor x{"x", Tensor::zeros(dtype, {4})};
    for (size_t i = 0; i < values.size(); ++i) x.tensor.set(static_cast<int64_t>(i), values[i]);
    const auto outputs = model_->predict(function, {&x, 1}, state);
    EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
  }

  Report report() const {
    Report report;
    observer_->write(report);
    return report;
  }

  RangeObserver& observer() { return *observer_; }
  runtime::Model& model() { return *model_; }

 private:
  std::shared_ptr<RangeObserver> observer_ = std::make_shared<RangeObserver>();
  std::shared_ptr<runtime::Model> model_;
};

std::string function(const std::string& name, const std::string& body,
                     const std::string& inputs = "tensor<fp16, [4]> x") {
  return " func " + name + "<ios18>(" + inputs + ") {\n" + body + "\n } -> (y);\n";
}

/// The report on function `main`, run once for each x.
Report report_of(const std::string& body, const std::vector<std::vector<double>>& inputs,
                 DType dtype = DType::fp16) {
  Watched watched(
      function("main", body, dtype == DType::fp16 ? "tensor<fp16, [4]> x" : "tensor<fp32, [4]> x"));
  int64_t token = 0;
  for (const auto& values : inputs) {
    watched.observer().begin_pass(token++);
    watched.run("main", values, dtype);
  }
  return watched.report();
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

TEST(RangeObserver, InfinitiesOfConstantsAndInputsAreNoOverflow) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(report_of("tensor<fp16, [4]> y = add(x = x, y = fp16(-inf));", {{1, 2}}).passed());
  EXPECT_TRUE(report_of("tensor<fp16, [4]> mask = fill(shape = tensor<int32, [1]>([4]), value = "
                        "fp16(-inf));\n"
                        "tensor<fp16, [4]> y = add(x = x, y = mask);",
                        {{1, 2}})
                  .passed());
  EXPECT_TRUE(report_of("tensor<fp32, [4]> wide = const()[val = tensor<fp32, [4]>([0, 0, -inf, "
                        "-1e9])];\n"
                        "tensor<fp16, [4]> mask = cast(x = wide, dtype = string(\"fp16\"));\n"
                        "tensor<fp16, [4]> y = add(x = x, y = mask);",
                        {{1, 2}})
                  .passed());
  EXPECT_TRUE(report_of("tensor<fp16, [4]> open = const()[val = tensor<fp16, [4]>([0, 0, 1, 1])];\n"
                        "tensor<fp16, [4]> mask = add(x = open, y = fp16(-inf));\n"
                        "tensor<fp16, [4]> y = add(x = x, y = mask);",
                        {{1, 2}})
                  .passed());
  EXPECT_TRUE(report_of("tensor<fp16, [4]> large = const()[val = tensor<fp16, [4]>([0, 0, 60000, "
                        "60000])];\n"
                        "tensor<fp16, [4]> mask = mul(x = large, y = fp16(-2));\n"
                        "tensor<fp16, [4]> y = add(x = x, y = mask);",
                        {{1, 2}})
                  .passed())
      << "folded before anything runs";
  EXPECT_FALSE(report_of("tensor<fp16, [4]> large = const()[val = tensor<fp16, [4]>([0, 0, 60000, "
                         "60000])];\n"
                         "tensor<fp16, [4]> half = mul(x = large, y = fp16(0.5));\n"
                         "tensor<fp16, [4]> sum = add(x = x, y = half);\n"
                         "tensor<fp16, [4]> y = mul(x = sum, y = fp16(4));",
                         {{1, 2}})
                   .passed());
  const std::string narrowed =
      "tensor<fp16, [4]> mask = cast(x = x, dtype = string(\"fp16\"));\n"
      "tensor<fp16, [4]> y = sub(x = mask, y = fp16(1));";
  EXPECT_TRUE(report_of(narrowed, {{0, -kInfinity}}, DType::fp32).passed());
  const Report too_large = report_of(narrowed, {{0, 1e6}}, DType::fp32);
  ASSERT_EQ(too_large.overflows.size(), 1u) << "a finite number became infinite";
  EXPECT_EQ(too_large.overflows[0].origin.operation, "mask");
}

TEST(RangeObserver, InfinitiesInStatesAreNotCountedAgain) {
  Watched watched(function("main",
                           "tensor<fp16, [4]> before = read_state(input = cache);\n"
                           "tensor<fp16, [4]> twice = add(x = before, y = before);\n"
                           "tensor<fp16, [4]> key = mul(x = x, y = x);\n"
                           "tensor<fp16, [2, 2]> square = reshape(x = key, shape = "
                           "tensor<int32, [2]>([2, 2]));\n"
                           "tensor<fp16, [4]> kept = reshape(x = square, shape = "
                           "tensor<int32, [1]>([4]));\n"
                           "write_state(data = kept, input = cache);\n"
                           "tensor<fp16, [4]> y = sub(x = twice, y = fp16(1));",
                           "tensor<fp16, [4]> x, state<tensor<fp16, [4]>> cache"));
  runtime::State state = watched.model().new_state();
  watched.observer().begin_sequence();
  int64_t token = 0;
  for (const double x : {1, 300, 2}) {
    watched.observer().begin_pass(token++);
    watched.run("main", {x}, DType::fp16, &state);
  }
  const Report report = watched.report();
  ASSERT_EQ(report.overflows.size(), 1u) << "the cache carries the infinity to the next token";
  EXPECT_EQ(report.overflows[0].origin.operation, "key");
  EXPECT_EQ(report.overflows[0].token, 1);
}

TEST(RangeObserver, CountsLayersOfOnePass) {
  const std::string body =
      "tensor<fp16, [4]> branch = mul(x = x, y = x);\n"
      "tensor<fp16, [4]> y = add(x = x, y = branch);";
  Watched watched(function("infer", body) + function("other", body));
  watched.run("infer", {250});  // of no pass
  EXPECT_TRUE(watched.report().stream.empty());
  watched.observer().begin_pass(0);
  watched.run("infer", {2});
  watched.observer().begin_pass(1);
  watched.run("other", {300});
  const Report turns = watched.report();
  ASSERT_EQ(turns.stream.size(), 2u) << "one function stands for the other";
  EXPECT_EQ(turns.stream[0].name, "embedding");
  EXPECT_EQ(turns.stream[1].name, "layer.0");
  EXPECT_EQ(turns.stream[1].token, 1) << "the largest of both";
  EXPECT_EQ(turns.stream[1].origin.function, "other");
  EXPECT_EQ(turns.first_unsafe, 1u);
  ASSERT_EQ(turns.overflows.size(), 1u);
  EXPECT_EQ(turns.overflows[0].origin.part, "layer.0.mlp");
  watched.observer().begin_pass(2);
  watched.run("infer", {2});
  watched.run("other", {2});
  const Report both = watched.report();
  ASSERT_EQ(both.stream.size(), 3u) << "one runs behind the other";
  EXPECT_EQ(both.stream[2].name, "layer.1");
}

TEST(RangeObserver, LayersWithoutAttentionHaveNamesOfTheirOwn) {
  std::string body;
  std::string from = "x";
  for (const char* to : {"a", "b", "c", "y"}) {
    const std::string branch = std::string("branch_") + to;
    body += "tensor<fp16, [4]> " + branch + " = mul(x = " + from + ", y = fp16(0.5));\n" +
            "tensor<fp16, [4]> " + to + " = add(x = " + from + ", y = " + branch + ");\n";
    from = to;
  }
  const Report report = report_of(body, {{8, 0, 0, 0}});
  std::vector<std::string> names;
  for (const Peak& peak : report.stream) names.push_back(peak.name);
  EXPECT_EQ(names, (std::vector<std::string>{"embedding", "layer.0.mixer", "layer.0",
                                             "layer.1.mixer", "layer.1"}));
  EXPECT_EQ(report.stream[1].origin.part, "layer.0.mixer");
  EXPECT_EQ(report.stream[4].origin.part, "layer.1.mlp");
  EXPECT_EQ(report.stream[4].largest, 8 * 1.5 * 1.5 * 1.5 * 1.5);
}

TEST(RangeObserver, KeepsTheEmbeddingApartFromTheFirstLayer) {
  const Report report = report_of(
      "tensor<fp16, [4]> scaled = mul(x = x, y = fp16(300));\n"
      "tensor<fp16, [4]> branch = mul(x = scaled, y = fp16(0.5));\n"
      "tensor<fp16, [4]> y = add(x = scaled, y = branch);",
      {{300, 1, 1, 1}});
  ASSERT_EQ(report.overflows.size(), 1u);
  EXPECT_EQ(report.overflows[0].origin.operation, "scaled");
  EXPECT_EQ(report.overflows[0].origin.part, "embedding");
  ASSERT_EQ(report.stream.size(), 2u);
  EXPECT_EQ(report.stream[0].origin.part, "embedding");
  EXPECT_EQ(report.stream[1].origin.part, "layer.0.mlp");
}

TEST(RangeObserver, SeesNothingOfAProgramInFp32) {
  const std::string body =
      "tensor<fp32, [4]> branch = mul(x = x, y = x);\n"
      "tensor<fp32, [4]> y = add(x = x, y = branch);";
  Watched watched(function("main", body, "tensor<fp32, [4]> x"));
  watched.observer().begin_pass(0);
  watched.run("main", {1e9}, DType::fp32);
  EXPECT_FALSE(watched.observer().saw_fp16());
  EXPECT_TRUE(watched.report().stream.empty()) << "what was not seen is no zero";
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
