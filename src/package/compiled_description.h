#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "anemone/result.h"
#include "package/read_description.h"

namespace anemone::package {

/// What coremldata.bin of an .mlmodelc says.
struct CompiledDescription {
  int64_t specification_version = 0;
  ModelDescription description;
};

/// Reads coremldata.bin, little-endian:
///   u32 kind of the model (502: ML Program), 24 bytes, u64 length and text ("generic"),
///   u32 specification version, 28 bytes, u64 length and a ModelDescription message, a tail.
/// Errors: corrupt, unsupported (other kinds, by name).
Result<CompiledDescription> read_compiled_description(std::span<const std::byte> file);

}  // namespace anemone::package
