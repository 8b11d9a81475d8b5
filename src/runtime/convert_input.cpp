#include "runtime/convert_input.h"

#include <cmath>

#include "base/error.h"

namespace anemone::runtime {
namespace {

enum class NumberKind : uint8_t { boolean, integer, real, text };

NumberKind kind_of(DType dtype) {
  if (dtype == DType::string) return NumberKind::text;
  if (is_float(dtype)) return NumberKind::real;
  return is_integer(dtype) ? NumberKind::integer : NumberKind::boolean;
}

}  // namespace

Result<Tensor> convert_input(const Tensor& given, DType wanted, std::string_view input) {
  if (given.dtype() == wanted) return given;
  if (kind_of(given.dtype()) != kind_of(wanted) || given.dtype() == DType::string)
    return fail(ErrorCode::mismatch, "{} is {}, expected {}", input,
                given.dtype() == DType::string ? "text" : to_string(given.dtype()),
                to_string(wanted));
  Tensor converted = given.converted(wanted);
  for (int64_t i = 0; i < given.element_count(); ++i) {
    const double value = given.at(i);
    const bool fits = is_float(wanted) ? std::isfinite(converted.at(i)) || !std::isfinite(value)
                                       : converted.at(i) == value;
    if (!fits)
      return fail(ErrorCode::mismatch, "{} is {} and holds {}, which {} cannot hold", input,
                  to_string(given.dtype()), value, to_string(wanted));
  }
  return converted;
}

}  // namespace anemone::runtime
