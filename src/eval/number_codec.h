#pragma once

#include <string>

#include "eval/codec.h"

namespace anemone::eval {

/// For tests: decodes to the numbers of the tokens, so that a generated text says which they are.
inline Codec number_codec() {
  Codec codec;
  codec.encode = [](std::string_view, bool) -> Result<Tokens> { return Tokens{0}; };
  codec.decode = [](std::span<const int32_t> tokens, bool) -> Result<std::string> {
    std::string text;
    for (const int32_t token : tokens) text += std::to_string(token) + " ";
    return text;
  };
  return codec;
}

}  // namespace anemone::eval
