#include "anemone/generate.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "generate/sampler.h"
#include "generate/stop_text.h"

namespace anemone::generate {
namespace {

using Clock = std::chrono::steady_clock;

int64_t ns_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

/// One answer in the making.
class Answer {
 public:
  Answer(const text::Tokenizer& tokenizer, const Options& options, const TextSink& sink)
      : tokenizer_(tokenizer),
        stream_(tokenizer.stream(true)),
        stop_text_(options.stop),
        sink_(sink) {}

  Generation generation;

  /// Takes a token in; true when the answer is complete.
  Result<bool> add(int32_t token) {
    generation.tokens.push_back(token);
    if (std::ranges::binary_search(tokenizer_.stop_ids(), token)) {
      generation.stop = StopReason::end_of_text;
      return true;
    }
    ANEMONE_TRY(const std::string piece, stream_.step(token));
    return take(piece);
  }

  /// Gives out what was held back, after an answer that no stop text ended.
  Status finish() {
    if (generation.stop == StopReason::stop_text || generation.stop == StopReason::cancelled)
      return {};
    ANEMONE_TRY(const std::string rest, stream_.finish());
    ANEMONE_TRY(const bool stopped, take(rest));
    if (!stopped) give(stop_text_.finish());
    return {};
  }

 private:
  Result<bool> take(std::string_view piece) {
    StopText::Step step = stop_text_.feed(piece);
    if (!give(step.ready)) {
      generation.stop = StopReason::cancelled;
      return true;
    }
    if (step.found) generation.stop = StopReason::stop_text;
    return step.found;
  }

  bool give(const std::string& ready) {
    generation.text += ready;
    return ready.empty() || !sink_ || sink_(ready);
  }

  const text::Tokenizer& tokenizer_;
  text::DetokenizeStream stream_;
  StopText stop_text_;
  const TextSink& sink_;
};

/// The next token after `tokens`, by arg max where the model itself takes it.
Result<int32_t> next_token(lm::LanguageModel& model, lm::Sequence& sequence,
                           std::span<const int32_t> tokens, Sampler& sampler,
                           std::vector<float>& logits) {
  if (!model.info().gives_logits) return model.extend_greedy(sequence, tokens);
  ANEMONE_RETURN_IF_ERROR(model.extend(sequence, tokens, lm::Rows::last, logits));
  return sampler.choose(logits);
}

}  // namespace

const char* to_string(StopReason reason) {
  switch (reason) {
    case StopReason::end_of_text:
      return "end_of_text";
    case StopReason::stop_text:
      return "stop_text";
    case StopReason::max_tokens:
      return "max_tokens";
    case StopReason::context_full:
      return "context_full";
    case StopReason::cancelled:
      return "cancelled";
  }
  return "unknown";
}

Result<Generation> generate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                            std::span<const int32_t> prompt, const Options& options,
                            const TextSink& sink) {
  if (prompt.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "the prompt has no tokens"),
                     "give a text: this tokenizer puts no token before it");
  ANEMONE_TRY(Sampler sampler, Sampler::make(options.sampling, model.info().vocab_size));
  if (!sampler.takes_best() && !model.info().gives_logits)
    return fail(ErrorCode::invalid_argument,
                "{} gives only the arg max: it can be neither sampled nor penalised",
                model.info().name);
  Answer answer(tokenizer, options, sink);
  answer.generation.prompt_tokens = static_cast<int64_t>(prompt.size());
  if (options.max_tokens <= 0) return std::move(answer.generation);

  const auto sequence = model.new_sequence();
  sampler.add_prompt(prompt);
  std::vector<float> logits(model.info().gives_logits ? static_cast<size_t>(model.info().vocab_size)
                                                      : 0);
  auto start = Clock::now();
  ANEMONE_TRY(int32_t token, next_token(model, *sequence, prompt, sampler, logits));
  answer.generation.prefill_ns = ns_since(start);
  start = Clock::now();
  for (;;) {
    sampler.accept(token);
    ANEMONE_TRY(const bool complete, answer.add(token));
    if (complete) break;
    if (static_cast<int64_t>(answer.generation.tokens.size()) >= options.max_tokens) {
      answer.generation.stop = StopReason::max_tokens;
      break;
    }
    if (sequence->length() >= model.info().context_length) {
      answer.generation.stop = StopReason::context_full;
      break;
    }
    const int32_t last[] = {token};
    ANEMONE_TRY(token, next_token(model, *sequence, last, sampler, logits));
  }
  answer.generation.decode_ns = ns_since(start);
  ANEMONE_RETURN_IF_ERROR(answer.finish());
  return std::move(answer.generation);
}

}  // namespace anemone::generate
