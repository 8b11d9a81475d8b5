// Tokens a second of several sequences, one token each, in lockstep and one after the other:
//   bench_lockstep MODEL [LANES] [STEPS] [ROUNDS] [THREADS]
// Both ways run in turns, so that noise of the machine meets both.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "anemone/language_model.h"

namespace {

using anemone::lm::Extension;
using anemone::lm::LanguageModel;
using anemone::lm::Rows;
using anemone::lm::Sequence;

constexpr int64_t kPromptTokens = 32;

class Bench {
 public:
  Bench(LanguageModel& model, size_t lanes) : model_(model) {
    const auto vocab = static_cast<size_t>(model.info().vocab_size);
    logits_.assign(lanes, std::vector<float>(vocab));
    for (size_t lane = 0; lane < lanes; ++lane) {
      sequences_.push_back(model.new_sequence());
      std::vector<int32_t> prompt;
      for (int64_t i = 0; i < kPromptTokens; ++i)
        prompt.push_back(static_cast<int32_t>((i * 7 + static_cast<int64_t>(lane) * 31) % 4000));
      check(model.extend(*sequences_[lane], prompt, Rows::none, {}));
    }
  }

  /// Tokens a second of `steps` tokens of every lane, by the clock and by the time of all cores.
  struct Speed {
    double by_clock = 0;
    double by_cpu = 0;
  };
  Speed run(int steps, bool together) {
    for (const auto& sequence : sequences_) sequence->truncate(kPromptTokens);
    const std::clock_t cpu = std::clock();
    const auto start = std::chrono::steady_clock::now();
    for (int step = 0; step < steps; ++step) {
      const int32_t token = step % 4000;
      if (together) {
        extensions_.clear();
        for (size_t lane = 0; lane < sequences_.size(); ++lane)
          extensions_.push_back(
              {sequences_[lane].get(), std::span(&token, 1), Rows::last, logits_[lane], {}});
        model_.extend_many(extensions_);
        for (const Extension& each : extensions_) check(each.status);
      } else {
        for (size_t lane = 0; lane < sequences_.size(); ++lane)
          check(model_.extend(*sequences_[lane], std::span(&token, 1), Rows::last, logits_[lane]));
      }
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    const double tokens = static_cast<double>(sequences_.size()) * steps;
    return {tokens / seconds.count(), tokens / cpu_seconds};
  }

  /// Milliseconds of one block from the beginning: without rows, or by the function that scores.
  double block(bool scored) {
    const auto rows = static_cast<size_t>(scored ? model_.info().score_block_tokens
                                                 : model_.info().prefill_block_tokens);
    const std::vector<int32_t> tokens(rows, 5);
    std::vector<anemone::lm::TokenScore> scores(rows);
    sequences_[0]->truncate(0);
    const auto start = std::chrono::steady_clock::now();
    if (scored)
      check(model_.score(*sequences_[0], tokens, tokens, scores, anemone::lm::ScoreBy::blocks));
    else
      check(model_.extend(*sequences_[0], tokens, Rows::none, {}));
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    return taken.count();
  }

 private:
  static void check(const anemone::Status& status) {
    if (status.ok()) return;
    std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
    std::exit(1);
  }

  LanguageModel& model_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  std::vector<std::vector<float>> logits_;
  std::vector<Extension> extensions_;
};

int number(char** arguments, int count, int at, int otherwise) {
  return at < count ? std::max(1, std::atoi(arguments[at])) : otherwise;
}

void print(const char* name, std::vector<double> values, const char* unit) {
  std::ranges::sort(values);
  std::printf("%-10s %9.2f %s (%.2f to %.2f)\n", name, values[values.size() / 2], unit,
              values.front(), values.back());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "bench_lockstep MODEL [LANES] [STEPS] [ROUNDS] [THREADS]\n");
    return 2;
  }
  const int lanes = number(arguments, count, 2, 8);
  const int steps = number(arguments, count, 3, 50);
  const int rounds = number(arguments, count, 4, 7);
  LanguageModel::Options options;
  options.hash = false;
  if (count > 5) options.runtime.threads = number(arguments, count, 5, 1);
  const auto model = LanguageModel::open(arguments[1], options);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.error().to_string().c_str());
    return 1;
  }
  Bench bench(**model, static_cast<size_t>(lanes));
  bench.run(2, true);
  bench.run(2, false);
  std::vector<double> apart;
  std::vector<double> together;
  std::vector<double> ratio;
  std::vector<double> cpu_ratio;
  for (int round = 0; round < rounds; ++round) {
    const Bench::Speed separate = bench.run(steps, false);
    const Bench::Speed lockstep = bench.run(steps, true);
    apart.push_back(separate.by_clock);
    together.push_back(lockstep.by_clock);
    ratio.push_back(lockstep.by_clock / separate.by_clock);
    cpu_ratio.push_back(lockstep.by_cpu / separate.by_cpu);
  }
  std::printf("%s, %s, %d lanes, %d steps, %d rounds: median (least to most)\n",
              (*model)->info().name.c_str(), to_string((*model)->info().numerics), lanes, steps,
              rounds);
  std::vector<double> prefill;
  std::vector<double> score;
  const anemone::lm::ModelInfo& info = (*model)->info();
  for (int round = 0; round <= rounds; ++round) {
    if (info.prefill_block_tokens > 0) prefill.push_back(bench.block(false));
    if (info.score_block_tokens > 0) score.push_back(bench.block(true));
  }
  print("separate", apart, "tokens/s");
  print("lockstep", together, "tokens/s");
  print("ratio", ratio, "");
  print("of CPU", cpu_ratio, "");
  if (!prefill.empty()) print("prefill", prefill, "ms a block");
  if (!score.empty()) print("score", score, "ms a block");
  return 0;
}
