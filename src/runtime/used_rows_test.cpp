// A promise about rows of zeros changes no bit, whatever part of the rows is used and written, and
// no NaN.

#include "runtime/used_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

constexpr int64_t kLong = 600;  // more than two blocks of a sum
constexpr int64_t kShort = 40;

/// Two rows are written into a cache [2, 600, 40], from `place` on; then it is multiplied: turned
/// round, as keys are, or as values.
std::string program(bool turned) {
  const std::string x = turned ? "[2, 3, 40]" : "[2, 3, 600]";
  const std::string out = turned ? "[2, 3, 600]" : "[2, 3, 40]";
  return function_text(
      "state<tensor<fp16, [2, 600, 40]>> cache, tensor<fp16, " + x +
          "> x, tensor<fp16, [2, 2, 40]> rows, tensor<int32, [1]> place, tensor<int32, [1]> after",
      "tensor<fp16, [2, 600, 40]> old = read_state(input = cache);\n"
      "tensor<int32, [3]> begin = concat(values = (tensor<int32, [1]>([0]), place, tensor<int32, "
      "[1]>([0])), axis = int32(0), interleave = bool(false));\n"
      "tensor<int32, [3]> end = concat(values = (tensor<int32, [1]>([2]), after, tensor<int32, "
      "[1]>([40])), axis = int32(0), interleave = bool(false));\n"
      "tensor<fp16, [2, 600, 40]> new = slice_update(x = old, update = rows, begin = begin, end = "
      "end);\n"
      "write_state(data = new, input = cache);\n"
      "tensor<fp16, [2, 600, 40]> y = read_state(input = cache);\n"
      "tensor<fp16, " +
          out + "> z = matmul(x = x, y = y" + (turned ? ", transpose_y = bool(true)" : "") + ");",
      "z");
}

class UsedRows : public testing::TestWithParam<std::tuple<Numerics, bool, int64_t>> {
 protected:
  bool is_turned() const { return std::get<1>(GetParam()); }
  int64_t used() const { return std::get<2>(GetParam()); }

  void SetUp() override {
    program_ =
        std::make_unique<PlannedProgram>(program(is_turned()), std::get<0>(GetParam()),
                                         std::vector<Shape>(), 2, &kernels::kernel_sets().back());
    ASSERT_EQ(program_->error(), "");
    ASSERT_EQ(program_->count_steps(StepKind::update), 1);
    x_.resize(static_cast<size_t>(2 * 3 * (is_turned() ? kShort : kLong)));
    for (size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<double>(i * 37 % 101) / 16 - 3;
  }

  /// The product after two rows were written at `place` behind the used ones.
  std::vector<double> run(int64_t place, bool promised) {
    Tensor& cache = program_->state().tensors()[0].tensor;
    for (int64_t i = 0; i < cache.element_count(); ++i) {
      const bool is_used = i / kShort % kLong < used();
      cache.set(i, is_used ? static_cast<double>(i * 53 % 97) / 32 - 1.5 : 0);
    }
    std::vector<double> rows(static_cast<size_t>(2 * 2 * kShort));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<double>(i % 7) / 4 - 0.75;
    if (promised) promise_used_rows(program_->runner(), used());
    const auto at = static_cast<double>(place);
    return numbers(program_->run({x_, rows, {at}, {at + 2}})[0]);
  }

  std::unique_ptr<PlannedProgram> program_;
  std::vector<double> x_;
};

TEST_P(UsedRows, APromiseChangesNoBit) {
  for (const int64_t place : {int64_t{0}, used(), std::min(used() + 20, kLong - 2)}) {
    if (place + 2 > kLong) continue;
    const auto complete = run(place, false);
    EXPECT_EQ(used_rows(program_->runner()), kLong);
    const auto promised = run(place, true);
    EXPECT_EQ(used_rows(program_->runner()), std::max(used(), place + 2));
    ASSERT_EQ(complete.size(), promised.size());
    EXPECT_EQ(std::memcmp(complete.data(), promised.data(), complete.size() * sizeof(double)), 0)
        << place;
  }
}

TEST_P(UsedRows, InfinityTimesZeroIsNoNumber) {
  if (used() + 2 >= kLong) return;  // no row of zeros is left
  x_.back() = std::numeric_limits<double>::infinity();
  const auto promised = run(0, true);
  EXPECT_TRUE(std::isnan(promised.back()));
  const auto complete = run(0, false);
  for (size_t i = 0; i < complete.size(); ++i)
    EXPECT_TRUE(complete[i] == promised[i] || (std::isnan(complete[i]) && std::isnan(promised[i])));
}

/// A promise holds for one run.
TEST_P(UsedRows, APromiseIsForgotten) {
  if (used() == kLong) return;
  run(0, true);
  EXPECT_EQ(run(0, false), run(0, true));
  run(0, true);
  const auto place = std::max<int64_t>(used() - 2, 0);
  run(place, false);
  EXPECT_EQ(used_rows(program_->runner()), kLong);
}

INSTANTIATE_TEST_SUITE_P(Counts, UsedRows,
                         testing::Combine(testing::Values(Numerics::fp16, Numerics::fp32),
                                          testing::Bool(),
                                          testing::Values(0, 1, 16, 17, 255, 256, 300, 598, 600)));

}  // namespace
}  // namespace anemone::runtime
