#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"
#include "mil/ops/list.h"

namespace anemone::mil {
namespace {

enum : size_t { kProbabilities, kClasses };
constexpr DTypeSet kLabels{DType::string, DType::int64};
constexpr Parameter kParameters[] = {
    {"probabilities", kFloat},
    {"classes", kLabels, Presence::required, BindingRule::constant, ValueType::Kind::list}};

Inferred infer(const Operands& in, size_t) {
  const Shape& shape = in.shape(kProbabilities);
  const auto label = list_element(in, kClasses);
  if (!label || label->shape.rank() != 0)
    return violates("c1", "classes are not a list of strings or int64 numbers");
  int64_t count = multiply_dims(shape, 0, shape.rank());
  const int64_t classes = list_length(in, kClasses);
  if (!dims_agree(count, classes))
    return violates("c2", "probabilities have shape {}, there are {} classes", shape.to_string(),
                    classes);
  if (classes == 0) return violates("c3", "there are no classes");
  if (count == kUnknownDim) count = classes;
  ValueType dictionary;
  dictionary.kind = ValueType::Kind::dictionary;
  dictionary.tensor = TensorType{.dtype = in.dtype(kProbabilities), .shape = Shape{count}};
  dictionary.elements = {ValueType::of(label->dtype, {}), ValueType::of(DType::fp64, {})};
  return std::vector{ValueType::of(label->dtype, {}), dictionary};
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& probabilities = *in.value(kProbabilities);
  int64_t best = 0;
  for (int64_t i = 1; i < probabilities.element_count(); ++i)
    if (probabilities.at(i) > probabilities.at(best)) best = i;
  copy_run(*in.value(kClasses), best, outputs[0], 0, 1);
  copy_all(probabilities, outputs[1]);
  return {};
}

}  // namespace

extern constinit const OpDef k_classify{
    .name = "classify",
    .parameters = kParameters,
    .outputs = {2, 2},
    .infer = infer,
    .eval = eval,
    .doc =
        "The label of the largest probability, and the dictionary of all, stored as the tensor of "
        "its "
        "values in the order of classes (`predict` writes both: <name>.keys and <name>.values)."};

}  // namespace anemone::mil
