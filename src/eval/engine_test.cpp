#include "eval/engine.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "eval/generation.h"
#include "eval/questionnaire.h"
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

/// What came of some requests, one document.
struct Outcome {
  std::vector<Response> responses;
  TokenCounts counts;
  uint64_t run = 0;
};

Outcome ask(ScriptedModel& model, OutputType type, std::vector<Request> requests,
            const Codec& codec = byte_codec(), uint64_t budget = Engine::kDefaultBudgetBytes) {
  const std::vector<DocumentRequests> documents = {{0, std::move(requests), {}}};
  Questionnaire questionnaire(codec, model.info().context_length);
  EXPECT_TRUE(questionnaire.add_task(type, documents).ok());
  auto engine = Engine::create(model, codec, budget);
  EXPECT_TRUE(engine.ok());
  std::vector<Response> answers(questionnaire.questions().size());
  std::vector<uint32_t> all(answers.size());
  std::iota(all.begin(), all.end(), 0u);
  std::vector<int> times(answers.size());
  const auto status =
      engine->run(questionnaire.questions(), all, [&](size_t index, Response&& response) -> Status {
        answers[index] = std::move(response);
        ++times[index];
        return {};
      });
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  EXPECT_EQ(times, std::vector<int>(answers.size(), 1));
  return {std::move(questionnaire.responses(0, answers)[0]), questionnaire.counts(0),
          engine->tokens_run()};
}

EncodeContext plainly(const Codec& codec) {
  return [&codec](std::string_view text) -> Result<std::shared_ptr<const Tokens>> {
    ANEMONE_TRY(Tokens tokens, encode_text(codec, text));
    return std::make_shared<const Tokens>(std::move(tokens));
  };
}

/// Distinct beginnings of the inputs: what the tree must run.
size_t distinct_prefixes(const std::vector<Request>& requests) {
  std::set<std::string> prefixes;
  for (const Request& request : requests) {
    const std::string whole = request.context + request.continuation;
    for (size_t n = 1; n < whole.size(); ++n) prefixes.insert(whole.substr(0, n));
  }
  return prefixes.size();
}

/// Texts over a small alphabet, so that they share beginnings of all kinds.
std::vector<Request> random_requests(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  const auto text = [&](size_t least, size_t most) {
    std::string out(least + random() % (most - least + 1), 'a');
    for (char& c : out) c = static_cast<char>('a' + random() % 2);
    return out;
  };
  std::vector<Request> requests;
  for (size_t i = 0; i < count; ++i) requests.push_back({text(1, 9), text(1, 6), {}});
  return requests;
}

TEST(Engine, S0_37_ChoicesShareTheirContext) {
  auto model = model_of(64, 4);
  const std::vector<Request> requests = {
      {"question", " yes", {}}, {"question", " no", {}}, {"question", "x", {}}};
  const auto outcome = ask(model, OutputType::multiple_choice, requests);
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_NEAR(outcome.responses.at(i).log_likelihood,
                brute_force(requests[i].context, requests[i].continuation), 1e-9);
  // The context up to its last token, then what each choice adds; a choice of one token adds
  // nothing.
  EXPECT_THAT(model.calls, ElementsAre(Pair(0, 7), Pair(7, 4), Pair(9, 1)));
  EXPECT_EQ(outcome.run, 12u);
  EXPECT_EQ(outcome.counts.alone, 11u + 10u + 8u);
  EXPECT_EQ(outcome.counts.logits_cache, 29u);
  EXPECT_EQ(model.sequences, 1);
}

TEST(Engine, S0_36_EachDistinctTokenRunsOnceAndScoresAsAlone) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    const auto requests = random_requests(seed, 60);
    auto model = model_of(64, 4);
    const auto outcome = ask(model, OutputType::loglikelihood, requests);
    EXPECT_EQ(outcome.run, distinct_prefixes(requests)) << seed;
    for (size_t i = 0; i < requests.size(); ++i) {
      auto fresh = model_of(64, 4);
      const auto alone = ask(fresh, OutputType::loglikelihood, {requests[i]});
      EXPECT_EQ(outcome.responses.at(i).log_likelihood, alone.responses.at(0).log_likelihood);
      EXPECT_EQ(outcome.responses.at(i).greedy, alone.responses.at(0).greedy);
      EXPECT_NEAR(alone.responses.at(0).log_likelihood,
                  brute_force(requests[i].context, requests[i].continuation), 1e-9);
    }
  }
}

