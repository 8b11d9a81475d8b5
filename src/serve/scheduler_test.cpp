#include "serve/scheduler.h"

#include <condition_variable>
#include <limits>

#include "generate/embedded_model_test.h"
#include "serve/log_probabilities.h"

namespace anemone::serve {
namespace {

/// Collects what comes for the answers of one request.
class Reader {
 public:
  explicit Reader(size_t most_bytes = size_t{1} << 20)
      : mailbox_(std::make_shared<Mailbox>(most_bytes, [this] { wake(); })) {}

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

  /// Until each of `answers` has its outcome.
  std::vector<Result<generate::Generation>> outcomes(size_t answers) {
    std::vector<std::optional<Result<generate::Generation>>> ended(answers);
    text_.assign(answers, "");
    tokens_.assign(answers, {});
    for (size_t left = answers; left > 0;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return std::exchange(woken_, false); });
      lock.unlock();
      for (Event& event : mailbox_->take()) {
        text_[event.index] += event.piece.text;
        for (auto& token : event.piece.tokens) tokens_[event.index].push_back(token);
        if (!event.outcome) continue;
        ended[event.index] = std::move(event.outcome);
        --left;
      }
    }
    std::vector<Result<generate::Generation>> all;
    for (auto& each : ended) all.push_back(*std::move(each));
    return all;
  }

  std::vector<std::string> text_;
  std::vector<std::vector<TokenLogprobs>> tokens_;

 private:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::shared_ptr<Mailbox> mailbox_;
};

class SchedulerTest : public generate::EmbeddedModelTest {
 protected:
  Job job(Reader& reader, size_t index, const std::string& prompt, int64_t tokens) {
    Job job;
    job.work.prompt = encode(prompt);
    job.work.options.max_tokens = tokens;
    job.index = index;
    job.mailbox = reader.mailbox();
    return job;
  }

  const std::vector<std::string> prompts_ = {
      "Once upon a time", "The sea was",
      "There was an old man who lived in a small house by the sea", "It",
      "Where is the moon, asked the child, and where does it go in the morning?"};
  Metrics metrics_;
};

TEST_F(SchedulerTest, AnswersTogetherAreThoseOfAnswersAlone) {
  std::vector<generate::Generation> alone;
  for (size_t i = 0; i < 15; ++i) {
    generate::Options options;
    options.max_tokens = static_cast<int64_t>(4 + 3 * i);
    if (i % 2 == 1) options.sampling = {.temperature = 0.8, .top_k = 50, .seed = i};
    alone.push_back(answer(encode(prompts_[i % prompts_.size()]), options));
  }
  for (const bool cached : {false, true}) {
    const auto cache = generate::PromptCache::open(*model_, {});
    ASSERT_TRUE(cache.ok());
    Scheduler scheduler(*model_, *tokenizer_, cached ? cache->get() : nullptr,
                        {.running = 8, .waiting = 20}, metrics_);
    Reader reader;
    std::vector<Job> jobs;
    for (size_t i = 0; i < alone.size(); ++i) {
      jobs.push_back(
          job(reader, i, prompts_[i % prompts_.size()], static_cast<int64_t>(4 + 3 * i)));
      if (i % 2 == 1)
        jobs.back().work.options.sampling = {.temperature = 0.8, .top_k = 50, .seed = i};
    }
    ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
    const auto together = reader.outcomes(alone.size());
    for (size_t i = 0; i < alone.size(); ++i) {
      ASSERT_TRUE(together[i].ok()) << together[i].error().to_string();
      EXPECT_EQ(together[i]->tokens, alone[i].tokens) << i;
      EXPECT_EQ(reader.text_[i], alone[i].text) << i;
      if (cached && i >= 5 + prompts_.size() && together[i]->prompt_tokens > 1) {
        EXPECT_GT(together[i]->reused_tokens, 0) << i;
      }
    }
    scheduler.end();
    EXPECT_EQ(metrics_.running, 0);
  }
  EXPECT_GT(metrics_.step_answers, 3 * metrics_.steps);
}

TEST_F(SchedulerTest, ScoresOfAPromptAreTheModels) {
  const auto ids = encode(prompts_[4]);
  const auto vocabulary = static_cast<size_t>(model_->info().vocab_size);
  std::vector<float> logits(ids.size() * vocabulary);
  const auto sequence = model_->new_sequence();
  ASSERT_TRUE(model_->extend(*sequence, ids, lm::Rows::all, logits).ok());
  Scheduler scheduler(*model_, *tokenizer_, nullptr, {}, metrics_);
  Reader reader;
  auto scored = job(reader, 0, prompts_[4], 1);
  scored.work.scores_prompt = true;
  scored.work.top_logprobs = 1;
  std::vector<Job> jobs;
  jobs.push_back(std::move(scored));
  ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
  const auto outcome = reader.outcomes(1);
  ASSERT_TRUE(outcome[0].ok());
  ASSERT_EQ(reader.tokens_[0].size(), ids.size() + 1);
  EXPECT_FALSE(reader.tokens_[0][0].log_probability.has_value());
  for (size_t i = 1; i < ids.size(); ++i) {
    const auto row = std::span(logits).subspan((i - 1) * vocabulary, vocabulary);
    const auto expected = lm::score_token(row, ids[i]);
    ASSERT_TRUE(expected.ok());
    const TokenLogprobs& told = reader.tokens_[0][i];
    EXPECT_EQ(told.token, ids[i]);
    EXPECT_EQ(told.log_probability, expected->log_probability);
    EXPECT_EQ(told.log_probability == told.top[0].log_probability, expected->greedy);
  }
  EXPECT_EQ(reader.tokens_[0].back().token, outcome[0]->tokens[0]);
}

