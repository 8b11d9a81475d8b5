// Attention in one step has the bits of its operations, which a second output keeps apart, with and
// without a promise about the rows of the cache.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/planned_program.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

constexpr int64_t kKeys = 300;  // more than a block of a sum
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Form {
  int64_t rows;  ///< of a matrix of queries.
  bool scaled;
  bool repeated;  ///< four heads share two matrices of keys.
  bool reshaped;  ///< weights have another rank than scores.
};

/// Keys and values lie in a cache [2, 2, 300, 20]; a row of both is written at `place`.
std::string program(const Form& form, bool apart) {
  const std::string rows = std::to_string(form.rows);
  const std::string heads = form.repeated ? "4" : "2";
  const std::string scores = "tensor<fp16, [1, " + heads + ", " + rows + ", 300]>";
  const auto cache = [&](const std::string& name, const std::string& first) {
    const std::string next = first == "0" ? "1" : "2";
    std::string text = "tensor<fp16, [1, 2, 300, 20]> " + name +
                       "_own = slice_by_index(x = after, "
                       "begin = tensor<int32, [4]>([" +
                       first + ", 0, 0, 0]), end = tensor<int32, [4]>([" + next +
                       ", 2, 300, 20]));\n";
    if (!form.repeated) return text;
    return text + "tensor<fp16, [1, 2, 1, 300, 20]> " + name + "_one = expand_dims(x = " + name +
           "_own, axes = tensor<int32, [1]>([2]));\n"
           "tensor<fp16, [1, 2, 2, 300, 20]> " +
           name + "_two = tile(x = " + name +
           "_one, reps = tensor<int32, [5]>([1, 1, 2, 1, 1]));\n"
           "tensor<fp16, [1, 4, 300, 20]> " +
           name + "_all = reshape(x = " + name +
           "_two, shape = tensor<int32, [4]>([1, 4, 300, 20]));\n";
  };
  const std::string suffix = form.repeated ? "_all" : "_own";
  std::string body =
      "tensor<fp16, [2, 2, 300, 20]> before = read_state(input = cache);\n"
      "tensor<int32, [4]> begin = concat(values = (tensor<int32, [2]>([0, 0]), place, "
      "tensor<int32, "
      "[1]>([0])), axis = int32(0), interleave = bool(false));\n"
      "tensor<int32, [4]> end = concat(values = (tensor<int32, [2]>([2, 2]), behind, tensor<int32, "
      "[1]>([20])), axis = int32(0), interleave = bool(false));\n"
      "tensor<fp16, [2, 2, 300, 20]> changed = slice_update(x = before, update = row, begin = "
      "begin, end = end);\n"
      "write_state(data = changed, input = cache);\n"
      "tensor<fp16, [2, 2, 300, 20]> after = read_state(input = cache);\n" +
      cache("keys", "0") + cache("values", "1") + scores +
      " products = matmul(x = query, y = keys" + suffix + ", transpose_y = bool(true));\n";
  std::string masked = "products";
  if (form.scaled) {
    body += scores + " scaled = mul(x = products, y = fp16(0.25));\n";
    masked = "scaled";
  }
  body += scores + " masked = add(x = " + masked + ", y = mask);\n" + scores +
          " weights = softmax(x = masked, axis = int32(-1));\n";
  std::string weights = "weights";
  std::string batch = "1, " + heads;
  std::string values = "values" + suffix;
  if (form.reshaped) {
    batch = heads;
    body += "tensor<fp16, [" + heads + ", " + rows +
            ", 300]> flat = reshape(x = weights, shape = "
            "tensor<int32, [3]>([" +
            heads + ", " + rows +
            ", 300]));\n"
            "tensor<fp16, [" +
            heads + ", 300, 20]> flat_values = reshape(x = " + values +
            ", shape = tensor<int32, [3]>([" + heads + ", 300, 20]));\n";
    weights = "flat";
    values = "flat_values";
  }
  body += "tensor<fp16, [" + batch + ", " + rows + ", 20]> mixed = matmul(x = " + weights +
          ", y = " + values + ");";
  return function_text("state<tensor<fp16, [2, 2, 300, 20]>> cache, tensor<fp16, [1, " + heads +
                           ", " + rows + ", 20]> query, tensor<fp16, [1, 1, " + rows +
                           ", 300]> mask, tensor<fp16, [2, 2, 1, 20]> row, tensor<int32, [1]> "
                           "place, tensor<int32, [1]> behind",
                       body, apart ? "mixed, weights" : "mixed");
}

class AttentionOf : public testing::TestWithParam<std::tuple<Form, Numerics, int>> {
 protected:
  void SetUp() override {
    const auto& [form, numerics, threads] = GetParam();
    const auto* kernels = &kernels::kernel_sets().back();
    for (const bool apart : {false, true}) {
      programs_.push_back(std::make_unique<PlannedProgram>(program(form, apart), numerics,
                                                           std::vector<Shape>(), threads, kernels));
      ASSERT_EQ(programs_.back()->error(), "");
    }
    query_.resize(static_cast<size_t>((form.repeated ? 4 : 2) * form.rows * 20));
    for (size_t i = 0; i < query_.size(); ++i)
      query_[i] = static_cast<double>(i * 37 % 101) / 16 - 3;
    row_.resize(80);
    for (size_t i = 0; i < row_.size(); ++i) row_[i] = static_cast<double>(i % 7) / 4 - 0.75;
  }

