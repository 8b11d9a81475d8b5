#include "base/error.h"
#include "compress/schemes.h"

namespace anemone::compress {

namespace {

Error too_early(const Weight& weight, std::string_view text, int first, std::string hint) {
  return with_hint(fail(ErrorCode::unsupported, "{} needs iOS{}, the program is for iOS{}", text,
                        first, weight.opset),
                   std::move(hint));
}

constexpr std::string_view kNone = "the nearest is fp16, its weights as they are";

}  // namespace

Status check_compressed(const Weight& weight, std::string_view text) {
  if (weight.opset >= kFirstCompressed) return {};
  return too_early(weight, text, kFirstCompressed, std::string(kNone));
}

Status check_blockwise(const Weight& weight, std::string_view text, std::string_view nearest) {
  if (weight.opset >= kFirstBlockwise) return {};
  return too_early(weight, text, kFirstBlockwise,
                   weight.opset < kFirstCompressed ? std::string(kNone)
                                                   : fmt::format("the nearest is {}", nearest));
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
