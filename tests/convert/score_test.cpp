// The function `score` of the layout anemone: log-probabilities of given tokens, without logits.

#include <limits>

#include "anemone/model.h"
#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBlock = 32;
constexpr int64_t kContext = 160;

struct Case {
  const char* name;
  int64_t window;
};

class Score : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    folder_ = test::shared_folder() / "fixtures/hf" / GetParam().name;
    if (!fs::exists(folder_)) GTEST_SKIP() << "no fixtures: " << folder_;
  }

  /// The largest errors of log-probabilities and log-sum-exps over prompt 2, where a token's target
  /// is the one after it; the argmax must be right wherever the best two logits are further apart.
  void expect_scores(DType dtype, runtime::Numerics numerics, double bound) {
    const fs::path out = scratch_.path() / "out";
    fs::remove_all(out);
    ASSERT_TRUE(
        test::converted(folder_, out, {.context = kContext, .prefill = {kBlock}, .dtype = dtype}));
    auto package = package::open(out / "chunk_01of01.mlpackage");
    ASSERT_TRUE(package.ok()) << package.error().to_string();
    runtime::Options options;
    options.numerics = numerics;
    const auto model = runtime::Model::load(*std::move(package), options);
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    auto runner = (*model)->prepare("score", {});
    ASSERT_TRUE(runner.ok()) << runner.error().to_string();
    runtime::State state = (*model)->new_state();
    const test::Arrays expected = test::read_arrays(folder_ / "expected.npz");
    const Tensor& ids = expected.at("ids2");
    const Tensor& positions = expected.at("pos2");
    const auto known = expected.at("logits2").values<float>();
    const auto vocab = known.size() / static_cast<size_t>(positions.element_count());
    int64_t compared = 0;
    for (int64_t start = 0; start < ids.element_count(); start += kBlock) {
      feed(**runner, ids, start);
      const Status status = (*runner)->run(&state);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      for (int64_t i = 0; i < positions.element_count(); ++i) {
        const auto position = static_cast<int64_t>(positions.at(i));
        if (position < start || position >= start + kBlock) continue;
        if (position + 1 >= ids.element_count()) continue;
        const auto row = known.subspan(static_cast<size_t>(i) * vocab, vocab);
        expect_row(**runner, position - start, row, static_cast<size_t>(ids.at(position + 1)),
                   bound);
        ++compared;
      }
    }
    EXPECT_GT(compared, 10);
  }

 private:
  static void expect_row(const runtime::Runner& runner, int64_t at, std::span<const float> logits,
                         size_t target, double bound) {
    const auto output = [&](const char* name) { return runner.output(name)->at(at); };
    const auto logs = test::log_softmax(logits);
    EXPECT_NEAR(-(output("target_gap") + output("log_sum")), logs[target], bound);
    const double log_sum_exp = static_cast<double>(logits[0]) - logs[0];
    EXPECT_NEAR(output("max_logit") + output("log_sum"), log_sum_exp, bound);
    const auto best = static_cast<size_t>(output("argmax"));
    ASSERT_LT(best, logits.size());
    EXPECT_LE(*std::ranges::max_element(logs) - logs[best], bound);
  }

  static void feed(runtime::Runner& runner, const Tensor& ids, int64_t start) {
    const auto id = [&](int64_t at) { return at < ids.element_count() ? ids.at(at) : 0; };
    for (int64_t row = 0; row < kBlock; ++row) {
      runner.input("input_ids")->set(row, id(start + row));
      runner.input("targets")->set(row, id(start + row + 1));
      if (Tensor* places = runner.input("position_ids"))
        places->set(row, static_cast<double>(start + row));
      for (int64_t column = 0; column < kContext; ++column) {
        const bool is_later = column > start + row;
        const bool is_old = column <= start + row - GetParam().window;
        constexpr double kHide = -std::numeric_limits<double>::infinity();
        if (Tensor* mask = runner.input("causal_mask"))
          mask->set(row * kContext + column, is_later ? kHide : 0);
        if (Tensor* mask = runner.input("window_mask"))
          mask->set(row * kContext + column, is_later || is_old ? kHide : 0);
      }
    }
    runner.input("current_pos")->set(0, static_cast<double>(start));
  }

  fs::path folder_;
  test::ScratchFolder scratch_;
};

TEST_P(Score, GivesWhatTheLogitsOfTransformersSay) {
  expect_scores(DType::fp32, runtime::Numerics::fp32, 2e-3);
  expect_scores(DType::fp16, runtime::Numerics::fp32, 0.03);
  expect_scores(DType::fp16, runtime::Numerics::fp16, 0.1);
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, Score,
                         ::testing::Values(Case{"qwen3", 1 << 20}, Case{"gemma2", 16},
                                           Case{"gpt2", 1 << 20}, Case{"phi3", 40}),
                         [](const auto& model) { return std::string(model.param.name); });

}  // namespace
}  // namespace anemone