TEST(Engine, CopiesStandInWhereTheModelCannotGoBack) {
  constexpr uint64_t kMuch = uint64_t{1} << 30;
  for (const uint64_t budget : {uint64_t{0}, 2 * ScriptedModel::kStateBytes, kMuch}) {
    for (uint32_t seed = 1; seed <= 10; ++seed) {
      const auto requests = random_requests(seed, 60);
      auto straight = model_of(64, 4);
      const auto expected = ask(straight, OutputType::loglikelihood, requests);
      auto model = model_of(64, 4);
      model.rollback_limit = 5;
      const auto outcome = ask(model, OutputType::loglikelihood, requests, byte_codec(), budget);
      for (size_t i = 0; i < requests.size(); ++i)
        EXPECT_EQ(outcome.responses.at(i).log_likelihood, expected.responses.at(i).log_likelihood);
      if (budget == kMuch)
        EXPECT_EQ(outcome.run, expected.run) << seed;
      else
        EXPECT_GT(outcome.run, expected.run) << seed;
      // The sequence that runs may be a copy itself.
      EXPECT_LE(model.most_copied_bytes, budget == 0 ? 0 : budget + ScriptedModel::kStateBytes);
    }
  }
}

TEST(Engine, MovesWhiteSpaceAndUsesThePrefixToken) {
  const Codec codec = byte_codec();
  const auto moved = encode_pair(codec, plainly(codec), "ab \n", "c");
  EXPECT_EQ(*moved->text, Tokens({'a', 'b'}));
  EXPECT_EQ(moved->continuation, Tokens({' ', '\n', 'c'}));
  const auto empty = encode_pair(codec, plainly(codec), "", "ab");
  EXPECT_EQ(*empty->text, Tokens({1}));
  const auto doubled = encode_pair(codec, plainly(codec), "",
                                   "\x01"
                                   "ab");
  EXPECT_EQ(*doubled->text, Tokens({1}));
  EXPECT_EQ(doubled->continuation, Tokens({'a', 'b'}));
  EXPECT_EQ(encode_pair(codec, plainly(codec), " \n", "a").error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(encode_pair(codec, plainly(codec), "a", "").error().code, ErrorCode::invalid_argument);
}

TEST(Engine, TruncatesOnTheLeftAndCounts) {
  auto model = model_of(8, 1);
  const auto outcome =
      ask(model, OutputType::loglikelihood,
          {{"0123456789", "ab", {}}, {"012345", "abc", {}}, {"a", "012345678", {}}});
  const auto& responses = outcome.responses;
  // 8 inputs and the last label make 9 tokens.
  EXPECT_NEAR(responses.at(0).log_likelihood, brute_force("3456789", "ab"), 1e-9);
  EXPECT_NEAR(responses.at(1).log_likelihood, brute_force("012345", "abc"), 1e-9);
  EXPECT_EQ(outcome.counts.truncated, 1u);
  ASSERT_TRUE(responses.at(2).error);
  EXPECT_THAT(responses.at(2).error->message, HasSubstr("a continuation of 9 tokens"));
}

TEST(Engine, S0_11_RollingWindowsScoreEachTokenOnce) {
  auto model = model_of(8, 4);
  const std::string text = "0123456789abcdefghi";
  const auto outcome =
      ask(model, OutputType::loglikelihood_rolling, {{text, "", {}}, {"", "", {}}});
  const double expected = brute_force("\x01", text.substr(0, 8)) +
                          brute_force(text.substr(7, 1), text.substr(8, 8)) +
                          brute_force(text.substr(10, 6), text.substr(16));
  EXPECT_NEAR(outcome.responses.at(0).log_likelihood, expected, 1e-9);
  EXPECT_EQ(outcome.run, 8u + 8u + 8u);
  EXPECT_TRUE(outcome.responses.at(1).no_tokens);
  EXPECT_EQ(outcome.responses.at(1).log_likelihood, 0);
}

TEST(Engine, OneFailingRequestLeavesTheOthers) {
  auto model = model_of(64, 4);
  model.failing_token = 'X';
  const std::vector<Request> requests = {{"abX", "cd", {}}, {"ab", "Xd", {}}, {"ab", "cd", {}},
                                         {"ab", "X", {}},   {"ab", "ce", {}}, {"a", "b", {}},
                                         {"X", "y", {}},    {"XX", "y", {}}};
  const auto outcome = ask(model, OutputType::loglikelihood, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string inputs = requests[i].context + requests[i].continuation;
    const bool fails = inputs.find('X') < inputs.size() - 1;
    ASSERT_EQ(outcome.responses.at(i).error.has_value(), fails) << i;
    if (fails)
      EXPECT_EQ(outcome.responses.at(i).error->message, "token 88 fails");
    else
      EXPECT_NEAR(outcome.responses.at(i).log_likelihood,
                  brute_force(requests[i].context, requests[i].continuation), 1e-9);
  }
}

TEST(Engine, NaNLogitsAreAFailureAndNoScore) {
  ScriptedModel model(kVocabulary, 64, 4, [](std::span<const int32_t> tokens) {
    auto logits = mixed_logits(tokens, kVocabulary, 7);
    if (tokens.size() == 3) logits[5] = std::numeric_limits<float>::quiet_NaN();
    return logits;
  });
  const auto outcome = ask(model, OutputType::loglikelihood, {{"ab", "cd", {}}, {"ab", "c", {}}});
  EXPECT_EQ(outcome.responses.at(0).error->message, "the model's logit of token 5 is not a number");
  EXPECT_FALSE(outcome.responses.at(1).error);
}

TEST(Engine, RefusesModelsWithoutLogits) {
  auto model = model_of(64, 4);
  model.mutable_info().gives_logits = false;
  const auto engine = Engine::create(model, byte_codec());
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().code, ErrorCode::unsupported);
  EXPECT_EQ(input_limit(64, 65).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(*input_limit(64, 0), 64);
}

TEST(Engine, AStopIsAnErrorAndTheCallersErrorToo) {
  const std::vector<DocumentRequests> documents = {{0, random_requests(1, 9), {}}};
  const Codec codec = byte_codec();
  Questionnaire questionnaire(codec, 64);
  ASSERT_TRUE(questionnaire.add_task(OutputType::loglikelihood, documents).ok());
  const std::vector<uint32_t> some = {1, 4};
  auto model = model_of(64, 4);
  auto engine = Engine::create(model, codec);
  uint64_t last = 0;
  std::vector<size_t> answered;
  const auto take = [&](size_t index, Response&&) -> Status {
    answered.push_back(index);
    return {};
  };
  const auto told = [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done;
    return true;
  };
  ASSERT_TRUE(engine->run(questionnaire.questions(), some, take, told).ok());
  EXPECT_THAT(answered, testing::UnorderedElementsAre(1, 4));
  EXPECT_EQ(last, engine->tokens_run());
  const auto stopped =
      engine->run(questionnaire.questions(), some, take, [](uint64_t, uint64_t) { return false; });
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
  const auto refused = engine->run(questionnaire.questions(), some, [](size_t, Response&&) {
    return Status(Error{ErrorCode::io, "the disk is full", {}, {}});
  });
  EXPECT_EQ(refused.error().message, "the disk is full");
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

std::string generated(ScriptedModel& model, const Value& kwargs,
                      const Codec& codec = byte_codec()) {
  const auto outcome = ask(model, OutputType::generate_until, {{"abc", "", kwargs}}, codec);
  const Response& response = outcome.responses.at(0);
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

TEST(Generation, StartsAtTheEndOfASharedPrompt) {
  auto model = saying("one", 3);
  const Value line = {{"until", {"\n"}}};
  const auto outcome = ask(
      model, OutputType::generate_until,
      {{"abc", "", line}, {"abd", "", line}, {"abc", "", line}, {"abc", "", {{"until", {"n"}}}}});
  EXPECT_EQ(outcome.responses.at(0).text, "one");
  EXPECT_EQ(outcome.responses.at(1).text, "one");
  EXPECT_EQ(outcome.responses.at(2).text, "one");
  EXPECT_EQ(outcome.responses.at(3).text, "o");
  EXPECT_EQ(outcome.responses.at(0).generated_tokens, 3u);
  // "abc" and "d"; three tokens behind each of them, and one more until the "n".
  EXPECT_EQ(outcome.run, 4u + 3u + 3u + 1u);
  EXPECT_EQ(outcome.counts.alone, 12u);
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
  EXPECT_EQ(generated(model, {{"until", {"\n"}}}, codec), "hello");
}

}  // namespace
}  // namespace anemone::eval
