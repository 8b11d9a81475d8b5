#include "eval/scorer.h"

#include <gmock/gmock.h>

#include <cmath>

#include "eval/generation.h"
#include "eval/scripted_model.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int64_t kVocabulary = 128;

/// One token a byte; byte 1 is EOS.
Codec byte_codec() {
  Codec codec;
  codec.encode = [](std::string_view text, bool) -> Result<Tokens> {
    return Tokens(text.begin(), text.end());
  };
  codec.decode = [](std::span<const int32_t> tokens, bool skip_special) -> Result<std::string> {
    std::string text;
    for (const int32_t token : tokens)
      if (!skip_special || token != 1) text.push_back(static_cast<char>(token));
    return text;
  };
  codec.prefix_token = 1;
  codec.prefix_text = "\x01";
  codec.end_text = "\x01";
  codec.stop_ids = {1};
  return codec;
}

ScriptedModel model_of(int64_t context, int64_t block, uint64_t seed = 7) {
  return ScriptedModel(kVocabulary, context, block, [seed](std::span<const int32_t> tokens) {
    return mixed_logits(tokens, kVocabulary, seed);
  });
}

/// The score from its definition, all at once.
double brute_force(const std::string& context, const std::string& continuation, uint64_t seed = 7) {
  std::vector<int32_t> tokens(context.begin(), context.end());
  double sum = 0;
  for (const char c : continuation) {
    const auto logits = mixed_logits(tokens, kVocabulary, seed);
    double total = 0;
    for (const float logit : logits) total += std::exp(static_cast<double>(logit));
    sum += logits[static_cast<size_t>(c)] - std::log(total);
    tokens.push_back(c);
  }
  return sum;
}

TEST(Scorer, S0_37_ChoicesShareTheirContext) {
  auto model = model_of(64, 4);
  auto scorer = Scorer::create(model, byte_codec(), 0);
  ASSERT_TRUE(scorer.ok());
  const std::vector<Request> requests = {
      {"question", " yes", {}}, {"question", " no", {}}, {"question", "x", {}}};
  const auto responses = scorer->run(OutputType::multiple_choice, requests);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_NEAR(responses.at(i).log_likelihood,
                brute_force(requests[i].context, requests[i].continuation), 1e-9);
  // Two blocks of the context, then what each choice adds; a choice of one token adds nothing.
  EXPECT_THAT(model.calls, ElementsAre(Pair(0, 4), Pair(4, 4), Pair(8, 3), Pair(8, 2)));
  EXPECT_EQ(scorer->counts().run, 13u);
  EXPECT_EQ(scorer->counts().alone, 11u + 10u + 8u);
  EXPECT_EQ(scorer->counts().logits_cache, 29u);
  EXPECT_EQ(model.sequences, 1);
}

