#include <fmt/format.h>

#include "anemone/model.h"
#include "base/error.h"

namespace anemone::runtime {

const char* to_string(Numerics numerics) { return numerics == Numerics::fp16 ? "fp16" : "fp32"; }

Result<Numerics> parse_numerics(std::string_view text) {
  if (text == "fp16") return Numerics::fp16;
  if (text == "fp32") return Numerics::fp32;
  return fail(ErrorCode::invalid_argument, "numerics '{}', expected fp16 or fp32", text);
}

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::automatic:
      return "auto";
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::neon:
      break;
  }
  return "neon";
}

Result<Isa> parse_isa(std::string_view text) {
  for (const Isa isa : {Isa::automatic, Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon})
    if (text == to_string(isa)) return isa;
  return fail(ErrorCode::invalid_argument,
              "instruction set '{}', expected auto, scalar, avx2, avx512 or neon", text);
}

}  // namespace anemone::runtime
