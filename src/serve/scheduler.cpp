#include "serve/scheduler.h"

#include <algorithm>
#include <exception>
#include <limits>

#include "base/error.h"

namespace anemone::serve {
namespace {

/// Tokens of a prompt that one round feeds, for models without blocks.
constexpr size_t kPieceTokens = 64;
/// Prompts that are fed at once. Those that come later find in the cache what they share with them.
constexpr size_t kPromptsAtOnce = 4;

}  // namespace

Scheduler::Scheduler(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                     generate::PromptCache* cache, const Limits& limits, Metrics& metrics)
    : model_(model),
      tokenizer_(tokenizer),
      cache_(cache),
      limits_(limits),
      metrics_(metrics),
      block_tokens_(model.info().prefill_block_tokens > 0
                        ? static_cast<size_t>(model.info().prefill_block_tokens)
                        : kPieceTokens),
      thread_([this] { run(); }) {}

Scheduler::~Scheduler() { end(); }

void Scheduler::end() {
  {
    const std::lock_guard lock(mutex_);
    refuses_ = gives_up_ = ends_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

Scheduler::Admission Scheduler::submit(std::vector<Job> jobs) {
  {
    const std::lock_guard lock(mutex_);
    if (refuses_) return Admission::stopping;
    if (waiting_.size() + jobs.size() > limits_.waiting) return Admission::full;
    for (Job& job : jobs) waiting_.push_back(std::move(job));
    metrics_.waiting = static_cast<int64_t>(waiting_.size());
  }
  changed_.notify_one();
  return Admission::taken;
}

void Scheduler::refuse() {
  const std::lock_guard lock(mutex_);
  refuses_ = true;
}

void Scheduler::give_up() {
  {
    const std::lock_guard lock(mutex_);
    refuses_ = gives_up_ = true;
  }
  changed_.notify_one();
}

void Scheduler::run() {
  while (next_round()) {
    try {
      drop_running();
      admit();
      step();
    } catch (const std::exception& error) {
      for (auto& live : running_)
        if (live) drop(live, fail(ErrorCode::limit, "the model ran into: {}", error.what()));
    }
    std::erase(running_, nullptr);
    metrics_.running = static_cast<int64_t>(running_.size());
  }
}

bool Scheduler::next_round() {
  std::unique_lock lock(mutex_);
  const auto has_work = [&] { return ends_ || !waiting_.empty() || !running_.empty(); };
  changed_.wait(lock, has_work);
  drop_waiting();
  return !(ends_ && running_.empty());
}

Status Scheduler::still_wanted(const Job& job) {
  if (gives_up_) return fail(ErrorCode::interrupted, "the server is shutting down");
  switch (job.mailbox->cancellation()) {
    case Cancellation::none:
      break;
    case Cancellation::disconnect:
      ++metrics_.disconnected;
      return fail(ErrorCode::interrupted, "the client left");
    case Cancellation::slow_reader:
      ++metrics_.slow_readers;
      return fail(ErrorCode::interrupted, "the client reads too slowly");
    case Cancellation::error:
      return fail(ErrorCode::interrupted, "another answer of this request failed");
  }
  if (Clock::now() < job.deadline) return {};
  ++metrics_.timed_out;
  return fail(ErrorCode::limit, "the answer took longer than this server allows");
}

void Scheduler::drop_waiting() {
  std::erase_if(waiting_, [&](Job& job) {
    const Status wanted = still_wanted(job);
    if (!wanted.ok()) job.mailbox->put({job.index, {}, wanted.error()});
    return !wanted.ok();
  });
  metrics_.waiting = static_cast<int64_t>(waiting_.size());
}

void Scheduler::drop_running() {
  for (auto& live : running_)
    if (const Status wanted = still_wanted(live->job()); !wanted.ok()) drop(live, wanted.error());
  std::erase(running_, nullptr);
}

void Scheduler::admit() {
  const auto in_prompt = [](const auto& live) { return live->in_prompt(); };
  auto prompts = static_cast<size_t>(std::ranges::count_if(running_, in_prompt));
  for (; running_.size() < limits_.running && prompts < kPromptsAtOnce; ++prompts) {
    Job job;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
      metrics_.waiting = static_cast<int64_t>(waiting_.size());
    }
    start(std::move(job));
  }
}

void Scheduler::start(Job job) {
  const auto mailbox = job.mailbox;
  const size_t index = job.index;
  auto live = LiveAnswer::start(model_, tokenizer_, cache_, std::move(job));
  if (!live.ok()) return mailbox->put({index, {}, std::move(live).error()});
  running_.push_back(*std::move(live));
  if (running_.back()->complete()) complete(running_.back());
  std::erase(running_, nullptr);
}

void Scheduler::step() {
  if (running_.empty()) return;
  const auto began = Clock::now();
  metrics_.step_answers += running_.size();
  if (model_.info().gives_logits) {
    extensions_.clear();
    for (const auto& live : running_) extensions_.push_back(live->feed(block_tokens_));
    model_.extend_many(extensions_);
    ++metrics_.steps;
    advance(extensions_);
  } else {
    advance_greedy();
  }
  metrics_.step.add(Clock::now() - began);
}

void Scheduler::advance(std::span<lm::Extension> extensions) {
  for (size_t i = 0; i < extensions.size(); ++i) {
    auto& live = running_[i];
    const bool was_in_prompt = live->in_prompt();
    Status status = std::move(extensions[i].status);
    if (status.ok()) status = live->take();
    if (!status.ok()) {
      drop(live, status.error());
      continue;
    }
    if (was_in_prompt && !live->in_prompt()) {
      metrics_.first_token.add(Clock::now() - live->job().asked);
      // Now, so that others who wait with the same beginning need not compute it.
      if (cache_ != nullptr) cache_->keep(*extensions[i].sequence);
    }
    if (live->complete()) complete(live);
  }
}

void Scheduler::advance_greedy() {
  for (auto& live : running_) {
    const bool was_in_prompt = live->in_prompt();
    const lm::Extension fed = live->feed(std::numeric_limits<size_t>::max());
    const auto token = model_.extend_greedy(*fed.sequence, fed.tokens);
    ++metrics_.steps;
    const Status status = token.ok() ? live->take_token(*token) : Status(token.error());
    if (!status.ok()) {
      drop(live, status.error());
      continue;
    }
    if (was_in_prompt) metrics_.first_token.add(Clock::now() - live->job().asked);
    if (live->complete()) complete(live);
  }
}

void Scheduler::complete(std::unique_ptr<LiveAnswer>& live) {
  if (const Status wanted = still_wanted(live->job()); !wanted.ok())
    return drop(live, wanted.error());
  metrics_.prompt_tokens += live->job().work.prompt.size();
  const LiveAnswer::Counts counts = live->finish();
  metrics_.generated_tokens += static_cast<uint64_t>(counts.generated_tokens);
  metrics_.reused_tokens += static_cast<uint64_t>(counts.reused_tokens);
  if (cache_ != nullptr) metrics_.prompt_cache_bytes = cache_->stats().memory_bytes;
  live = nullptr;
}

void Scheduler::drop(std::unique_ptr<LiveAnswer>& live, const Error& error) {
  metrics_.generated_tokens += static_cast<uint64_t>(live->generated_tokens());
  live->fail(error);
  live = nullptr;
}

}  // namespace anemone::serve
