// MIL text: reads, verifies, and what was read prints to text that reads to the same program.

#include <cstdint>
#include <cstdlib>

#include "anemone/program.h"

namespace {

using anemone::DType;
using anemone::Error;
using anemone::ErrorCode;
using anemone::Result;
using anemone::Shape;
using anemone::Tensor;

/// Stands for a weight file of zeros that is a few KiB long.
Result<Tensor> load(const anemone::mil::BlobReference& reference, DType dtype, const Shape& shape) {
  constexpr int64_t kFileBytes = 4096;
  const auto count = anemone::checked_element_count(shape.dims());
  if (!count || *count > kFileBytes || dtype == DType::string)
    return Error{ErrorCode::corrupt, reference.path + ": too short", {}, {}};
  return Tensor::zeros(dtype, shape);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = anemone::mil::parse(text, load);
  if (!program.ok()) return 0;
  anemone::mil::verify(*program);
  const std::string printed = anemone::mil::print(*program);
  const auto again = anemone::mil::parse(printed, load);
  if (!again.ok() || anemone::mil::print(*again) != printed) std::abort();
  return 0;
}
