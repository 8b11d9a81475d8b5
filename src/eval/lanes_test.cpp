// Several lanes through one tree: the answers and the tokens are those of one.

#include <gmock/gmock.h>

#include <numeric>
#include <random>

#include "eval/engine.h"
#include "eval/number_codec.h"
#include "eval/scripted_model.h"
#include "eval/tree_walk.h"

namespace anemone::eval {
namespace {

constexpr int64_t kVocabulary = 32;
constexpr uint64_t kMuch = uint64_t{1} << 30;

ScriptedModel model_of(int64_t lanes) {
  ScriptedModel model(kVocabulary, 64, 4, [](std::span<const int32_t> tokens) {
    return mixed_logits(tokens, kVocabulary, 5);
  });
  model.lanes = lanes;
  return model;
}

/// Over two tokens, so that they share beginnings of all kinds; every seventh is generated.
std::vector<Question> random_questions(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  const auto tokens = [&](size_t least, size_t most) {
    Tokens list(least + random() % (most - least + 1));
    for (int32_t& token : list) token = static_cast<int32_t>(2 + random() % 2);
    return list;
  };
  const auto generation = std::make_shared<const GenerationOptions>(GenerationOptions{{}, 3});
  std::vector<Question> questions(count);
  for (size_t i = 0; i < count; ++i) {
    questions[i].tokens = {std::make_shared<const Tokens>(tokens(1, 9)), 0, tokens(1, 6)};
    if (i % 7 == 6) {
      questions[i].tokens.continuation.clear();
      questions[i].generation = generation;
    }
  }
  return questions;
}

struct Outcome {
  std::vector<std::string> answers;
  uint64_t tokens_run = 0;
};

Outcome run(ScriptedModel& model, const std::vector<Question>& questions, uint64_t budget = kMuch,
            size_t most_logits = Engine::kMostLogits) {
  auto engine = Engine::create(model, number_codec(), budget, most_logits);
  Outcome outcome;
  outcome.answers.resize(questions.size());
  std::vector<uint32_t> all(questions.size());
  std::iota(all.begin(), all.end(), 0u);
  uint64_t told = 0;
  uint64_t last = 0;
  const Status status = engine->run(
      questions, all,
      [&](size_t index, Response&& response) -> Status {
        EXPECT_EQ(outcome.answers[index], "") << "answered once";
        outcome.answers[index] =
            response.error ? response.error->message
                           : testing::PrintToString(response.log_likelihood) + " " + response.text;
        told += response.tokens_run;
        return {};
      },
      [&](uint64_t done, uint64_t total) {
        EXPECT_GE(done, last);
        EXPECT_LE(done, total);
        last = done;
        return true;
      });
  EXPECT_TRUE(status.ok());
  outcome.tokens_run = engine->tokens_run();
  if (model.failing_token < 0) {
    EXPECT_EQ(told, outcome.tokens_run);
  }
  return outcome;
}

TEST(Lanes, S0_36_S0_37_EachTokenRunsOnceAndScoresAsInOneLane) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const auto questions = random_questions(seed, 80);
    auto one = model_of(1);
    const Outcome expected = run(one, questions);
    EXPECT_EQ(one.sequences, 1);
    for (const int lanes : {2, 3, 16}) {
      auto model = model_of(lanes);
      const Outcome outcome = run(model, questions);
      EXPECT_EQ(outcome.answers, expected.answers) << lanes << " lanes, seed " << seed;
      EXPECT_EQ(outcome.tokens_run, expected.tokens_run) << lanes << " lanes, seed " << seed;
      EXPECT_EQ(model.sequences, lanes);
    }
  }
}

/// Pieces of different lengths go together, and are cut where all rows of them would be too many.
TEST(Lanes, S0_36_S0_37_PositionsOfALaneGoTogetherAsFarAsTheirRowsAreHeld) {
  size_t most_rows = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    auto questions = random_questions(seed, 80);
    std::mt19937 random(seed);
    for (Question& question : questions)  // ends of their own
      for (int i = 0; i < 12 && !question.generates(); ++i)
        question.tokens.continuation.push_back(static_cast<int32_t>(2 + random() % 30));
    auto one = model_of(1);
    const Outcome expected = run(one, questions);
    for (const size_t most_logits : {size_t{1}, Engine::kMostLogits}) {
      auto model = model_of(32);
      model.joins = true;
      model.mutable_info().prefill_block_tokens = 0;
      const Outcome outcome = run(model, questions, kMuch, most_logits);
      EXPECT_EQ(outcome.answers, expected.answers) << most_logits << ", seed " << seed;
      EXPECT_EQ(outcome.tokens_run, expected.tokens_run) << most_logits << ", seed " << seed;
      if (most_logits > 1)
        most_rows = std::max(most_rows, model.most_rows);
      else
        EXPECT_LE(model.most_rows, TreeWalk::kMostRows) << seed;
    }
  }
  EXPECT_GT(most_rows, TreeWalk::kMostRows) << "nothing was cut";
}

