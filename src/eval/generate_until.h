#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "anemone/result.h"
#include "eval/generation.h"
#include "eval/tokens.h"

namespace anemone::eval {

/// Takes a token and gives the likeliest one behind it.
using NextToken = std::function<Result<int32_t>(int32_t token)>;

/// The text that starts with `first` and goes on greedily to the end that `options` say. Errors:
/// those of `next` and of the tokenizer.
Result<std::string> generate_until(const GenerationOptions& options, const Codec& codec,
                                   int32_t first, const NextToken& next);

}  // namespace anemone::eval
