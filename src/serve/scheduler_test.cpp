#include "serve/scheduler.h"

#include <condition_variable>
#include <deque>
#include <limits>
#include <new>
#include <stdexcept>
#include <thread>

#include "generate/embedded_model_test.h"
#include "generate/random_model_test.h"
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
  std::vector<Outcome> outcomes(size_t answers) {
    std::vector<std::optional<Outcome>> ended(answers);
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
    std::vector<Outcome> all;
    for (auto& each : ended) all.push_back(*std::move(each));
    return all;
  }

  std::vector<std::string> text_;
  std::vector<std::vector<TokenLogprobs>> tokens_;

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();  // with the lock: who is woken may destroy this
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::shared_ptr<Mailbox> mailbox_;
};

/// An answer that was made, or none.
generate::Generation made(const Outcome& outcome) {
  if (const auto* const refusal = std::get_if<Refusal>(&outcome)) {
    ADD_FAILURE() << refusal->status << ": " << refusal->message;
    return {};
  }
  return std::get<generate::Generation>(outcome);
}

/// Why none was made.
Refusal refused(const Outcome& outcome) {
  const auto* const refusal = std::get_if<Refusal>(&outcome);
  EXPECT_NE(refusal, nullptr);
  return refusal == nullptr ? Refusal{0, "", "", ""} : *refusal;
}

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
      const generate::Generation one = made(together[i]);
      EXPECT_EQ(one.tokens, alone[i].tokens) << i;
      EXPECT_EQ(reader.text_[i], alone[i].text) << i;
      if (cached && i >= 5 + prompts_.size() && one.prompt_tokens > 1) {
        EXPECT_GT(one.reused_tokens, 0) << i;
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
  const generate::Generation outcome = made(reader.outcomes(1)[0]);
  EXPECT_EQ(outcome.reused_tokens, 0);  // what was scored came from no cache
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
  EXPECT_EQ(reader.tokens_[0].back().token, outcome.tokens.at(0));
}

TEST_F(SchedulerTest, AFullQueueTakesNothing) {
  Scheduler scheduler(*model_, *tokenizer_, nullptr, {.running = 1, .waiting = 2}, metrics_);
  Reader reader;
  std::vector<Job> jobs;
  for (size_t i = 0; i < 3; ++i) jobs.push_back(job(reader, i, "Once", 4));
  EXPECT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::too_many);
  std::vector<Job> one;
  one.push_back(job(reader, 0, "Once", 4));
  EXPECT_EQ(scheduler.submit(std::move(one)), Scheduler::Admission::taken);
  made(reader.outcomes(1)[0]);
  EXPECT_EQ(metrics_.running, 0);  // and counted before it is given out
  EXPECT_EQ(metrics_.at(Metrics::kNoEndpoint).generated_tokens, 4U);
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
  EXPECT_EQ(refused(left.outcomes(1)[0]).code, "cancelled");
  const Refusal too_late = refused(late.outcomes(1)[0]);
  EXPECT_EQ(too_late.status, 503);
  EXPECT_EQ(too_late.code, "time_limit");
  made(stays.outcomes(1)[0]);
  EXPECT_EQ(metrics_.at(Metrics::kNoEndpoint).disconnected, 1u);
  EXPECT_EQ(metrics_.at(Metrics::kNoEndpoint).timed_out, 1u);
}

TEST_F(SchedulerTest, TheEndGivesUpWhatIsLeft) {
  Reader reader;
  {
    Scheduler scheduler(*model_, *tokenizer_, nullptr, {.running = 2, .waiting = 8}, metrics_);
    std::vector<Job> jobs;
    for (size_t i = 0; i < 4; ++i) jobs.push_back(job(reader, i, "Once", 900));
    ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
  }
  for (const auto& outcome : reader.outcomes(4)) EXPECT_EQ(refused(outcome).code, "shutting_down");
}

