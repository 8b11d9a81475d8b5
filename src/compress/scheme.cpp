#include "base/error.h"
#include "compress/schemes.h"

namespace anemone::compress {

Status check_blockwise(const Weight& weight, std::string_view text, std::string_view nearest) {
  if (weight.opset >= kFirstBlockwise) return {};
  return with_hint(fail(ErrorCode::unsupported, "{} needs iOS{}, the program is for iOS{}", text,
                        kFirstBlockwise, weight.opset),
                   fmt::format("the nearest is {}", nearest));
}

uint64_t Form::stored_bytes() const {
  uint64_t bytes = 0;
  for (const mil::TensorType& part : parts)
    bytes += static_cast<uint64_t>(
        checked_byte_count(part.dtype, part.shape.element_count()).value_or(0));
  return bytes;
}

std::vector<const SchemeFamily*> scheme_families() {
  return {
#define COMPRESSION_SCHEME(name) &k_##name,
#include "compress/schemes.inc"
#undef COMPRESSION_SCHEME
  };
}

}  // namespace anemone::compress