TEST_F(SchedulerTest, AFullQueueTakesNothing) {
  Scheduler scheduler(*model_, *tokenizer_, nullptr, {.running = 1, .waiting = 2}, metrics_);
  Reader reader;
  std::vector<Job> jobs;
  for (size_t i = 0; i < 3; ++i) jobs.push_back(job(reader, i, "Once", 4));
  EXPECT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::full);
  std::vector<Job> one;
  one.push_back(job(reader, 0, "Once", 4));
  EXPECT_EQ(scheduler.submit(std::move(one)), Scheduler::Admission::taken);
  EXPECT_TRUE(reader.outcomes(1)[0].ok());
  scheduler.refuse();
  EXPECT_EQ(scheduler.submit({}), Scheduler::Admission::stopping);
}

TEST_F(SchedulerTest, AnswersThatNobodyWaitsForEnd) {
  Scheduler scheduler(*model_, *tokenizer_, nullptr, {.running = 2, .waiting = 8}, metrics_);
  Reader left, late, stays;
  left.mailbox()->cancel(Cancellation::disconnect);
  std::vector<Job> jobs;
  jobs.push_back(job(left, 0, "Once", 900));
  jobs.push_back(job(late, 0, "Once", 900));
  jobs.back().deadline = Clock::now();
  jobs.push_back(job(stays, 0, "Once", 4));
  ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
  EXPECT_EQ(left.outcomes(1)[0].error().code, ErrorCode::interrupted);
  EXPECT_EQ(late.outcomes(1)[0].error().code, ErrorCode::limit);
  EXPECT_TRUE(stays.outcomes(1)[0].ok());
  EXPECT_EQ(metrics_.disconnected, 1u);
  EXPECT_EQ(metrics_.timed_out, 1u);
}

TEST_F(SchedulerTest, TheEndGivesUpWhatIsLeft) {
  Reader reader;
  {
    Scheduler scheduler(*model_, *tokenizer_, nullptr, {.running = 2, .waiting = 8}, metrics_);
    std::vector<Job> jobs;
    for (size_t i = 0; i < 4; ++i) jobs.push_back(job(reader, i, "Once", 900));
    ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
  }
  for (const auto& outcome : reader.outcomes(4))
    EXPECT_EQ(outcome.error().code, ErrorCode::interrupted);
}

TEST(Mailbox, WhoReadsTooSlowlyIsGivenUp) {
  size_t woken = 0;
  Mailbox mailbox(1000, [&] { ++woken; });
  mailbox.put({0, {std::string(100, 'x'), {}}, std::nullopt});
  mailbox.put({0, {std::string(100, 'x'), {}}, std::nullopt});
  EXPECT_EQ(woken, 1u);
  EXPECT_FALSE(mailbox.cancelled());
  EXPECT_EQ(mailbox.take().size(), 2u);
  for (int i = 0; i < 10; ++i) mailbox.put({0, {std::string(100, 'x'), {}}, std::nullopt});
  EXPECT_EQ(mailbox.cancellation(), Cancellation::slow_reader);
  mailbox.cancel(Cancellation::disconnect);
  EXPECT_EQ(mailbox.cancellation(), Cancellation::slow_reader);
}

TEST(LogProbabilities, AreRankedWithTiesToTheLowestId) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {1, 3, 2, 3, -infinity};
  const auto told = log_probabilities(logits, 2, 3);
  ASSERT_TRUE(told.ok());
  ASSERT_EQ(told->top.size(), 3u);
  EXPECT_EQ(told->top[0].token, 1);
  EXPECT_EQ(told->top[1].token, 3);
  EXPECT_EQ(told->top[2].token, 2);
  EXPECT_EQ(told->top[2].log_probability, told->log_probability);
  EXPECT_EQ(told->log_probability, lm::score_token(logits, 2)->log_probability);
  EXPECT_EQ(log_probabilities(logits, 4, 0)->log_probability, kNoProbability);
  EXPECT_EQ(log_probabilities(logits, 0, 99)->top.size(), logits.size());
  EXPECT_FALSE(log_probabilities(std::vector<float>{1, infinity - infinity}, 0, 1).ok());
}

}  // namespace
}  // namespace anemone::serve
