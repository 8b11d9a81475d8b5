#include "anemone/generate.h"

#include <limits>

#include "generate/answer.h"

namespace anemone::generate {

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
    case StopReason::constraint:
      return "constraint";
  }
  return "unknown";
}

Result<Generation> generate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                            std::span<const int32_t> prompt, const Options& options,
                            const TextSink& sink) {
  ANEMONE_TRY(const auto answer, Answer::start(model, tokenizer, prompt, options, sink));
  while (!answer->complete()) {
    const lm::Extension fed = answer->feed(std::numeric_limits<size_t>::max());
    if (model.info().gives_logits) {
      ANEMONE_RETURN_IF_ERROR(model.extend(*fed.sequence, fed.tokens, fed.rows, fed.logits));
      ANEMONE_RETURN_IF_ERROR(answer->take());
    } else {
      ANEMONE_TRY(const int32_t token, model.extend_greedy(*fed.sequence, fed.tokens));
      ANEMONE_RETURN_IF_ERROR(answer->take_token(token));
    }
  }
  return answer->finish();
}

}  // namespace anemone::generate
