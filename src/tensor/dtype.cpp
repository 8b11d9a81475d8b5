#include <array>

#include "anemone/tensor.h"
#include "base/check.h"

namespace anemone {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  int bits;
};

constexpr std::array kTypes = {
    DTypeInfo{DType::bool_, "bool", 8},          DTypeInfo{DType::string, "string", 0},
    DTypeInfo{DType::fp16, "fp16", 16},          DTypeInfo{DType::fp32, "fp32", 32},
    DTypeInfo{DType::fp64, "fp64", 64},          DTypeInfo{DType::bf16, "bf16", 16},
    DTypeInfo{DType::int4, "int4", 4},           DTypeInfo{DType::int8, "int8", 8},
    DTypeInfo{DType::int16, "int16", 16},        DTypeInfo{DType::int32, "int32", 32},
    DTypeInfo{DType::int64, "int64", 64},        DTypeInfo{DType::uint1, "uint1", 1},
    DTypeInfo{DType::uint2, "uint2", 2},         DTypeInfo{DType::uint3, "uint3", 3},
    DTypeInfo{DType::uint4, "uint4", 4},         DTypeInfo{DType::uint6, "uint6", 6},
    DTypeInfo{DType::uint8, "uint8", 8},         DTypeInfo{DType::uint16, "uint16", 16},
    DTypeInfo{DType::uint32, "uint32", 32},      DTypeInfo{DType::uint64, "uint64", 64},
    DTypeInfo{DType::fp8e4m3fn, "fp8e4m3fn", 8}, DTypeInfo{DType::fp8e5m2, "fp8e5m2", 8},
};

const DTypeInfo& info(DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  ANEMONE_CHECK(index < kTypes.size() && kTypes[index].dtype == dtype,
                "the table is in the order of the enumeration");
  return kTypes[index];
}

}  // namespace

std::string_view to_string(DType dtype) { return info(dtype).name; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (const DTypeInfo& entry : kTypes)
    if (entry.name == text) return entry.dtype;
  return std::nullopt;
}

int bit_width(DType dtype) { return info(dtype).bits; }

bool is_float(DType dtype) {
  switch (dtype) {
    case DType::fp16:
    case DType::fp32:
    case DType::fp64:
    case DType::bf16:
    case DType::fp8e4m3fn:
    case DType::fp8e5m2:
      return true;
    default:
      return false;
  }
}

bool is_integer(DType dtype) {
  return !is_float(dtype) && dtype != DType::bool_ && dtype != DType::string;
}

bool is_sub_byte(DType dtype) { return bit_width(dtype) > 0 && bit_width(dtype) < 8; }

}  // namespace anemone
