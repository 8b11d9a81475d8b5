// The same questions in ten shapes of a run: the answers are the same bits.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "eval/engine.h"
#include "eval/number_codec.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* model;  ///< below the repository, else below shared.
  runtime::Numerics numerics;
};

fs::path find(const char* model) {
  const fs::path own = test::source_folder() / model;
  return fs::exists(own) ? own : test::shared_folder() / model;
}

/// Questions whose contexts are a trunk and some tokens more, two continuations each, and some that
/// are generated.
std::vector<Question> random_questions(size_t vocabulary, size_t context) {
  std::mt19937 random(11);
  const auto tokens = [&](size_t count) {
    Tokens list(count);
    for (int32_t& token : list) token = static_cast<int32_t>(random() % vocabulary);
    return list;
  };
  const Tokens trunk = tokens(std::min<size_t>(context - 24, 70));
  const auto generation = std::make_shared<const GenerationOptions>(GenerationOptions{{}, 4});
  std::vector<Question> questions;
  for (const size_t share : {trunk.size(), trunk.size() - 3, trunk.size() / 2, size_t{5}}) {
    const Tokens end = tokens(1 + random() % 9);
    auto whole =
        std::make_shared<Tokens>(trunk.begin(), trunk.begin() + static_cast<std::ptrdiff_t>(share));
    whole->insert(whole->end(), end.begin(), end.end());
    const Tokens first = tokens(6);
    Tokens second = first;
    second.back() = (second.back() + 1) % static_cast<int32_t>(vocabulary);
    for (const Tokens& continuation : {first, second, tokens(1), Tokens()}) {
      Question& question = questions.emplace_back();
      question.tokens = {whole, 0, continuation};
      if (continuation.empty()) question.generation = generation;
    }
  }
  return questions;
}

struct Answer {
  double log_likelihood = 0;
  bool greedy = false;
  std::string text;
  bool operator==(const Answer&) const = default;
};

class Shapes : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const fs::path path = find(GetParam().model);
    if (!fs::exists(path)) GTEST_SKIP() << path << " is not there";
    open({});
    questions_ = random_questions(static_cast<size_t>(model_->info().vocab_size),
                                  static_cast<size_t>(model_->info().context_length));
    all_.resize(questions_.size());
    std::iota(all_.begin(), all_.end(), 0u);
  }

  void open(lm::LanguageModel::Options options) {
    options.hash = false;
    options.runtime.numerics = GetParam().numerics;
    if (options.runtime.threads == 0) options.runtime.threads = 1;
    auto model = lm::LanguageModel::open(find(GetParam().model), options);
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    model_ = *std::move(model);
  }

  /// Adds the answers to some questions; all on one engine.
  void run(Engine& engine, std::span<const uint32_t> asked, std::vector<Answer>& answers) {
    const Status status =
        engine.run(questions_, asked, [&](size_t index, Response&& response) -> Status {
          EXPECT_FALSE(response.error) << response.error->to_string();
          answers[index] = {response.log_likelihood, response.greedy, response.text};
          return {};
        });
    EXPECT_TRUE(status.ok());
  }

  std::vector<Answer> answers(std::span<const uint32_t> asked, uint64_t budget) {
    auto engine = Engine::create(*model_, codec_, budget);
    std::vector<Answer> found(questions_.size());
    run(*engine, asked, found);
    tokens_run_ = engine->tokens_run();
    return found;
  }

  const Codec codec_ = number_codec();
  std::unique_ptr<lm::LanguageModel> model_;
  std::vector<Question> questions_;
  std::vector<uint32_t> all_;
  uint64_t tokens_run_ = 0;
};

TEST_P(Shapes, S0_36_S0_37_S0_61_AnswersAreTheSameBits) {
  constexpr uint64_t kMuch = Engine::kDefaultBudgetBytes;
  const auto expected = answers(all_, kMuch);
  const uint64_t tokens = tokens_run_;
  EXPECT_NE(expected[0].log_likelihood, expected[1].log_likelihood);
  EXPECT_EQ(answers(all_, 0), expected) << "no copies";
  EXPECT_GE(tokens_run_, tokens);
  EXPECT_EQ(answers(all_, 3 * model_->new_sequence()->size_bytes()), expected) << "few copies";

  std::vector<uint32_t> order(all_.rbegin(), all_.rend());
  EXPECT_EQ(answers(order, kMuch), expected) << "backwards";
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  EXPECT_EQ(answers(order, kMuch), expected) << "shuffled";

  std::vector<Answer> found(questions_.size());
  for (const uint32_t one : all_) {
    auto engine = Engine::create(*model_, codec_);
    run(*engine, std::span(&one, 1), found);
  }
  EXPECT_EQ(found, expected) << "each alone";

  const std::span<const uint32_t> span(order);
  found.assign(questions_.size(), {});
  auto engine = Engine::create(*model_, codec_);
  run(*engine, span.first(span.size() / 2), found);
  auto resumed = Engine::create(*model_, codec_);
  run(*resumed, span.subspan(span.size() / 2), found);
  EXPECT_EQ(found, expected) << "in two halves";
  run(*engine, all_, found);
  EXPECT_EQ(found, expected) << "again behind others";

  lm::LanguageModel::Options options;
  options.runtime.threads = 2;
  open(options);
  EXPECT_EQ(answers(all_, kMuch), expected) << "two threads";
  options.single_steps = true;
  open(options);
  EXPECT_EQ(answers(all_, kMuch), expected) << "steps";
}

INSTANTIATE_TEST_SUITE_P(
    Models, Shapes,
    testing::Values(Case{"models/anemone-tiny-anemll", runtime::Numerics::fp16},
                    Case{"models/anemone-tiny-anemll", runtime::Numerics::fp32},
                    Case{"models/anemone-tiny", runtime::Numerics::fp32},
                    Case{"fixtures/anemll/gemma3-fp16-1chunk", runtime::Numerics::fp16},
                    Case{"fixtures/anemll/gemma3-fp16-1chunk", runtime::Numerics::fp32},
                    Case{"fixtures/coreml/llama_stateful/model.mlpackage", runtime::Numerics::fp16},
                    Case{"fixtures/coreml/gpt2_fp16/model.mlpackage", runtime::Numerics::fp16}),
    [](const auto& shape) {
      std::string name =
          std::string(shape.param.model) + "_" + runtime::to_string(shape.param.numerics);
      const auto odd = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; };
      std::ranges::replace_if(name, odd, '_');
      return name;
    });

}  // namespace
}  // namespace anemone::eval
