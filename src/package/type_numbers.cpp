#include "package/type_numbers.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

struct TypeNumber {
  int64_t number;
  DType dtype;
};

constexpr TypeNumber kMil[] = {
    {1, DType::bool_},      {2, DType::string},   {10, DType::fp16},   {11, DType::fp32},
    {12, DType::fp64},      {13, DType::bf16},    {21, DType::int8},   {22, DType::int16},
    {23, DType::int32},     {24, DType::int64},   {25, DType::int4},   {31, DType::uint8},
    {32, DType::uint16},    {33, DType::uint32},  {34, DType::uint64}, {35, DType::uint4},
    {36, DType::uint2},     {37, DType::uint1},   {38, DType::uint6},  {39, DType::uint3},
    {40, DType::fp8e4m3fn}, {41, DType::fp8e5m2},
};

constexpr TypeNumber kArray[] = {
    {wire::ArrayFeatureType::FLOAT16, DType::fp16}, {wire::ArrayFeatureType::FLOAT32, DType::fp32},
    {wire::ArrayFeatureType::DOUBLE, DType::fp64},  {wire::ArrayFeatureType::INT8, DType::int8},
    {wire::ArrayFeatureType::INT32, DType::int32},
};

constexpr TypeNumber kBlob[] = {
    {1, DType::fp16},     {2, DType::fp32},   {3, DType::uint8},   {4, DType::int8},
    {5, DType::bf16},     {6, DType::int16},  {7, DType::uint16},  {8, DType::int4},
    {9, DType::uint1},    {10, DType::uint2}, {11, DType::uint4},  {12, DType::uint3},
    {13, DType::uint6},   {14, DType::int32}, {15, DType::uint32}, {16, DType::fp8e4m3fn},
    {17, DType::fp8e5m2},
};

std::optional<DType> find_dtype(std::span<const TypeNumber> types, int64_t number) {
  const auto found = std::ranges::find(types, number, &TypeNumber::number);
  if (found == types.end()) return std::nullopt;
  return found->dtype;
}

std::optional<int64_t> find_number(std::span<const TypeNumber> types, DType dtype) {
  const auto found = std::ranges::find(types, dtype, &TypeNumber::dtype);
  if (found == types.end()) return std::nullopt;
  return found->number;
}

}  // namespace

std::optional<DType> mil_dtype(int64_t number) { return find_dtype(kMil, number); }

int64_t mil_number(DType dtype) {
  const auto number = find_number(kMil, dtype);
  ANEMONE_CHECK(number, "every dtype is one of MIL's");
  return *number;
}

std::optional<DType> array_dtype(int64_t number) { return find_dtype(kArray, number); }
std::optional<int64_t> array_number(DType dtype) { return find_number(kArray, dtype); }
std::optional<DType> blob_dtype(int64_t number) { return find_dtype(kBlob, number); }
std::optional<int64_t> blob_number(DType dtype) { return find_number(kBlob, dtype); }

}  // namespace anemone::package