  /// Numbers and NaN after a row was written behind `used` ones. Behind it are zeros, or with
  /// `rest` whatever a promise hides.
  std::vector<double> run(size_t which, int64_t used, double hidden, bool promised, double rest) {
    PlannedProgram& one = *programs_[which];
    fill_cache(one.state(), used, rest);
    if (promised) promise_used_rows(one.runner(), used);
    return numbers(one.run(inputs(used, hidden, row_))[0]);
  }

  static void fill_cache(State& state, int64_t used, double rest) {
    Tensor& cache = state.tensors()[0].tensor;
    for (int64_t i = 0; i < cache.element_count(); ++i)
      cache.set(i, i / 20 % kKeys < used ? static_cast<double>(i * 53 % 97) / 32 - 1.5 : rest);
  }

  std::vector<std::vector<double>> inputs(int64_t used, double hidden,
                                          const std::vector<double>& row) const {
    const int64_t rows = std::get<0>(GetParam()).rows;
    std::vector<double> mask(static_cast<size_t>(rows * kKeys), 0);
    for (int64_t i = 0; i < rows * kKeys; ++i)
      if (i % kKeys > used - i / kKeys) mask[static_cast<size_t>(i)] = hidden;
    const auto place = static_cast<double>(used);
    return {query_, mask, row, {place}, {place + 1}};
  }

  static void expect_same(const std::vector<double>& a, const std::vector<double>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i)
      ASSERT_TRUE(std::bit_cast<uint64_t>(a[i]) == std::bit_cast<uint64_t>(b[i]) ||
                  (std::isnan(a[i]) && std::isnan(b[i])))
          << i;
  }

  std::vector<std::unique_ptr<PlannedProgram>> programs_;
  std::vector<double> query_;
  std::vector<double> row_;
};

TEST_P(AttentionOf, OneStepHasTheBitsOfSeveral) {
  const auto count = [](const PlannedProgram& one) { return one.plan().steps.size(); };
  ASSERT_LT(count(*programs_[0]), count(*programs_[1]));
  for (const double hidden : {-kInfinity, -40000.0, -2.0})
    for (const int64_t used : {0, 15, 16, 255, 299}) {
      const auto expected = run(1, used, hidden, false, 0);
      expect_same(run(0, used, hidden, false, 0), expected);
      expect_same(run(0, used, hidden, true, 0), expected);
    }
}

/// Even where the mask does not hide them.
TEST_P(AttentionOf, RowsBehindAPromiseAreZerosWhateverTheyHold) {
  // Of so many rows of one matrix of keys lanes are run apart, each with its update.
  const Form& form = std::get<0>(GetParam());
  const bool joins_lanes = form.rows * (form.repeated ? 2 : 1) <= 96;
  EXPECT_EQ(passes_over_unused_rows(programs_[0]->runner()), joins_lanes);
  EXPECT_FALSE(passes_over_unused_rows(programs_[1]->runner()));
  for (const double hidden : {-kInfinity, -2.0})
    for (const double rest : {5.0, std::nan("")})
      expect_same(run(0, 40, hidden, true, rest), run(1, 40, hidden, false, 0));
}

TEST_P(AttentionOf, NoNumberComesOfNone) {
  query_.back() = kInfinity;
  const auto expected = run(1, 40, -kInfinity, false, 0);
  EXPECT_TRUE(std::isnan(expected.back()));
  expect_same(run(0, 40, -kInfinity, true, 5.0), expected);
}

/// Nor does a lane see the numbers that a later one writes.
TEST_P(AttentionOf, LanesOfOneCacheHaveTheBitsOfOneAfterTheOther) {
  PlannedProgram& one = *programs_[0];
  if (!passes_over_unused_rows(one.runner())) return;
  constexpr size_t kLanes = 5;
  constexpr int64_t kUsed = 40;
  std::vector<std::unique_ptr<PlanRunner>> owned;
  std::vector<Runner*> runners;
  State shared = one.state().clone();
  const std::vector<State*> states(kLanes, &shared);
  const auto feed = [&](Runner& runner, size_t lane) {
    std::vector<double> row = row_;
    if (lane == 3) row[40] = kInfinity;  // the first of the values
    const int64_t used = kUsed + static_cast<int64_t>(lane);
    one.fill(runner, inputs(used, -kInfinity, row));
    promise_used_rows(runner, used);
  };
  fill_cache(shared, kUsed, 0);
  fill_cache(one.state(), kUsed, 0);
  for (size_t lane = 0; lane < kLanes; ++lane) {
    owned.push_back(one.another_runner());
    runners.push_back(owned.back().get());
    feed(*runners.back(), lane);
  }
  ASSERT_TRUE(run_lockstep(runners, states).ok());
  for (size_t lane = 0; lane < kLanes; ++lane) {
    feed(one.runner(), lane);
    ASSERT_TRUE(one.runner().run(&one.state()).ok());
    const auto expected = numbers(*one.runner().output("mixed"));
    EXPECT_EQ(std::isfinite(expected[0]), lane < 3);
    expect_same(numbers(*runners[lane]->output("mixed")), expected);
  }
  expect_same(numbers(shared.tensors()[0].tensor), numbers(one.state().tensors()[0].tensor));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, AttentionOf,
    testing::Combine(testing::Values(Form{1, true, true, false}, Form{1, false, false, false},
                                     Form{70, true, true, true}, Form{3, true, false, true}),
                     testing::Values(Numerics::fp16, Numerics::fp32), testing::Values(1, 3)));

}  // namespace
}  // namespace anemone::runtime
