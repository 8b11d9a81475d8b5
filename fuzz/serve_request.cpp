#include <cstddef>
#include <cstdint>
#include <string_view>

#include "serve/documents/chat_request.h"
#include "serve/documents/completion_request.h"
#include "serve/documents/refusal.h"

namespace {

using namespace anemone;

template <typename Request>
void check(const Result<Request>& request) {
  if (!request.ok()) {
    if (serve::Json::parse(serve::to_document(serve::refusal_of(request.error())), nullptr, false)
            .is_discarded())
      __builtin_trap();
    return;
  }
  const serve::AnswerFields& answer = request->answer;
  if (answer.choices < 1 || answer.choices > 16 || answer.max_tokens.value_or(0) < 0)
    __builtin_trap();
  if (!(answer.options.sampling.temperature >= 0)) __builtin_trap();
}

}  // namespace

/// A request is either refused with a document or one whose numbers are in their ranges.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = serve::parse_body({reinterpret_cast<const char*>(data), size});
  if (!body.ok()) return 0;
  check(serve::read_chat_request(*body, {}));
  check(serve::read_completion_request(*body, {}));
  check(serve::read_responses_request(*body, {}));
  return 0;
}
