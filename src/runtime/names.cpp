#include <fmt/format.h>

#include "anemone/model.h"
#include "base/error.h"

namespace anemone::runtime {

const char* to_string(Numerics numerics) {
  switch (numerics) {
    case Numerics::fp16:
      return "fp16";
    case Numerics::fp32:
      return "fp32";
    case Numerics::ane:
      break;
  }
  return "ane";
}

Result<Numerics> parse_numerics(std::string_view text) {
  for (const Numerics numerics : {Numerics::fp16, Numerics::fp32, Numerics::ane})
    if (text == to_string(numerics)) return numerics;
  return fail(ErrorCode::invalid_argument, "numerics '{}', expected fp16, fp32 or ane", text);
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
