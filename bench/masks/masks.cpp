// Time of the masks of one answer under a JSON Schema, through the library's own interface:
//   bench_masks TOKENIZER.json SCHEMA.json ANSWER.json [ROUNDS]
// One JSON document: nanoseconds of the processor for making the compiler, of compiling, and of
// every mask.

#include <cstdio>
#include <ctime>
#include <span>
#include <string>
#include <vector>

#include "../driver.h"
#include "text/grammar.h"

namespace {

using anemone::driver::check;
using anemone::driver::read;
using anemone::driver::value_of;
using anemone::text::GrammarCompiler;
using anemone::text::Tokenizer;

/// Of this thread alone, so that other work of the machine does not count.
long long now_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<long long>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "bench_masks TOKENIZER.json SCHEMA.json ANSWER.json [ROUNDS]\n");
    return 2;
  }
  const std::span<char* const> words(argv, static_cast<size_t>(argc));
  const int rounds = anemone::driver::number(words, 4, 5);
  const Tokenizer tokenizer = value_of(Tokenizer::parse(read(argv[1])));
  const auto vocab_size = static_cast<int64_t>(tokenizer.vocab_size());
  long long begin = now_ns();
  const GrammarCompiler compiler = value_of(GrammarCompiler::make(tokenizer, vocab_size));
  const long long make_ns = now_ns() - begin;
  const std::string schema = read(argv[2]);
  begin = now_ns();
  const auto compiled = value_of(compiler.compile(GrammarCompiler::Kind::json_schema, schema));
  const long long compile_ns = now_ns() - begin;
  const std::vector<int32_t> answer = value_of(tokenizer.encode(read(argv[3]), false));
  std::vector<uint32_t> mask((static_cast<size_t>(vocab_size) + 31) / 32);
  std::printf(
      "{\"tokens\": %zu, \"vocab_size\": %lld, \"make_ns\": %lld, \"compile_ns\": %lld, "
      "\"mask_ns\": [",
      answer.size(), static_cast<long long>(vocab_size), make_ns, compile_ns);
  for (int round = 0; round < rounds; ++round) {
    auto matcher = value_of(compiled.copy());
    for (size_t i = 0; i < answer.size(); ++i) {
      begin = now_ns();
      check(matcher.mask(mask));
      const long long took_ns = now_ns() - begin;
      check(matcher.accept({&answer[i], 1}));
      std::printf("%s%lld", round > 0 || i > 0 ? ", " : "", took_ns);
    }
  }
  std::printf("]}\n");
  return 0;
}
