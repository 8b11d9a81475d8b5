#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kInitLength, kDynamicLength, kElemShape, kDtype };
constexpr Parameter kParameters[] = {
    {"init_length", kInt32, Presence::optional},
    {"dynamic_length", kBool, Presence::optional, BindingRule::constant},
    {"elem_shape", kInt32, Presence::required, BindingRule::variadic},
    {"dtype", kString, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const std::string_view name = in.text(kDtype, "fp32");
  const auto dtype = parse_dtype(name);
  if (!dtype || !kData.contains(*dtype)) return violates("c1", "dtype '{}' is unknown", name);
  TensorType element{.dtype = *dtype};
  if (in.count(kElemShape) >= Shape::kMaxRank)
    return violates("c2", "elem_shape has {} entries, at most {} are possible",
                    in.count(kElemShape), Shape::kMaxRank - 1);
  for (size_t i = 0; i < in.count(kElemShape); ++i) {
    const Tensor* dim = in.value(kElemShape, i);
    if (dim == nullptr || dim->element_count() != 1 || dim->at(0) < 0)
      return violates("c3", "elem_shape[{}] is not a constant of 0 or more", i);
    element.shape.push_back(static_cast<int64_t>(dim->at(0)));
  }
  int64_t length = 1;
  if (in.has(kInitLength)) length = list_index(in, kInitLength).value_or(kUnknownDim);
  if (in.value(kInitLength) != nullptr && length < 0)
    return violates("c4", "init_length is {}, expected 0 or more", length);
  return std::vector{list_of(element, length)};
}

Status eval(const Operands&, std::span<Tensor>) { return {}; }  // outputs start as zeros

}  // namespace

extern constinit const OpDef k_make_list{
    .name = "make_list",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc = "A list of init_length zero tensors; it grows when written beyond its end."};

}  // namespace anemone::mil
