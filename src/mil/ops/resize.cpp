#include "mil/ops/inference.h"
#include "mil/ops/resampling.h"

namespace anemone::mil {
namespace {

enum : size_t { kX, kShape, kResizedDims, kInterpolationMode, kSamplingMode };
constexpr DTypeSet kTypes = kFloat | kInt32;
constexpr DTypeSet kShapeTypes{DType::int32, DType::int16, DType::uint16, DType::uint32};
constexpr DTypeSet kCount{DType::uint32, DType::int32};
constexpr Parameter kParameters[] = {
    {"x", kTypes},
    {"shape", kShapeTypes},
    {"resized_dims", kCount, Presence::required, BindingRule::constant},
    {"interpolation_mode", kString, Presence::optional, BindingRule::constant},
    {"sampling_mode", kString, Presence::optional, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& vector = in.shape(kShape);
  const auto rank = static_cast<int64_t>(x.rank());
  const int64_t resized = in.integer(kResizedDims, 0);
  if (vector.rank() != 1 || vector[0] > rank)
    return violates("c1", "shape has shape {}, x has rank {}", vector.to_string(), rank);
  if (resized < 0 || resized > (vector[0] == kUnknownDim ? rank : vector[0]))
    return violates("c2", "resized_dims is {}, shape has {} entries", resized, vector.to_string());
  const std::string_view interpolation = in.text(kInterpolationMode, "LINEAR");
  if (interpolation != "LINEAR" && interpolation != "NEAREST_NEIGHBOR")
    return violates("c3", "interpolation_mode is '{}', expected LINEAR or NEAREST_NEIGHBOR",
                    interpolation);
  if (!parse_sampling_mode(in.text(kSamplingMode, "DEFAULT")))
    return violates("c4", "sampling_mode '{}' is unknown", in.text(kSamplingMode, "DEFAULT"));
  Shape shape = x;
  const auto entries = in.integers(kShape);
  const auto count = static_cast<size_t>(resized);
  for (size_t i = 0; i < count; ++i) {
    int64_t& dim = shape[x.rank() - count + i];
    const int64_t entry = entries ? (*entries)[entries->size() - count + i] : kUnknownDim;
    if (entries && (entry < 0 || (dim == 0 && entry > 0)))
      return violates("c5", "axis {} of length {} cannot become {}", x.rank() - count + i, dim,
                      entry);
    if (entry != 0) dim = entry;
  }
  return infers(in.dtype(kX), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const SamplingMode mode = *parse_sampling_mode(in.text(kSamplingMode, "DEFAULT"));
  const bool linear = in.text(kInterpolationMode, "LINEAR") == "LINEAR";
  const Shape& to = outputs[0].shape();
  std::vector<std::vector<Tap>> taps;
  for (size_t axis = to.rank() - static_cast<size_t>(in.integer(kResizedDims, 0)); axis < to.rank();
       ++axis) {
    const int64_t length = x.shape()[axis];
    taps.push_back(linear ? linear_taps(mode, length, to[axis])
                          : nearest_taps(mode, length, to[axis]));
  }
  resample_last_axes(x, taps, outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_resize{
    .name = "resize",
    .first_opset = 17,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The last resized_dims axes set to the last entries of shape (0 keeps an axis), by linear "
        "interpolation or the nearest element."};

}  // namespace anemone::mil
