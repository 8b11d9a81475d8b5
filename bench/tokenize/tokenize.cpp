// Time to encode prompts and batches of texts:
//   bench_tokenize MODEL [ROUNDS] [TEXT FILE]
// Every round times all ways in turns, and ratios are of one round.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "../driver.h"
#include "anemone/statistics.h"
#include "anemone/text.h"

namespace {

using anemone::driver::value_of;
using anemone::text::Tokenizer;

constexpr size_t kPromptTokens[] = {512, 2048, 8192};
constexpr size_t kBatchTexts = 256;
constexpr size_t kTextTokens = 128;

template <typename Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The beginning of `text`, repeated as needed, that has `tokens` tokens.
std::string text_of(const Tokenizer& tokenizer, const std::string& text, size_t tokens) {
  std::string repeated = text;
  auto encoding = value_of(tokenizer.encode_with_spans(repeated, false));
  while (encoding.ids.size() < tokens) {
    repeated += repeated;
    encoding = value_of(tokenizer.encode_with_spans(repeated, false));
  }
  repeated.resize(encoding.spans[tokens - 1].end);
  return repeated;
}

std::string shown(std::vector<double> values, double scale, const char* unit) {
  const auto [low, high] = std::ranges::minmax(values);
  return fmt::format("{:.3f}{} ({:.3f} to {:.3f})",
                     anemone::statistics::percentile(values, 0.5) * scale, unit, low * scale,
                     high * scale);
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fputs("bench_tokenize MODEL [ROUNDS] [TEXT FILE]\n", stderr);
    return 2;
  }
  const Tokenizer tokenizer = value_of(Tokenizer::load(words[1]));
  const int rounds = anemone::driver::number({words, static_cast<size_t>(count)}, 2, 9);
  std::string text = "The people of the town walk down to the quay to see what has been caught. ";
  if (count > 3) {
    text = anemone::driver::read(words[3]);
    if (text.empty()) {
      std::fprintf(stderr, "%s: no text\n", words[3]);
      return 1;
    }
  }
  std::vector<std::string> prompts;
  for (const size_t tokens : kPromptTokens) prompts.push_back(text_of(tokenizer, text, tokens));
  std::vector<std::string> batch;
  const std::string all = text_of(tokenizer, text, kBatchTexts * kTextTokens);
  for (size_t i = 0; i < kBatchTexts; ++i) {
    const size_t bytes = all.size() / kBatchTexts;
    const auto piece = all.substr(i * bytes, bytes);
    batch.push_back(tokenizer.encode(piece, false) ? piece : text);
  }

  std::vector<std::vector<double>> prompt_s(prompts.size());
  std::vector<double> singles_s, batch_one, batch_all;
  std::vector<int32_t> ids;
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < prompts.size(); ++i)
      prompt_s[i].push_back(seconds_of([&] {
        if (!tokenizer.encode_to(prompts[i], false, ids).ok()) std::exit(1);
      }));
    const double single = seconds_of([&] {
      for (const std::string& one : batch)
        if (!tokenizer.encode_to(one, false, ids).ok()) std::exit(1);
    });
    singles_s.push_back(single);
    batch_one.push_back(
        single / seconds_of([&] { (void)value_of(tokenizer.encode_batch(batch, false, 1)); }));
    batch_all.push_back(
        single / seconds_of([&] { (void)value_of(tokenizer.encode_batch(batch, false, 0)); }));
  }
  for (size_t i = 0; i < prompts.size(); ++i)
    fmt::print("{:5} tokens: {}\n", kPromptTokens[i], shown(prompt_s[i], 1e3, " ms"));
  fmt::print("{} texts one by one: {}\n", batch.size(), shown(singles_s, 1e3, " ms"));
  fmt::print("as a batch, 1 thread: {}\n", shown(batch_one, 1, " times as fast"));
  fmt::print("as a batch, {} threads: {}\n", std::thread::hardware_concurrency(),
             shown(batch_all, 1, " times as fast"));
  return 0;
}
