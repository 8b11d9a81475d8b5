#pragma once

#include "mil/op.h"

/// Ops that map every element of their first parameter on its own.
namespace anemone::mil {

/// The type of the first parameter.
inline Inferred infer_like_first(const Operands& in, size_t) {
  return std::vector{ValueType::of(in.dtype(0), in.shape(0))};
}

template <typename F>
void map_elements(const Tensor& x, Tensor& out, F f) {
  for (int64_t i = 0; i < x.element_count(); ++i) out.set(i, f(x.at(i)));
}

/// out = F(x), computed in fp64 and rounded once.
template <double (*F)(double)>
Status eval_elementwise(const Operands& in, std::span<Tensor> outputs) {
  map_elements(*in.value(0), outputs[0], F);
  return {};
}

}  // namespace anemone::mil
