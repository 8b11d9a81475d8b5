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

Refusal fault(const std::exception& error) noexcept {
  try {
    return {500, std::string("the model ran into: ") + error.what(), "internal", ""};
  } catch (...) {
    return {500, "no memory", "internal", ""};  // short enough to need none
  }
}

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
    if (jobs.size() > limits_.waiting) return Admission::too_many;
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
  while (true) {
    try {
      if (!next_round()) return;
      drop_running();
      admit();
      step();
    } catch (const std::exception& error) {
      for (auto& live : running_) drop(live, fault(error));
    }
    std::erase(running_, nullptr);
  }
}

bool Scheduler::next_round() {
  std::unique_lock lock(mutex_);
  const auto has_work = [&] { return ends_ || !waiting_.empty() || !running_.empty(); };
  changed_.wait(lock, has_work);
  drop_waiting();
  return !(ends_ && running_.empty());
}

std::optional<Refusal> Scheduler::ending(const Job& job) {
  const auto nobody_waits = [](const char* why) { return Refusal{503, why, "cancelled", ""}; };
  if (gives_up_) return Refusal{503, "the server is shutting down", "shutting_down", ""};
  switch (job.mailbox->cancellation()) {
    case Cancellation::none:
      break;
    case Cancellation::disconnect:
      ++metrics_.at(job.endpoint).disconnected;
      return nobody_waits("the client left");
    case Cancellation::slow_reader:
      ++metrics_.at(job.endpoint).slow_readers;
      return nobody_waits("the client reads too slowly");
    case Cancellation::error:
    case Cancellation::lost:
      return nobody_waits("another answer of this request failed");
  }
  if (Clock::now() < job.deadline) return std::nullopt;
  ++metrics_.at(job.endpoint).timed_out;
  return Refusal{503, "the answer took longer than this server allows", "time_limit", ""};
}

void Scheduler::drop_waiting() {
  for (auto job = waiting_.begin(); job != waiting_.end();) {
    const auto refusal = ending(*job);
    if (refusal) job->mailbox->fail(job->index, *refusal);
    job = refusal ? waiting_.erase(job) : job + 1;
  }
  metrics_.waiting = static_cast<int64_t>(waiting_.size());
}

void Scheduler::drop_running() {
  for (auto& live : running_)
    if (const auto refusal = ending(live->job())) drop(live, *refusal);
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
  const std::string form_field = job.work.form_field;
  try {
    running_.reserve(running_.size() + 1);
    auto live = LiveAnswer::start(model_, tokenizer_, cache_, std::move(job));
    if (!live.ok()) return mailbox->fail(index, refusal_of_run(live.error(), form_field));
    running_.push_back(*std::move(live));
  } catch (const std::exception& error) {
    return mailbox->fail(index, fault(error));
  }
  ++metrics_.running;
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
  for (size_t i = 0; i < extensions.size(); ++i) try {
      take(running_[i], extensions[i]);
    } catch (const std::exception& error) {
      drop(running_[i], fault(error));
    }
}

void Scheduler::advance_greedy() {
  for (auto& live : running_) try {
      const lm::Extension fed = live->feed(std::numeric_limits<size_t>::max());
      take_token(live, model_.extend_greedy(*fed.sequence, fed.tokens));
    } catch (const std::exception& error) {
      drop(live, fault(error));
    }
}

void Scheduler::count_first_token(const Job& job) {
  EndpointMetrics& counted = metrics_.at(job.endpoint);
  counted.first_token.add(Clock::now() - job.asked);
  counted.prompt_tokens += job.work.prompt.size();
}

void Scheduler::take(std::unique_ptr<LiveAnswer>& live, const lm::Extension& extension) {
  const bool was_in_prompt = live->in_prompt();
  Status status = extension.status;
  if (status.ok()) status = live->take();
  if (!status.ok()) return drop(live, refusal_of_run(status.error(), live->job().work.form_field));
  if (was_in_prompt && !live->in_prompt()) {
    count_first_token(live->job());
    // Now, so that others who wait with the same beginning need not compute it.
    if (cache_ != nullptr) cache_->keep(*extension.sequence);
  }
  if (live->complete()) complete(live);
}

void Scheduler::take_token(std::unique_ptr<LiveAnswer>& live, const Result<int32_t>& token) {
  const bool was_in_prompt = live->in_prompt();
  ++metrics_.steps;
  const Status status = token.ok() ? live->take_token(*token) : Status(token.error());
  if (!status.ok()) return drop(live, refusal_of_run(status.error(), ""));
  if (was_in_prompt) count_first_token(live->job());
  if (live->complete()) complete(live);
}

void Scheduler::complete(std::unique_ptr<LiveAnswer>& live) {
  if (const auto refusal = ending(live->job())) return drop(live, *refusal);
  Event event = live->finish();
  EndpointMetrics& counted = metrics_.at(live->job().endpoint);
  if (live->in_prompt()) counted.prompt_tokens += live->job().work.prompt.size();
  if (const auto* const made = std::get_if<generate::Generation>(&*event.outcome)) {
    counted.generated_tokens += made->tokens.size();
    counted.reused_tokens += static_cast<uint64_t>(made->reused_tokens);
  }
  if (cache_ != nullptr) metrics_.prompt_cache_bytes = cache_->stats().memory_bytes;
  const auto mailbox = live->job().mailbox;
  const size_t index = event.index;
  forget(live);
  try {
    mailbox->put(std::move(event));
  } catch (const std::exception& error) {
    mailbox->fail(index, fault(error));
  }
}

void Scheduler::drop(std::unique_ptr<LiveAnswer>& live, const Refusal& refusal) noexcept {
  if (live == nullptr) return;
  metrics_.at(live->job().endpoint).generated_tokens +=
      static_cast<uint64_t>(live->generated_tokens());
  const auto mailbox = live->job().mailbox;
  const size_t index = live->job().index;
  forget(live);
  mailbox->fail(index, refusal);
}

void Scheduler::forget(std::unique_ptr<LiveAnswer>& live) noexcept {
  live = nullptr;
  --metrics_.running;
}

}  // namespace anemone::serve