TEST(Lanes, StatesStayWithinTheBudget) {
  const auto questions = random_questions(3, 80);
  auto one = model_of(1);
  const Outcome expected = run(one, questions);
  for (const uint64_t states : {0u, 1u, 2u, 5u}) {
    auto model = model_of(16);
    const Outcome outcome = run(model, questions, states * ScriptedModel::kStateBytes);
    EXPECT_EQ(outcome.answers, expected.answers);
    EXPECT_EQ(model.sequences, static_cast<int>(states) + 1);
  }
}

TEST(Lanes, ThatCannotGoBackHelpFromCopies) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    const auto questions = random_questions(seed, 80);
    auto one = model_of(1);
    const Outcome expected = run(one, questions);
    for (const uint64_t states : {0u, 3u, 9u, 40u, 1000u}) {
      const uint64_t budget = states * ScriptedModel::kStateBytes;
      auto model = model_of(8);
      model.rollback_limit = 5;
      const Outcome outcome = run(model, questions, budget);
      EXPECT_EQ(outcome.answers, expected.answers) << states << " states, seed " << seed;
      EXPECT_GE(outcome.tokens_run, expected.tokens_run);
      if (states == 1000) {
        EXPECT_EQ(outcome.tokens_run, expected.tokens_run) << seed;
      }
      // The sequence that must be there may be a copy itself.
      EXPECT_LE(model.most_copied_bytes, budget + ScriptedModel::kStateBytes);
    }
  }
}

TEST(Lanes, AnErrorConcernsOnlyTheQuestionsOfItsTokens) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    auto questions = random_questions(seed, 80);
    for (size_t i = 0; i < questions.size(); i += 5)
      if (!questions[i].generates()) questions[i].tokens.continuation[0] = 9;
    auto one = model_of(1);
    auto many = model_of(16);
    one.failing_token = many.failing_token = 9;
    const Outcome expected = run(one, questions);
    EXPECT_THAT(expected.answers, testing::Contains("token 9 fails"));
    EXPECT_EQ(run(many, questions).answers, expected.answers) << seed;
  }
}

TEST(Lanes, AStopIsHeardBetweenTheTokensOfAWay) {
  const auto questions = random_questions(1, 80);
  std::vector<uint32_t> all(questions.size());
  std::iota(all.begin(), all.end(), 0u);
  auto model = model_of(4);
  auto engine = Engine::create(model, number_codec());
  int left = 6;
  const Status status = engine->run(
      questions, all, [](size_t, Response&&) -> Status { return {}; },
      [&](uint64_t, uint64_t) { return --left > 0; });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::interrupted);
  EXPECT_GT(engine->tokens_run(), 0u);
}

TEST(Lanes, S0_37_ContinuationsThatFillABlockAreScoredByBlocksAndShareContexts) {
  constexpr int64_t kBlock = 4;
  std::vector<Question> questions = random_questions(2, 40);
  const auto long_context = std::make_shared<const Tokens>(20, 2);
  for (const int32_t last : {2, 3, 4, 3}) {
    Question& question = questions.emplace_back();
    question.tokens = {long_context, 0, Tokens(6, last)};
  }
  auto without = model_of(1);
  const Outcome expected = run(without, questions);
  for (const int lanes : {1, 16}) {
    auto model = model_of(lanes);
    model.mutable_info().score_block_tokens = kBlock;
    EXPECT_EQ(run(model, questions).answers, expected.answers);
    size_t most = 0;
    for (const auto& [before, tokens] : model.blocks_scored) {
      EXPECT_GE(tokens, static_cast<size_t>(kBlock));
      most = std::max(most, before);
    }
    EXPECT_EQ(most, 19u) << "the last token of a context gives the first score";
    size_t contexts = 0;
    for (const auto& [before, tokens] : model.calls) contexts += before == 0 && tokens == 19;
    EXPECT_LE(contexts, 1u);
    const auto fill = std::ranges::count_if(questions, [](const Question& question) {
      return std::ssize(question.continuation()) >= kBlock;
    });
    EXPECT_LE(std::ssize(model.blocks_scored), fill - 1) << "the same question is scored once";
  }
}

}  // namespace
}  // namespace anemone::eval
