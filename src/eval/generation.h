#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::eval {

/// generation_kwargs, understood.
struct GenerationOptions {
  std::vector<std::string> until;
  int64_t most_tokens = 256;
  std::string json_schema;  ///< what the text must look like; empty: nothing.

  bool operator==(const GenerationOptions&) const = default;
};

/// max_gen_toks counts before max_new_tokens, max_tokens and max_completion_tokens; `until` may be
/// one text or a list; `json_schema`, an object, is ours. Errors: unsupported (names the key:
/// sampling, beams), invalid_argument.
Result<GenerationOptions> parse_generation(const Value& kwargs);

/// The text before the first occurrence of each stop string, taken in the order of the list.
std::string cut_at_stops(std::string text, std::span<const std::string> until);

}  // namespace anemone::eval
