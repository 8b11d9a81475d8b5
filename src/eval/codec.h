#pragma once

#include "anemone/log.h"
#include "anemone/result.h"
#include "anemone/text.h"
#include "eval/prompt.h"
#include "eval/tokens.h"

namespace anemone::eval {

/// What scoring needs of `tokenizer`, which must outlive the codec.
/// Errors: unsupported (neither a BOS nor an EOS token, so that an empty context has no token).
Result<Codec> codec_of(const text::Tokenizer& tokenizer);

/// Renders conversations by the tokenizer's template of that name ("" the usual one). A template
/// that refuses a conversation with a system message is tried again without it, as the harness
/// does; the first time `log` has a warning with the reason, then words for debugging. Errors:
/// not_found, corrupt.
Result<RenderChat> chat_of(const text::Tokenizer& tokenizer, const std::string& name,
                           const LogSink& log);

}  // namespace anemone::eval
