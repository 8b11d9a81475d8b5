// A run over a package whose function scores whole blocks: a question's answer is a function of it
// alone, by blocks where its continuation fills one, else by logits.

#include <algorithm>
#include <numeric>
#include <random>

#include "convert/converted_model.h"
#include "eval/engine.h"
#include "eval/token_tree.h"
#include "eval/ways.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 16;
constexpr int64_t kContext = 160;

class BlockScores : public ::testing::TestWithParam<runtime::Numerics> {
 protected:
  void SetUp() override {
    const fs::path checkpoint = test::shared_folder() / "fixtures/hf/qwen3";
    if (!fs::exists(checkpoint)) GTEST_SKIP() << "no fixtures: " << checkpoint;
    const fs::path out = scratch_.path() / "out";
    ASSERT_TRUE(test::converted(checkpoint, out, {.context = kContext, .prefill = {kBlock}}));
    model_ = test::opened(out, GetParam());
    ASSERT_NE(model_, nullptr);
    ASSERT_EQ(model_->info().score_block_tokens, kBlock);
    std::mt19937 random(5);
    const auto tokens = [&](size_t count) {
      Tokens list(count);
      for (int32_t& token : list)
        token = static_cast<int32_t>(random() % static_cast<uint64_t>(model_->info().vocab_size));
      return list;
    };
    for (const size_t context : {size_t{1}, size_t{1}, size_t{20}, size_t{50}}) {
      const auto text = std::make_shared<const Tokens>(tokens(context));
      for (const size_t count : {size_t{3}, size_t{15}, size_t{16}, size_t{17}, size_t{90}})
        questions_.emplace_back().tokens = {text, 0, tokens(count)};
    }
  }

  std::vector<double> answers(std::span<const uint32_t> asked, uint64_t budget) {
    auto engine = Engine::create(*model_, codec_, budget);
    std::vector<double> found(questions_.size());
    const Status status =
        engine->run(questions_, asked, [&](size_t index, Response&& response) -> Status {
          EXPECT_FALSE(response.error);
          found[index] = response.log_likelihood;
          return {};
        });
    EXPECT_TRUE(status.ok());
    return found;
  }

  double alone(const Question& question, lm::ScoreBy by) {
    const auto sequence = model_->new_sequence();
    Tokens tokens(question.size());
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = question.token(i);
    const std::span<const int32_t> all(tokens);
    const size_t first = question.context().size() - 1;
    std::vector<lm::TokenScore> scores(question.continuation().size());
    EXPECT_TRUE(model_->extend(*sequence, all.first(first), lm::Rows::none, {}).ok());
    EXPECT_TRUE(model_
                    ->score(*sequence, all.subspan(first, scores.size()), all.subspan(first + 1),
                            scores, by)
                    .ok());
    double sum = 0;
    for (const lm::TokenScore& score : scores) sum += score.log_probability;
    return sum;
  }

  test::ScratchFolder scratch_;
  const Codec codec_;
  std::unique_ptr<lm::LanguageModel> model_;
  std::vector<Question> questions_;
};

TEST_P(BlockScores, S0_36_S0_61_ThreadsAndHalvesOfARunChangeNoBit) {
  std::vector<uint32_t> all(questions_.size());
  std::iota(all.begin(), all.end(), 0u);
  const auto expected = answers(all, Engine::kDefaultBudgetBytes);
  for (const int threads : {1, 3}) {
    lm::LanguageModel::Options options;
    options.runtime.numerics = GetParam();
    options.runtime.threads = threads;
    auto model = lm::LanguageModel::open(model_->info().path, options);
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    model_ = *std::move(model);
    EXPECT_EQ(answers(all, Engine::kDefaultBudgetBytes), expected) << threads << " threads";
  }
  // A run that was ended in the middle and taken up again: each question once, by two engines.
  std::shuffle(all.begin(), all.end(), std::mt19937(4));
  const std::span<const uint32_t> asked(all);
  const size_t middle = all.size() / 2;
  const auto before = answers(asked.first(middle), Engine::kDefaultBudgetBytes);
  const auto behind = answers(asked.subspan(middle), Engine::kDefaultBudgetBytes);
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ((i < middle ? before : behind)[all[i]], expected[all[i]]) << all[i];
}

TEST_P(BlockScores, TokensAreCountedAsTheyRun) {
  std::vector<uint32_t> all(questions_.size());
  std::iota(all.begin(), all.end(), 0u);
  const int64_t block = model_->info().score_block_tokens;
  const Ways ways = divide(questions_, all, block);
  ASSERT_FALSE(ways.by_blocks.empty());
  ASSERT_FALSE(ways.by_logits.empty());
  const auto sum = [&](int64_t block_tokens) {
    const auto tokens = tokens_to_run(questions_, all, block_tokens);
    return std::accumulate(tokens.begin(), tokens.end(), uint64_t{0});
  };
  EXPECT_EQ(sum(0), TokenTree(questions_, all).input_tokens());
  const uint64_t counted = sum(block);
  EXPECT_GT(counted, sum(0)) << "of each way its own";
  auto engine = Engine::create(*model_, codec_, Engine::kDefaultBudgetBytes);
  ASSERT_TRUE(engine->run(questions_, all, [](size_t, Response&&) { return Status(); }).ok());
  EXPECT_LE(engine->tokens_run(), counted);
}

TEST_P(BlockScores, S0_36_S0_61_AnswersAreTheSameBitsByARuleOfTheQuestion) {
  std::vector<uint32_t> all(questions_.size());
  std::iota(all.begin(), all.end(), 0u);
  constexpr uint64_t kMuch = Engine::kDefaultBudgetBytes;
  const auto expected = answers(all, kMuch);
  double apart = 0;
  for (const uint32_t i : all) {
    const size_t tokens = questions_[i].continuation().size();
    const bool fills = tokens >= kBlock;
    EXPECT_EQ(scores_by_blocks(tokens, model_->info().score_block_tokens), fills);
    const double by_blocks = alone(questions_[i], lm::ScoreBy::blocks);
    const double by_logits = alone(questions_[i], lm::ScoreBy::logits);
    EXPECT_EQ(expected[i], fills ? by_blocks : by_logits) << i;
    const double apart_here = std::abs(by_blocks - by_logits);
    EXPECT_LE(apart_here, 0.05 * static_cast<double>(tokens)) << i;
    apart = std::max(apart, apart_here);
  }
  EXPECT_GT(apart, 0) << "the two ways are told apart";
  EXPECT_EQ(answers(all, 0), expected) << "one lane";
  EXPECT_EQ(answers(all, 3 * model_->new_sequence()->size_bytes()), expected) << "few lanes";
  std::shuffle(all.begin(), all.end(), std::mt19937(3));
  EXPECT_EQ(answers(all, kMuch), expected) << "shuffled";
  std::vector<double> found(questions_.size());
  for (const uint32_t one : all) found[one] = answers(std::span(&one, 1), kMuch)[one];
  EXPECT_EQ(found, expected) << "each alone";
}

INSTANTIATE_TEST_SUITE_P(Numerics, BlockScores,
                         testing::Values(runtime::Numerics::fp16, runtime::Numerics::fp32),
                         [](const auto& numerics) {
                           return std::string(runtime::to_string(numerics.param));
                         });

}  // namespace
}  // namespace anemone::eval
