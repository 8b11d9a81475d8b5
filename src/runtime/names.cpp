#include <fmt/format.h>

#include "anemone/model.h"
#include "base/error.h"

namespace anemone::runtime {

const char* to_string(Backend backend) {
  switch (backend) {
    case Backend::cpu:
      return "cpu";
    case Backend::coreml:
      return "coreml";
    case Backend::automatic:
      break;
  }
  return "auto";
}

Result<Backend> parse_backend(std::string_view text) {
  for (const Backend backend : {Backend::cpu, Backend::coreml, Backend::automatic})
    if (text == to_string(backend)) return backend;
  return fail(ErrorCode::invalid_argument, "backend '{}', expected auto, cpu or coreml", text);
}

const char* to_string(ComputeUnits units) {
  switch (units) {
    case ComputeUnits::all:
      return "all";
    case ComputeUnits::cpu:
      return "cpu";
    case ComputeUnits::cpu_gpu:
      return "cpu-gpu";
    case ComputeUnits::cpu_ane:
      break;
  }
  return "cpu-ane";
}

Result<ComputeUnits> parse_compute_units(std::string_view text) {
  for (const ComputeUnits units :
       {ComputeUnits::all, ComputeUnits::cpu, ComputeUnits::cpu_gpu, ComputeUnits::cpu_ane})
    if (text == to_string(units)) return units;
  return fail(ErrorCode::invalid_argument,
              "compute units '{}', expected all, cpu, cpu-gpu or cpu-ane", text);
}

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
