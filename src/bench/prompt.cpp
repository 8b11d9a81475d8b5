#include "bench/prompt.h"

#include "base/error.h"
#include "statistics/generator.h"

namespace anemone::bench {
namespace {

constexpr std::string_view kText =
    "The harbour lies between two low hills. In the morning the boats come back with the tide, and "
    "the people of the town walk down to the quay to see what has been caught. Some of them buy "
    "fish for the day; others only talk about the weather, which changes more often here than "
    "anywhere else on the coast. When the wind turns to the north, the old men shut their windows "
    "and say that winter is near. The lighthouse was built in 1874, after a storm had taken three "
    "ships in one night. Its keeper wrote down every sail that passed, the height of the waves and "
    "the colour of the sky, and his books fill a whole shelf of the library. Today nobody lives in "
    "the tower. A machine turns the lamp on at dusk and off at dawn, and once a year an engineer "
    "climbs the stairs to clean the glass. Children are told that a light can still be seen in the "
    "upper room when there is fog, but none of them has ever stayed awake long enough to know.\n";

}  // namespace

std::string_view builtin_text() { return kText; }

Result<Prompt> make_prompt(const text::Tokenizer& tokenizer, std::string_view text,
                           int64_t tokens) {
  if (text.empty()) return fail(ErrorCode::invalid_argument, "the text of the prompt is empty");
  const auto count = static_cast<size_t>(tokens);
  std::string repeated;
  text::Encoding encoding;
  size_t before = 0;
  while (encoding.ids.size() < count) {
    const size_t copies = repeated.empty() ? 1 : repeated.size() / text.size();
    for (size_t i = 0; i < copies; ++i) repeated += text;
    ANEMONE_TRY(encoding, tokenizer.encode_with_spans(repeated, false));
    if (encoding.ids.size() <= before)
      return fail(ErrorCode::invalid_argument, "the text of the prompt has no tokens");
    before = encoding.ids.size();
  }
  repeated.resize(encoding.spans[count - 1].end);
  encoding.ids.resize(count);
  return Prompt{[tokenizer, repeated, ids = encoding.ids]() mutable {
                  return tokenizer.encode_to(repeated, false, ids);
                },
                std::move(encoding.ids)};
}

Prompt make_random_prompt(int64_t vocabulary, int64_t tokens, uint64_t seed) {
  statistics::Generator generator(seed);
  Prompt prompt;
  for (int64_t i = 0; i < tokens; ++i)
    prompt.ids.push_back(static_cast<int32_t>(generator.below(static_cast<size_t>(vocabulary))));
  return prompt;
}

}  // namespace anemone::bench
