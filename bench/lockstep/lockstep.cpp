// Tokens a second of steps in lockstep, of single steps and of blocks:
//   bench_lockstep MODEL [LANES,…] [THREADS,…] [ROUNDS] [STEPS] [PROMPT]
// Every round runs single steps, then every number of lanes, then blocks, so that noise of the
// machine meets all of them; ratios are of one round.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../driver.h"
#include "anemone/language_model.h"

namespace {

using anemone::driver::check;
using anemone::lm::Extension;
using anemone::lm::LanguageModel;
using anemone::lm::Rows;
using anemone::lm::Scoring;
using anemone::lm::Sequence;

constexpr int kBlockLanes = 4;

struct Settings {
  std::vector<int> lanes = {1, 8, 16, 32};
  std::vector<int> threads = {1, 2};
  int rounds = 5;
  int steps = 20;
  int prompt_tokens = 32;
};

/// Tokens a second by the clock and by the time of all cores.
struct Speed {
  double by_clock = 0;
  double by_cpu = 0;
};

class Bench {
 public:
  Bench(LanguageModel& model, size_t lanes, int prompt_tokens) : model_(model) {
    const auto vocab = static_cast<size_t>(model.info().vocab_size);
    logits_.assign(lanes, std::vector<float>(vocab));
    for (size_t lane = 0; lane < lanes; ++lane) {
      sequences_.push_back(model.new_sequence());
      std::vector<int32_t> prompt;
      for (int i = 0; i < prompt_tokens; ++i)
        prompt.push_back(static_cast<int32_t>((i * 7 + static_cast<int>(lane) * 31) % 4000));
      check(model.extend(*sequences_[lane], prompt, Rows::none, {}));
    }
    prompt_tokens_ = prompt_tokens;
  }

  /// `steps` tokens of the first sequence by itself.
  Speed single(int steps) {
    sequences_[0]->truncate(prompt_tokens_);
    return measure(steps, [&] {
      for (int32_t token = 0; token < steps; ++token)
        check(model_.extend(*sequences_[0], std::span(&token, 1), Rows::last, logits_[0]));
    });
  }

  /// `steps` tokens of each of the first `lanes` sequences.
  Speed together(size_t lanes, int steps) {
    for (size_t lane = 0; lane < lanes; ++lane) sequences_[lane]->truncate(prompt_tokens_);
    return measure(static_cast<double>(lanes) * steps, [&] {
      for (int32_t token = 0; token < steps; ++token) {
        extensions_.clear();
        for (size_t lane = 0; lane < lanes; ++lane)
          extensions_.push_back(
              {sequences_[lane].get(), std::span(&token, 1), Rows::last, logits_[lane], {}});
        model_.extend_many(extensions_);
        for (const Extension& each : extensions_) check(each.status);
      }
    });
  }

  /// Blocks from the beginning to behind the prompt, one at least, of the first `lanes` sequences:
  /// without rows, or by the function that scores.
  Speed blocks(bool scored, size_t lanes) {
    const auto rows =
        scored ? model_.info().score_block_tokens : model_.info().prefill_block_tokens;
    const int64_t count = std::max<int64_t>((prompt_tokens_ + rows - 1) / rows, 1);
    const std::vector<int32_t> tokens(static_cast<size_t>(count * rows), 5);
    std::vector<anemone::lm::TokenScore> scores(tokens.size());
    for (size_t lane = 0; lane < lanes; ++lane) sequences_[lane]->truncate(0);
    const Speed speed = measure(static_cast<double>(lanes * tokens.size()), [&] {
      if (scored) {
        std::vector<Scoring> scorings(
            lanes, {nullptr, tokens, tokens, scores, anemone::lm::ScoreBy::blocks, {}});
        for (size_t lane = 0; lane < lanes; ++lane)
          scorings[lane].sequence = sequences_[lane].get();
        model_.score_many(scorings);
        for (const Scoring& each : scorings) check(each.status);
      } else {
        extensions_.assign(lanes, {nullptr, tokens, Rows::none, {}, {}});
        for (size_t lane = 0; lane < lanes; ++lane)
          extensions_[lane].sequence = sequences_[lane].get();
        model_.extend_many(extensions_);
        for (const Extension& each : extensions_) check(each.status);
      }
    });
    for (size_t lane = 0; lane < lanes; ++lane) {
      sequences_[lane]->truncate(0);
      check(
          model_.extend(*sequences_[lane], std::span(tokens).first(prompt_size()), Rows::none, {}));
    }
    return speed;
  }

