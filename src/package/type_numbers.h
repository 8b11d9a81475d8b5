#pragma once

#include <cstdint>
#include <optional>

#include "anemone/tensor.h"

/// The numbers that Core ML's files give to element types; each kind of file has its own.
namespace anemone::package {

/// MILSpec.DataType: types of the program.
std::optional<DType> mil_dtype(int64_t number);
int64_t mil_number(DType dtype);

/// ArrayFeatureType.ArrayDataType: arrays of the description; few dtypes have one.
std::optional<DType> array_dtype(int64_t number);
std::optional<int64_t> array_number(DType dtype);

/// BlobDataType: records of weight files; bool, string and all of 64 bits have none.
std::optional<DType> blob_dtype(int64_t number);
std::optional<int64_t> blob_number(DType dtype);

}  // namespace anemone::package
