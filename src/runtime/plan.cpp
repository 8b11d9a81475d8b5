#include "runtime/plan.h"

#include <algorithm>

#include "base/check.h"
#include "mil/type.h"
#include "runtime/bind.h"

namespace anemone::runtime {

std::span<const ValueId> Step::operands_of(std::string_view parameter) const {
  const auto found = std::ranges::find(op->parameters, parameter, &mil::Parameter::name);
  ANEMONE_CHECK(found != op->parameters.end(), "a parameter of the op");
  const auto p = static_cast<size_t>(found - op->parameters.begin());
  return std::span(operands).subspan(offsets[p], offsets[p + 1] - offsets[p]);
}

size_t Step::flat(std::string_view parameter) const {
  return static_cast<size_t>(operands_of(parameter).data() - operands.data());
}

int64_t PlanValue::size_bytes() const {
  const auto stored = mil::storage_type(type);
  ANEMONE_CHECK(stored.has_value(), "planned values are tensors or lists of tensors");
  return *checked_byte_count(storage_dtype, stored->shape.element_count());
}

bool PlanValue::is_kernel_matrix() const {
  const Shape& shape = type.tensor.shape;
  return place != Place::constant && place != Place::dynamic && is_kernel_dtype(storage_dtype) &&
         shape.rank() >= 2 && shape.element_count() > 0;
}

}  // namespace anemone::runtime