TEST(Scorer, S0_36_ScoresDoNotDependOnWhatRanBefore) {
  const std::vector<Request> requests = {{"aaaabbbbcc", "dd", {}}, {"aaaabbbbcc", "d", {}},
                                         {"aaaabbxxcc", "dd", {}}, {"aaaa", "bbbbccdd", {}},
                                         {"", "aaaab", {}},        {"aaaabbbbccdd  ", "e", {}}};
  std::vector<double> alone;
  for (const Request& request : requests) {
    auto model = model_of(64, 4);
    auto scorer = Scorer::create(model, byte_codec(), 0);
    const auto responses = scorer->run(OutputType::loglikelihood, std::span(&request, 1));
    ASSERT_FALSE(responses.at(0).error);
    alone.push_back(responses.at(0).log_likelihood);
  }
  auto model = model_of(64, 4);
  auto scorer = Scorer::create(model, byte_codec(), 0);
  for (int round = 0; round < 2; ++round) {
    const auto together = scorer->run(OutputType::loglikelihood, requests);
    for (size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(together.at(i).log_likelihood, alone[i]) << i;
  }
}

TEST(Scorer, PiecesDependOnTheRequestAlone) {
  // The same request after a longer one and after a shorter one is cut alike.
  const Request request = {"aaaabbbbcc", "ddddd", {}};
  for (const char* before : {"aaaabbbbccddddd", "aaaab", "zzzz"}) {
    auto model = model_of(64, 4);
    auto scorer = Scorer::create(model, byte_codec(), 0);
    const Request first = {before, "x", {}};
    ASSERT_FALSE(scorer->run(OutputType::loglikelihood, std::span(&first, 1)).at(0).error);
    model.calls.clear();
    ASSERT_FALSE(scorer->run(OutputType::loglikelihood, std::span(&request, 1)).at(0).error);
    for (const auto& [begin, count] : model.calls)
      EXPECT_TRUE(begin % 4 == 0 || begin == 10) << before << ": " << begin << "+" << count;
    EXPECT_THAT(model.calls.back(), Pair(12, 2));
  }
}

TEST(Scorer, MovesWhiteSpaceAndUsesThePrefixToken) {
  const Codec codec = byte_codec();
  const auto moved = encode_pair(codec, "ab \n", "c");
  EXPECT_EQ(moved->context, Tokens({'a', 'b'}));
  EXPECT_EQ(moved->continuation, Tokens({' ', '\n', 'c'}));
  const auto empty = encode_pair(codec, "", "ab");
  EXPECT_EQ(empty->context, Tokens({1}));
  const auto doubled = encode_pair(codec, "",
                                   "\x01"
                                   "ab");
  EXPECT_EQ(doubled->context, Tokens({1}));
  EXPECT_EQ(doubled->continuation, Tokens({'a', 'b'}));
  EXPECT_EQ(encode_pair(codec, " \n", "a").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(encode_pair(codec, "a", "").error().code, ErrorCode::invalid_argument);
}

TEST(Scorer, TruncatesOnTheLeftAndCounts) {
  auto model = model_of(8, 1);
  auto scorer = Scorer::create(model, byte_codec(), 0);
  const std::vector<Request> requests = {{"0123456789", "ab", {}}, {"012345", "abc", {}}};
  const auto responses = scorer->run(OutputType::loglikelihood, requests);
  // 8 inputs and the last label make 9 tokens.
  EXPECT_NEAR(responses.at(0).log_likelihood, brute_force("3456789", "ab"), 1e-9);
  EXPECT_NEAR(responses.at(1).log_likelihood, brute_force("012345", "abc"), 1e-9);
  EXPECT_EQ(scorer->counts().truncated, 1u);
  const Request long_continuation = {"a", "012345678", {}};
  const auto failed = scorer->run(OutputType::loglikelihood, std::span(&long_continuation, 1));
  ASSERT_TRUE(failed.at(0).error);
  EXPECT_THAT(failed.at(0).error->message, HasSubstr("a continuation of 9 tokens"));
}

TEST(Scorer, S0_11_RollingWindowsScoreEachTokenOnce) {
  auto model = model_of(8, 4);
  auto scorer = Scorer::create(model, byte_codec(), 0);
  const std::string text = "0123456789abcdefghi";
  const auto sum = scorer->score_rolling(text, 8);
  ASSERT_TRUE(sum.ok());
  const double expected = brute_force("\x01", text.substr(0, 8)) +
                          brute_force(text.substr(7, 1), text.substr(8, 8)) +
                          brute_force(text.substr(10, 6), text.substr(16));
  EXPECT_NEAR(sum->log_likelihood, expected, 1e-9);
  const auto strided = scorer->score_rolling(text, 3);
  double by_stride = brute_force("\x01", text.substr(0, 8));
  for (size_t at = 8; at < text.size(); at += 3) {
    const size_t end = std::min(at + 3, text.size());
    by_stride += brute_force(text.substr(end - 9, at - (end - 9)), text.substr(at, end - at));
  }
  EXPECT_NEAR(strided->log_likelihood, by_stride, 1e-9);
  const auto empty = scorer->score_rolling("", 8);
  EXPECT_TRUE(empty->no_tokens);
  EXPECT_EQ(empty->log_likelihood, 0);
}

TEST(Scorer, OneFailingRequestLeavesTheOthers) {
  auto model = model_of(64, 4);
  model.failing_token = 'X';
  auto scorer = Scorer::create(model, byte_codec(), 0);
  const std::vector<Request> requests = {{"ab", "cd", {}}, {"aX", "cd", {}}, {"ab", "ce", {}}};
  const auto responses = scorer->run(OutputType::loglikelihood, requests);
  EXPECT_FALSE(responses.at(0).error);
  ASSERT_TRUE(responses.at(1).error);
  EXPECT_EQ(responses.at(1).error->message, "token 88 fails");
  ASSERT_FALSE(responses.at(2).error);
  EXPECT_NEAR(responses.at(2).log_likelihood, brute_force("ab", "ce"), 1e-9);
}

TEST(Scorer, NaNLogitsAreAFailureAndNoScore) {
  ScriptedModel model(kVocabulary, 64, 4, [](std::span<const int32_t> tokens) {
    auto logits = mixed_logits(tokens, kVocabulary, 7);
    if (tokens.size() == 3) logits[5] = std::numeric_limits<float>::quiet_NaN();
    return logits;
  });
  auto scorer = Scorer::create(model, byte_codec(), 0);
  const std::vector<Request> requests = {{"ab", "cd", {}}, {"ab", "c", {}}};
  const auto responses = scorer->run(OutputType::loglikelihood, requests);
  EXPECT_EQ(responses.at(0).error->message, "the model's logit of token 5 is not a number");
  EXPECT_FALSE(responses.at(1).error);
}

TEST(Scorer, RefusesModelsWithoutLogits) {
  auto model = model_of(64, 4);
  model.mutable_info().gives_logits = false;
  const auto scorer = Scorer::create(model, byte_codec(), 0);
  ASSERT_FALSE(scorer.ok());
  EXPECT_EQ(scorer.error().code, ErrorCode::unsupported);
  auto other = model_of(64, 4);
  EXPECT_EQ(Scorer::create(other, byte_codec(), 65).error().code, ErrorCode::out_of_range);
}

/// A model that says `answer` after a prompt of `prompt` tokens, then EOS for ever.
ScriptedModel saying(std::string answer, size_t prompt) {
  return ScriptedModel(kVocabulary, 512, 4, [answer, prompt](std::span<const int32_t> tokens) {
    std::vector<float> logits(kVocabulary, 0.0f);
    const size_t at = tokens.size() - prompt;
    logits[at < answer.size() ? static_cast<size_t>(answer[at]) : 1] = 9.0f;
    return logits;
  });
}

std::string generated(ScriptedModel& model, const Value& kwargs, const char* prompt = "abc") {
  auto scorer = Scorer::create(model, byte_codec(), 0);
  const Request request = {prompt, "", kwargs};
  const auto responses = scorer->run(OutputType::generate_until, std::span(&request, 1));
  const Response& response = responses.at(0);
  return response.error ? "error: " + response.error->to_string() : response.text;
}

TEST(Generation, EndsAtEosStopStringsAndTheLimit) {
  auto model = saying("hello. world\nmore", 3);
  EXPECT_EQ(generated(model, {{"until", {"\n"}}}), "hello. world");
  EXPECT_EQ(generated(model, {{"until", "."}}), "hello");
  EXPECT_EQ(generated(model, {{"until", {"zz"}}}), "hello. world\nmore");
  EXPECT_EQ(generated(model, {{"until", {"\n"}}, {"max_gen_toks", 4}}), "hell");
  // Cut at each stop string in turn, even one that did not end the generation first.
  EXPECT_EQ(generated(model, {{"until", {"wor", "lo"}}}), "hel");
}

TEST(Generation, SharesNothingWrongBetweenRequests) {
  auto model = saying("one", 3);
  auto scorer = Scorer::create(model, byte_codec(), 0);
  const std::vector<Request> requests = {{"abc", "", {{"until", {"\n"}}}},
                                         {"abc", "", {{"until", {"\n"}}}}};
  const auto responses = scorer->run(OutputType::generate_until, requests);
  EXPECT_EQ(responses.at(0).text, "one");
  EXPECT_EQ(responses.at(1).text, "one");
}

TEST(Generation, RefusesWhatIsNotGreedy) {
  EXPECT_EQ(parse_generation({{"do_sample", true}}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(parse_generation({{"temperature", 0.7}}).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(parse_generation({{"temperature", 0.7}, {"do_sample", false}}).ok());
  EXPECT_THAT(parse_generation({{"num_beams", 4}}).error().message, HasSubstr("'num_beams'"));
  EXPECT_EQ(parse_generation({{"max_new_tokens", 5}, {"max_gen_toks", 7}})->most_tokens, 7);
  EXPECT_EQ(parse_generation(Value())->most_tokens, 256);
  auto model = saying("x", 3);
  EXPECT_THAT(generated(model, {{"max_gen_toks", 512}}),
              HasSubstr("512 generated tokens do not fit in a context of 512"));
}

TEST(Generation, WithoutAnEndTextDoesNotStopAtOnce) {
  auto model = saying("hello\nmore", 3);
  Codec codec = byte_codec();
  codec.end_text.clear();
  codec.stop_ids.clear();
  auto scorer = Scorer::create(model, codec, 0);
  const Request request = {"abc", "", {{"until", {"\n"}}}};
  EXPECT_EQ(scorer->run(OutputType::generate_until, std::span(&request, 1)).at(0).text, "hello");
}

}  // namespace
}  // namespace anemone::eval
