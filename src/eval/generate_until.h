#pragma once

#include <cstdint>
#include <functional>
#include <span>
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

/// Takes a token and writes the logits behind it to the row that was given.
using NextRow = std::function<Status(int32_t token)>;

/// The text that goes on greedily from `row`, the logits behind the context, with tokens that
/// `options.json_schema` allows. Errors: those of `next`, of the tokenizer and of the schema.
Result<std::string> generate_constrained(const GenerationOptions& options, const Codec& codec,
                                         std::span<float> row, const NextRow& next);

}  // namespace anemone::eval
