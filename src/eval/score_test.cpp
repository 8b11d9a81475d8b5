#include "anemone/score.h"

#include <gmock/gmock.h>

#include "eval/scripted_model.h"

namespace anemone::eval {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kVocabulary = 16;

ScriptedModel model_of(int64_t context) {
  return ScriptedModel(kVocabulary, context, 4, [](std::span<const int32_t> tokens) {
    return mixed_logits(tokens, kVocabulary, 3);
  });
}

std::vector<ScoreRequest> some_requests() {
  return {{{1, 2, 3, 4, 5}, {6, 7}}, {{1, 2, 3, 4, 5}, {8}}, {{9}, {1, 2, 3, 4, 5, 6}}};
}

Result<std::vector<ContinuationScore>> score(std::span<const ScoreRequest> requests) {
  auto model = model_of(8);
  return score_continuations(model, requests, {});
}

TEST(ScoreContinuations, AreSumsOverTheContinuationsTokens) {
  const auto requests = some_requests();
  const auto scores = score(requests);
  ASSERT_TRUE(scores.ok());
  ASSERT_EQ(scores->size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<int32_t> tokens = requests[i].context;
    double sum = 0;
    bool greedy = true;
    for (const int32_t token : requests[i].continuation) {
      const auto part = lm::score_token(mixed_logits(tokens, kVocabulary, 3), token);
      ASSERT_TRUE(part.ok());
      sum += part->log_probability;
      greedy = greedy && part->greedy;
      tokens.push_back(token);
    }
    EXPECT_DOUBLE_EQ((*scores)[i].log_likelihood, sum);
    EXPECT_EQ((*scores)[i].greedy, greedy);
  }
}

TEST(ScoreContinuations, S1_11_OrderChangesNoScore) {
  auto requests = some_requests();
  const auto scores = score(requests);
  ASSERT_TRUE(scores.ok());
  std::reverse(requests.begin(), requests.end());
  const auto reversed = score(requests);
  ASSERT_TRUE(reversed.ok());
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ((*scores)[i].log_likelihood, (*reversed)[requests.size() - 1 - i].log_likelihood);
}

TEST(ScoreContinuations, FaultsNameTheRequest) {
  struct Case {
    ScoreRequest request;
    ErrorCode code;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{{}, {1}}, ErrorCode::invalid_argument, "request 1: the context is empty"},
      {{{1}, {}}, ErrorCode::invalid_argument, "request 1: the continuation is empty"},
      {{{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}},
       ErrorCode::out_of_range,
       "request 1: 9 tokens to feed, the model's context holds 8"},
      {{{1}, {16}},
       ErrorCode::out_of_range,
       "request 1: target 16 of token 0 is outside the vocabulary of 16"},
  };
  for (const Case& item : cases) {
    const std::vector<ScoreRequest> requests = {{{1}, {2}}, item.request};
    const auto scores = score(requests);
    ASSERT_FALSE(scores.ok());
    EXPECT_EQ(scores.error().code, item.code);
    EXPECT_THAT(scores.error().to_string(), HasSubstr(item.message));
  }
}

TEST(ScoreContinuations, CanBeStopped) {
  auto model = model_of(8);
  const auto requests = some_requests();
  const auto scores = score_continuations(
      model, requests, [](const Progress& progress) { return progress.done == 0; });
  ASSERT_FALSE(scores.ok());
  EXPECT_EQ(scores.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace anemone::eval
