// What guesses and the prompt cache save, on one model and in one run:
//   bench_generate MODEL [ROUNDS] [PROMPTS] [THREADS]
// Every round runs all ways in turns, so that noise of the machine meets all of them; ratios are of
// one round. Answers that differ from the plain ones are an error, not a result.

#include "anemone/generate.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../driver.h"
#include "anemone/prompt_cache.h"

namespace {

using anemone::driver::number;
using anemone::driver::value_of;
using anemone::generate::Generation;
using anemone::generate::Options;
using anemone::generate::PromptCache;
using By = anemone::generate::Speculation::By;
using Tokens = std::vector<int32_t>;
using Json = nlohmann::json;

const std::filesystem::path kTasks = std::filesystem::path(ANEMONE_SOURCE_DIR) / "tasks";
constexpr size_t kSystemTokens = 400;
constexpr int64_t kAnswerTokens = 48;

struct Work {
  std::unique_ptr<anemone::lm::LanguageModel> model;
  std::optional<anemone::text::Tokenizer> tokenizer;

  Tokens encode(const std::string& text) const { return value_of(tokenizer->encode(text, true)); }
  Tokens chat(const std::string& user) const {
    anemone::text::ChatRequest request;
    request.messages = Json::array({{{"role", "user"}, {"content", user}}}).dump();
    request.add_generation_prompt = true;
    const auto chat_template = value_of(anemone::text::ChatTemplate::of(*tokenizer));
    return value_of(tokenizer->encode(value_of(chat_template.render(request)), false));
  }
  Generation answer(const Tokens& prompt, const Options& options) const {
    return value_of(generate(*model, *tokenizer, prompt, options));
  }
};

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// Sentences to be corrected, which the answers repeat but for a letter or two.
std::vector<Tokens> echoes(const Work& work, size_t count) {
  std::vector<Tokens> prompts;
  for (const Json& line : lines_of(kTasks / "typos/typos.jsonl")) {
    if (prompts.size() == count) break;
    prompts.push_back(work.chat("Fix the typos: " + line.at("source").get<std::string>()));
  }
  return prompts;
}

/// Beginnings of prose, of which answers repeat little.
std::vector<Tokens> stories(const Work& work, size_t count) {
  std::vector<Tokens> prompts;
  const auto pages = lines_of(kTasks / "prose/prose.jsonl");
  for (size_t i = 0; prompts.size() < count; ++i) {
    const Tokens page = work.encode(pages[i % pages.size()].at("page").get<std::string>());
    const size_t end = 24 + i / pages.size() * 16;
    if (end > page.size()) break;
    prompts.emplace_back(page.begin(), page.begin() + static_cast<ptrdiff_t>(end));
  }
  return prompts;
}

struct Ratios {
  std::vector<double> values;
  void print(const char* unit) {
    std::ranges::sort(values);
    std::printf("%7.2f%s (%.2f to %.2f)", values[values.size() / 2], unit, values.front(),
                values.back());
  }
};

void guesses(const Work& work, const char* name, const std::vector<Tokens>& prompts, int rounds) {
  struct Way {
    const char* name;
    By by;
    Ratios ratios;
    int64_t drafted = 0, accepted = 0, calls = 0, tokens = 0;
  };
  Way ways[] = {
      {"plain", By::nobody, {}}, {"prompt", By::prompt_lookup, {}}, {"ngram", By::ngram, {}}};
  std::vector<Tokens> expected(prompts.size());
  for (int round = -1; round < rounds; ++round) {
    double plain_speed = 0;
    for (Way& way : ways) {
      int64_t ns = 0;
      int64_t tokens = 0;
      for (size_t i = 0; i < prompts.size(); ++i) {
        const Generation given =
            work.answer(prompts[i], {.max_tokens = kAnswerTokens, .speculation = {.by = way.by}});
        if (expected[i].empty()) expected[i] = given.tokens;
        if (given.tokens != expected[i]) {
          std::fprintf(stderr, "prompt %zu of %s: %s changes the answer\n", i, name, way.name);
          std::exit(1);
        }
        ns += given.decode_ns;
        tokens += static_cast<int64_t>(given.tokens.size()) - 1;
        way.drafted += given.drafted_tokens;
        way.accepted += given.accepted_tokens;
        way.calls += given.calls;
      }
      way.tokens += tokens;
      const double speed = static_cast<double>(tokens) * 1e9 / static_cast<double>(ns);
      if (way.by == By::nobody) plain_speed = speed;
      if (round >= 0) way.ratios.values.push_back(speed / plain_speed);  // the first one warms up
      if (round == rounds - 1 && way.by == By::nobody)
        std::printf("%-8s %zu prompts, plain %.0f tokens/s\n", name, prompts.size(), speed);
    }
  }
  for (Way& way : ways) {
    if (way.by == By::nobody) continue;
    std::printf("%-8s %-7s", name, way.name);
    way.ratios.print(" of plain tokens/s");
    std::printf(", %lld of %lld guesses right, %.2f tokens a call\n",
                static_cast<long long>(way.accepted), static_cast<long long>(way.drafted),
                static_cast<double>(way.tokens) / static_cast<double>(way.calls));
  }
}

/// A system prompt and a question, cold, from memory, and from the files of an earlier start.
void cache(const Work& work, int rounds) {
  Tokens system;
  for (const Json& page : lines_of(kTasks / "prose/prose.jsonl")) {
    const Tokens more = work.encode(page.at("page").get<std::string>());
    system.insert(system.end(), more.begin(), more.end());
  }
  system.resize(std::min(system.size(), kSystemTokens));
  const auto folder = std::filesystem::temp_directory_path() / "anemone_bench_generate";
  Ratios memory;
  Ratios disk;
  std::vector<double> cold_ms;
  int64_t reused = 0;
  for (int round = -1; round < rounds; ++round) {
    std::filesystem::remove_all(folder);
    const auto prompt_of = [&](int question) {
      Tokens prompt = system;
      for (const int32_t token :
           work.encode("\n\nQuestion " + std::to_string(round + 2) + std::to_string(question) +
                       ": who keeps the ferry? Answer:"))
        prompt.push_back(token);
      return prompt;
    };
    const auto timed = [&](int question, PromptCache* known) {
      return work.answer(prompt_of(question), {.max_tokens = 16, .cache = known});
    };
    auto first = value_of(PromptCache::open(*work.model, {.folder = folder}));
    timed(0, first.get());
    const Generation cold = timed(1, nullptr);
    const Generation warm = timed(1, first.get());
    first.reset();
    auto restarted = value_of(PromptCache::open(*work.model, {.folder = folder}));
    const Generation stored = timed(1, restarted.get());
    if (warm.tokens != cold.tokens || stored.tokens != cold.tokens) {
      std::fprintf(stderr, "the cache changes the answer\n");
      std::exit(1);
    }
    if (round < 0) continue;
    reused = warm.reused_tokens;
    const auto ms = [](const Generation& given) {
      return static_cast<double>(given.prefill_ns) / 1e6;
    };
    cold_ms.push_back(ms(cold));
    memory.values.push_back(100 * (1 - ms(warm) / ms(cold)));
    disk.values.push_back(100 * (1 - ms(stored) / ms(cold)));
  }
  std::filesystem::remove_all(folder);
  std::ranges::sort(cold_ms);
  std::printf("cache    cold %.1f ms to the first token of %zu, %lld known; saved from memory",
              cold_ms[cold_ms.size() / 2], system.size(), static_cast<long long>(reused));
  memory.print(" %");
  std::printf(", from files");
  disk.print(" %");
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "bench_generate MODEL [ROUNDS] [PROMPTS] [THREADS]\n");
    return 2;
  }
  const std::span<char* const> words(arguments, static_cast<size_t>(count));
  const int rounds = number(words, 2, 5);
  const auto prompts = static_cast<size_t>(number(words, 3, 40));
  anemone::lm::LanguageModel::Options options;
  options.runtime.threads = number(words, 4, 0);
  Work work;
  work.model = value_of(anemone::lm::LanguageModel::open(arguments[1], options));
  work.tokenizer = value_of(anemone::text::Tokenizer::load(arguments[1]));
  guesses(work, "echo", echoes(work, prompts), rounds);
  guesses(work, "prose", stories(work, prompts), rounds);
  cache(work, rounds);
  return 0;
}
