#include "tensor/not_finite.h"

#include <cstring>

namespace anemone {
namespace {

/// A type of elements: the bits of its exponent, which are all set in what is not finite.
struct Layout {
  int bits;
  uint64_t exponent;
};

uint64_t repeated(uint64_t element, int bits) {
  uint64_t word = 0;
  for (int at = 0; at < 64; at += bits) word |= element << at;
  return word;
}

/// Adding the exponent's lowest bit carries into the sign's place, which the mask has emptied,
/// where all bits of the exponent are set, and nowhere else.
uint64_t full_exponents(uint64_t word, uint64_t exponents, uint64_t lowest, uint64_t signs) {
  return ((word & exponents) + lowest) & signs;
}

void count(uint64_t word, const Layout& layout, NotFinite& found) {
  const uint64_t sign = uint64_t{1} << (layout.bits - 1);
  const uint64_t whole = sign | (sign - 1);
  for (int at = 0; at < 64; at += layout.bits) {
    const uint64_t element = (word >> at) & whole;
    if ((element & layout.exponent) != layout.exponent) continue;
    const bool is_infinite = (element & ~sign) == layout.exponent;
    found.nan += is_infinite ? 0 : 1;
    found.infinite += is_infinite ? 1 : 0;
    found.minus_infinite += is_infinite && (element & sign) != 0 ? 1 : 0;
  }
}

NotFinite find(const Layout& layout, std::span<const std::byte> elements) {
  constexpr size_t kWords = 64;  // looked through at once
  const uint64_t exponents = repeated(layout.exponent, layout.bits);
  const uint64_t lowest = repeated(layout.exponent & (~layout.exponent + 1), layout.bits);
  const uint64_t signs = repeated(uint64_t{1} << (layout.bits - 1), layout.bits);
  NotFinite found;
  for (size_t at = 0; at < elements.size();) {
    uint64_t words[kWords] = {};  // zeros behind the end are finite
    const size_t size = std::min(sizeof(words), elements.size() - at);
    std::memcpy(words, elements.data() + at, size);
    at += size;
    uint64_t any = 0;
    for (const uint64_t word : words) any |= full_exponents(word, exponents, lowest, signs);
    if (any == 0) continue;
    for (const uint64_t word : words) count(word, layout, found);
  }
  return found;
}

}  // namespace

NotFinite find_not_finite(DType dtype, std::span<const std::byte> elements) {
  switch (dtype) {
    case DType::fp16:
      return find({16, 0x7c00}, elements);
    case DType::bf16:
      return find({16, 0x7f80}, elements);
    case DType::fp32:
      return find({32, 0x7f800000}, elements);
    case DType::fp64:
      return find({64, 0x7ff0000000000000}, elements);
    default:
      return {};
  }
}

}  // namespace anemone
