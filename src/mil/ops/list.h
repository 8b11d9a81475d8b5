#pragma once

#include "mil/op.h"

/// Lists of tensors of one type. The value of a list is one tensor [length, element…]. A list grows
/// when an element beyond its end is written, so that the length in its type is only the first one:
/// inference gives a length only where the value is known. Elements that nobody wrote are zeros.
namespace anemone::mil {

/// The type of the elements of list parameter `p`, or nothing when they are not tensors of known
/// rank.
std::optional<TensorType> list_element(const Operands& in, size_t p);

/// The length of list parameter `p`, unknown until its value is known.
int64_t list_length(const Operands& in, size_t p);

ValueType list_of(const TensorType& element, int64_t length);

/// The only number of parameter `p`, or nothing when its value is not known.
std::optional<int64_t> list_index(const Operands& in, size_t p);

}  // namespace anemone::mil
