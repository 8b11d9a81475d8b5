#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "anemone/program.h"

/// Questions about types that reading, checking and running a program share.
namespace anemone::mil {

/// Bounds of every type in a program, far above real models (a vocabulary has 2^18 rows):
/// arithmetic of type inference on a few dimensions and 32-bit parameters stays inside int64_t.
inline constexpr int64_t kMaxDim = (int64_t{1} << 31) - 1;
inline constexpr int64_t kMaxElements = int64_t{1} << 46;

/// "tensor", "list" …
std::string_view kind_name(ValueType::Kind kind);

/// Whether a type is malformed (element types of lists, tuples and dictionaries; a state of
/// tensors) or exceeds a bound, and why.
std::optional<std::string> type_fault(const ValueType& type);

/// Equal up to dimensions, ranks and list lengths that one of the two does not know.
bool compatible(const TensorType& a, const TensorType& b);
bool compatible(const ValueType& a, const ValueType& b);

/// Why the contents of a constant do not fit its type (dtype, shape, element count), or nothing.
std::optional<std::string> value_fault(const Value& value);

/// Tensor type in which a value of this type is stored: its own, or for a list the type of its
/// elements with the length in front, and for a dictionary that an op yields the vector of its
/// values. Nothing for tuples, for other dictionaries, and for lists of anything but tensors.
std::optional<TensorType> storage_type(const ValueType& type);

/// `type` with the dimensions of `value`, which is stored as storage_type says.
ValueType concrete_type(const ValueType& type, const Tensor& value);

/// `declared` with what `inferred` knows and it does not. The two are compatible.
ValueType merged_type(const ValueType& declared, const ValueType& inferred);

/// In place of a malformed type: a tensor of its dtype and of any rank.
ValueType unknown_type(const ValueType& type);

}  // namespace anemone::mil