 private:
  template <typename Work>
  static Speed measure(double tokens, const Work& work) {
    const std::clock_t cpu = std::clock();
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    return {tokens / seconds.count(), tokens / cpu_seconds};
  }

  size_t prompt_size() const { return static_cast<size_t>(prompt_tokens_); }

  LanguageModel& model_;
  int64_t prompt_tokens_ = 0;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  std::vector<std::vector<float>> logits_;
  std::vector<Extension> extensions_;
};

/// One line of the table, measured once a round.
struct Line {
  std::string name;
  std::vector<double> speeds;
  std::vector<double> ratios;
  std::vector<double> cpu_ratios;

  void add(const Speed& speed, const Speed& single) {
    speeds.push_back(speed.by_clock);
    ratios.push_back(speed.by_clock / single.by_clock);
    cpu_ratios.push_back(speed.by_cpu / single.by_cpu);
  }
};

void print(int threads, Line line) {
  std::ranges::sort(line.speeds);
  std::ranges::sort(line.ratios);
  std::ranges::sort(line.cpu_ratios);
  const size_t middle = line.speeds.size() / 2;
  std::printf("%7d  %-9s %9.0f  %6.2f (%.2f to %.2f)  %6.2f (%.2f to %.2f)\n", threads,
              line.name.c_str(), line.speeds[middle], line.ratios[middle], line.ratios.front(),
              line.ratios.back(), line.cpu_ratios[middle], line.cpu_ratios.front(),
              line.cpu_ratios.back());
}

bool run(const char* path, int threads, const Settings& settings) {
  LanguageModel::Options options;
  options.hash = false;
  options.runtime.threads = threads;
  const auto model = LanguageModel::open(path, options);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.error().to_string().c_str());
    return false;
  }
  const anemone::lm::ModelInfo& info = (*model)->info();
  std::vector<Line> lines = {{"single", {}, {}, {}}};
  for (const int lanes : settings.lanes)
    lines.push_back({std::to_string(lanes) + " lanes", {}, {}, {}});
  const int most = std::ranges::max(settings.lanes);
  std::vector<std::pair<bool, int>> blocks;  // scored or not, lanes
  for (const bool scored : {false, true}) {
    if ((scored ? info.score_block_tokens : info.prefill_block_tokens) == 0) continue;
    for (const int lanes : {1, std::min(kBlockLanes, most)}) {
      blocks.emplace_back(scored, lanes);
      lines.push_back({std::to_string(lanes) + (scored ? " score" : " prefill"), {}, {}, {}});
    }
  }
  Bench bench(**model, static_cast<size_t>(most), settings.prompt_tokens);
  for (int round = -1; round < settings.rounds; ++round) {
    const int steps = round < 0 ? 1 : settings.steps;  // the first one warms up
    const Speed single = bench.single(steps);
    std::vector<Speed> speeds = {single};
    for (const int lanes : settings.lanes)
      speeds.push_back(bench.together(static_cast<size_t>(lanes), steps));
    for (const auto& [scored, lanes] : blocks)
      speeds.push_back(bench.blocks(scored, static_cast<size_t>(lanes)));
    for (size_t i = 0; i < lines.size() && round >= 0; ++i) lines[i].add(speeds[i], single);
  }
  for (Line& line : lines) print(threads, std::move(line));
  return true;
}

std::vector<int> numbers(std::string_view text) {
  std::vector<int> values;
  for (const char* at = text.data(); *at != '\0'; at += *at == ',') {
    char* end = nullptr;
    values.push_back(static_cast<int>(std::max(1L, std::strtol(at, &end, 10))));
    if (end == at) std::exit(2);
    at = end;
  }
  return values;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "bench_lockstep MODEL [LANES,…] [THREADS,…] [ROUNDS] [STEPS] [PROMPT]\n");
    return 2;
  }
  Settings settings;
  if (count > 2) settings.lanes = numbers(arguments[2]);
  if (count > 3) settings.threads = numbers(arguments[3]);
  if (count > 4) settings.rounds = numbers(arguments[4])[0];
  if (count > 5) settings.steps = numbers(arguments[5])[0];
  if (count > 6) settings.prompt_tokens = numbers(arguments[6])[0];
  std::printf("threads  way        tokens/s  of single steps          the same by CPU time\n");
  for (const int threads : settings.threads)
    if (!run(arguments[1], threads, settings)) return 1;
  return 0;
}
