// Tokens a second of several sequences, one token each, in lockstep and one after the other:
//   bench_lockstep MODEL [LANES] [STEPS] [ROUNDS] [THREADS]
// Both ways run in turns, so that noise of the machine meets both.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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

  /// Tokens a second of `steps` tokens of every lane.
  double run(int steps, bool together) {
    for (const auto& sequence : sequences_) sequence->truncate(kPromptTokens);
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
    return static_cast<double>(sequences_.size()) * steps / seconds.count();
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
  for (int round = 0; round < rounds; ++round) {
    apart.push_back(bench.run(steps, false));
    together.push_back(bench.run(steps, true));
    ratio.push_back(together.back() / apart.back());
  }
  std::printf("%s, %s, %d lanes, %d steps, %d rounds: median (least to most)\n",
              (*model)->info().name.c_str(), to_string((*model)->info().numerics), lanes, steps,
              rounds);
  print("separate", apart, "tokens/s");
  print("lockstep", together, "tokens/s");
  print("ratio", ratio, "");
  return 0;
}
