#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "serve/live_answer.h"
#include "serve/metrics.h"

namespace anemone::serve {

/// Continuous batching: one thread that advances all answers by one call of the model, round after
/// round; answers join and leave between rounds. A prompt is fed in blocks, so that answers in
/// progress go on meanwhile. A model that gives only the arg max is called for each answer, with
/// the whole prompt. No answer depends on the others. Thread-safe.
class Scheduler {
 public:
  struct Limits {
    size_t running = 32;
    size_t waiting = 512;
  };
  /// `too_many`: more than ever may wait.
  enum class Admission : uint8_t { taken, full, too_many, stopping };

  /// Model, tokenizer, cache and metrics must outlive this and be used by nobody else meanwhile.
  /// `cache` may be null.
  Scheduler(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
            generate::PromptCache* cache, const Limits& limits, Metrics& metrics);
  /// Gives up what is left.
  ~Scheduler();

  /// Takes all of them or none. Each job's mailbox gets events until one has an outcome; an
  /// exception of the model is one too.
  Admission submit(std::vector<Job> jobs);
  /// Takes nothing new.
  void refuse();
  /// Takes nothing new and gives up all answers.
  void give_up();
  /// Gives up all answers and returns when the last one has had its outcome.
  void end();

 private:
  void run();
  /// Waits until there is work; false when there never will be.
  bool next_round();
  void drop_waiting();
  void drop_running();
  void admit();
  void start(Job job);
  void step();
  void advance(std::span<lm::Extension> extensions);
  void advance_greedy();
  /// Takes in what a step gave one answer.
  void take(std::unique_ptr<LiveAnswer>& live, const lm::Extension& extension);
  void take_token(std::unique_ptr<LiveAnswer>& live, const Result<int32_t>& token);
  void count_first_token(const Job& job);
  void complete(std::unique_ptr<LiveAnswer>& live);
  void drop(std::unique_ptr<LiveAnswer>& live, const Refusal& refusal) noexcept;
  void forget(std::unique_ptr<LiveAnswer>& live) noexcept;
  /// Why this job should not go on, if so.
  std::optional<Refusal> ending(const Job& job);

  lm::LanguageModel& model_;
  const text::Tokenizer& tokenizer_;
  generate::PromptCache* cache_;
  const Limits limits_;
  Metrics& metrics_;
  const size_t block_tokens_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool refuses_ = false;
  std::atomic<bool> gives_up_ = false;
  bool ends_ = false;

  // Of the model's thread alone.
  std::vector<std::unique_ptr<LiveAnswer>> running_;
  std::vector<lm::Extension> extensions_;
  std::thread thread_;  ///< last: it uses the rest.
};

}  // namespace anemone::serve
