// Which functions may run the positions of one sequence in lockstep.

#include <gtest/gtest.h>

#include "runtime/planned_program.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

/// The keys of layer i are matrices i of the state [4, 2, 16, 8], its values matrices 2 + i.
class Layers {
 public:
  /// Writes `rows` numbers of every head of a slot at `place`.
  Layers& write(int64_t slot, const std::string& rows = "row") {
    const std::string n = next();
    return write_at(slot, rows, concat("begin" + n, std::to_string(slot) + ", 0", "place", 0),
                    concat("end" + n, std::to_string(slot + 1) + ", 2", "behind", 8));
  }
  Layers& write_at(int64_t slot, const std::string& rows, const std::string& begin,
                   const std::string& end) {
    const std::string n = std::to_string(slot) + "_" + next();
    body_ += "tensor<fp16, [4, 2, 16, 8]> before" + n + " = read_state(input = cache);\n" +
             "tensor<fp16, [4, 2, 16, 8]> after" + n + " = slice_update(x = before" + n +
             ", update = " + rows + ", begin = " + begin + ", end = " + end + ");\n" +
             "write_state(data = after" + n + ", input = cache);\n";
    return *this;
  }
  Layers& attend(int64_t layer) {
    const std::string n = next();
    body_ += "tensor<fp16, [4, 2, 16, 8]> cache" + n + " = read_state(input = cache);\n" +
             slice("keys" + n, "cache" + n, layer) + slice("values" + n, "cache" + n, 2 + layer) +
             "tensor<fp16, [1, 2, 1, 16]> products" + n + " = matmul(x = " + hidden_ +
             ", y = keys" + n + ", transpose_y = bool(true));\n" +
             "tensor<fp16, [1, 2, 1, 16]> masked" + n + " = add(x = products" + n +
             ", y = mask);\n" + "tensor<fp16, [1, 2, 1, 16]> weights" + n +
             " = softmax(x = masked" + n + ", axis = int32(-1));\n" +
             "tensor<fp16, [1, 2, 1, 8]> mixed" + n + " = matmul(x = weights" + n + ", y = values" +
             n + ");\n";
    hidden_ = "mixed" + n;
    ++attentions_;
    return *this;
  }

  bool may_share_states() const {
    PlannedProgram planned(
        function_text("state<tensor<fp16, [4, 2, 16, 8]>> cache, tensor<fp16, [1, 2, 1, 8]> query, "
                      "tensor<fp16, [1, 1, 1, 16]> mask, tensor<fp16, [1, 2, 1, 8]> row, "
                      "tensor<fp16, [1, 2, 2, 8]> two_rows, tensor<int32, [1]> place, "
                      "tensor<int32, [1]> behind, tensor<int32, [4]> anywhere, "
                      "tensor<int32, [4]> behind_that",
                      body_, hidden_),
        Numerics::fp16, {}, 1, &kernels::kernel_sets().back());
    EXPECT_EQ(planned.error(), "");
    int64_t fused = 0;
    for (const Step& step : planned.plan().steps) fused += step.attention != nullptr;
    EXPECT_EQ(fused, attentions_);
    return passes_over_unused_rows(planned.runner());
  }

 private:
  std::string next() { return std::to_string(count_++); }

  std::string concat(const std::string& name, const std::string& first, const std::string& place,
                     int64_t last) {
    body_ += "tensor<int32, [4]> " + name + " = concat(values = (tensor<int32, [2]>([" + first +
             "]), " + place + ", tensor<int32, [1]>([" + std::to_string(last) +
             "])), axis = int32(0), interleave = bool(false));\n";
    return name;
  }
  static std::string slice(const std::string& name, const std::string& cache, int64_t slot) {
    return "tensor<fp16, [1, 2, 16, 8]> " + name + " = slice_by_index(x = " + cache +
           ", begin = tensor<int32, [4]>([" + std::to_string(slot) +
           ", 0, 0, 0]), end = tensor<int32, [4]>([" + std::to_string(slot + 1) +
           ", 2, 16, 8]));\n";
  }

  std::string body_;
  std::string hidden_ = "query";
  int count_ = 0;
  int64_t attentions_ = 0;
};

TEST(SharedStates, EveryLayerWritesBeforeItAttends) {
  EXPECT_TRUE(Layers().write(0).write(2).attend(0).write(1).write(3).attend(1).may_share_states());
  EXPECT_TRUE(Layers().write(0).write(2).attend(0).attend(0).may_share_states());
}

TEST(SharedStates, ALayerThatAttendsFirstSeesOtherRowsThanAlone) {
  EXPECT_FALSE(Layers().write(0).write(2).attend(0).attend(1).write(1).write(3).may_share_states());
  EXPECT_FALSE(Layers().write(0).attend(0).write(2).may_share_states());
  EXPECT_FALSE(Layers().write(0).write(2).attend(0).write(0).may_share_states());
}

TEST(SharedStates, OneRowIsWrittenWhereThePlanSees) {
  EXPECT_FALSE(Layers().write(0, "two_rows").write(2).attend(0).may_share_states());
  EXPECT_FALSE(
      Layers().write_at(0, "row", "anywhere", "behind_that").write(2).attend(0).may_share_states());
}

}  // namespace
}  // namespace anemone::runtime