TEST_F(SchedulerTest, AnswersInProgressThatNobodyWaitsForEnd) {
  Scheduler scheduler(*model_, *tokenizer_, nullptr, {.running = 4, .waiting = 8}, metrics_);
  Reader left, stays;
  std::vector<Job> jobs;
  jobs.push_back(job(left, 0, "Once", 900));
  jobs.push_back(job(stays, 0, "Once", 40));
  ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
  while (metrics_.step_answers < 6) std::this_thread::yield();
  left.mailbox()->cancel(Cancellation::disconnect);
  EXPECT_EQ(refused(left.outcomes(1)[0]).code, "cancelled");
  made(stays.outcomes(1)[0]);
  EXPECT_EQ(metrics_.at(Metrics::kNoEndpoint).disconnected, 1U);
}

/// Throws now and then, as a model without memory does.
class ThrowingModel : public generate::RandomModel {
 public:
  using RandomModel::RandomModel;
  std::unique_ptr<lm::Sequence> new_sequence() override {
    if (throws_at_start) throw std::bad_alloc();
    return RandomModel::new_sequence();
  }
  Status extend(lm::Sequence& sequence, std::span<const int32_t> tokens, lm::Rows rows,
                std::span<float> logits) override {
    if (throws_in_step.exchange(false)) throw std::runtime_error("the device is gone");
    return RandomModel::extend(sequence, tokens, rows, logits);
  }
  std::atomic<bool> throws_at_start = false;
  std::atomic<bool> throws_in_step = false;
};

TEST_F(SchedulerTest, AnExceptionIsTheEndOfItsAnswersAndOfNothingElse) {
  ThrowingModel model(static_cast<int64_t>(tokenizer_->vocab_size()), 3);
  std::deque<Reader> readers;  // the model's thread wakes them until it ends
  Scheduler scheduler(model, *tokenizer_, nullptr, {.running = 2, .waiting = 8}, metrics_);
  const auto ask = [&] {
    Reader& reader = readers.emplace_back();
    std::vector<Job> jobs;
    jobs.push_back(job(reader, 0, "Once", 4));
    EXPECT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
    return reader.outcomes(1)[0];
  };
  model.throws_at_start = true;
  EXPECT_EQ(refused(ask()).status, 500);
  model.throws_at_start = false;
  model.throws_in_step = true;
  const Refusal in_step = refused(ask());
  EXPECT_EQ(in_step.status, 500);
  EXPECT_EQ(in_step.message, "the model ran into: the device is gone");
  EXPECT_EQ(made(ask()).tokens.size(), 4U);
  EXPECT_EQ(metrics_.running, 0);
}

/// A form under which a step in the middle is too much work.
TEST_F(SchedulerTest, AFormThatIsTooMuchWorkIsTheRequestsFault) {
  const auto compiler = generate::ConstraintCompiler::make(*tokenizer_, model_->info().vocab_size);
  ASSERT_TRUE(compiler.ok());
  std::string pattern = "[xyz]{3}";
  for (int i = 0; i < 1000; ++i) pattern += "a?";
  Scheduler scheduler(*model_, *tokenizer_, nullptr, {}, metrics_);
  Reader reader;
  Job late = job(reader, 0, "Once", 50);
  late.work.options.constraint = {.kind = generate::Constraint::Kind::regex, .text = pattern};
  late.work.options.compiler = compiler->get();
  late.work.form_field = "response_format";
  auto checked = (*compiler)->check(late.work.options.constraint);
  ASSERT_TRUE(checked.ok()) << checked.error().to_string();
  late.work.options.checked = *checked;
  std::vector<Job> jobs;
  jobs.push_back(std::move(late));
  ASSERT_EQ(scheduler.submit(std::move(jobs)), Scheduler::Admission::taken);
  const Refusal refusal = refused(reader.outcomes(1)[0]);
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(refusal.field, "response_format");
}

TEST(Mailbox, WhatThereIsNoMemoryForIsLostAndKnown) {
  size_t woken = 0;
  Mailbox mailbox(1000, [&] {
    if (++woken == 1) throw std::bad_alloc();
  });
  mailbox.fail(0, {500, "x", "", ""});
  EXPECT_EQ(mailbox.cancellation(), Cancellation::lost);
  EXPECT_EQ(woken, 2U);
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
