#include "mil/ops/image_sampling.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kX,
  kTransformMatrix,
  kOutputHeight,
  kOutputWidth,
  kSamplingMode,
  kPaddingMode,
  kPaddingValue,
  kCoordinatesMode,
  kAlignCorners,
};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"transform_matrix", kFloat},
    {"output_height", kInt32, Presence::required, BindingRule::constant},
    {"output_width", kInt32, Presence::required, BindingRule::constant},
    {"sampling_mode", kString, Presence::required, BindingRule::constant},
    {"padding_mode", kString, Presence::required, BindingRule::constant},
    {"padding_value", kFloat, Presence::required, BindingRule::constant},
    {"coordinates_mode", kString, Presence::required, BindingRule::constant},
    {"align_corners", kBool, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& matrix = in.shape(kTransformMatrix);
  if (x.rank() != 4) return violates("c1", "x has rank {}, expected 4", x.rank());
  if (matrix.rank() != 2 || !dims_agree(matrix[1], 6) ||
      (matrix[0] != 1 && !dims_agree(matrix[0], x[0])))
    return violates("c2", "transform_matrix has shape {}, expected [1, 6] or [{}, 6]",
                    matrix.to_string(), x[0]);
  const int64_t height = in.integer(kOutputHeight, 1);
  const int64_t width = in.integer(kOutputWidth, 1);
  if (height < 1 || width < 1) return violates("c3", "the output would be {} x {}", height, width);
  if (in.text(kSamplingMode, "") != "bilinear")
    return violates("c4", "sampling_mode is '{}', expected bilinear", in.text(kSamplingMode, ""));
  if (in.text(kPaddingMode, "") != "constant")
    return violates("c5", "padding_mode is '{}', expected constant", in.text(kPaddingMode, ""));
  if (in.text(kCoordinatesMode, "") != "normalized_minus_one_to_one")
    return violates("c6", "coordinates_mode is '{}', expected normalized_minus_one_to_one",
                    in.text(kCoordinatesMode, ""));
  if (!in.boolean(kAlignCorners, true)) return violates("c7", "align_corners is false");
  if (x[2] == 0 || x[3] == 0) return violates("c8", "the image {} is empty", x.to_string());
  return infers(in.dtype(kX), Shape{x[0], x[1], height, width});
}

/// Element `i` of `count` as a coordinate from -1 to 1.
double normalized(int64_t i, int64_t count) {
  return count == 1 ? -1 : -1 + 2 * static_cast<double>(i) / static_cast<double>(count - 1);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& matrix = *in.value(kTransformMatrix);
  const double constant = in.number(kPaddingValue, 0);
  const Shape& shape = x.shape();
  const Shape& out = outputs[0].shape();
  int64_t to = 0;
  for (int64_t batch = 0; batch < shape[0]; ++batch) {
    const int64_t first = matrix.shape()[0] == 1 ? 0 : batch * 6;
    const auto coefficient = [&](int64_t i) { return matrix.at(first + i); };
    for (int64_t channel = 0; channel < shape[1]; ++channel) {
      const Plane plane{x, (batch * shape[1] + channel) * shape[2] * shape[3], shape[2], shape[3]};
      for (int64_t row = 0; row < out[2]; ++row) {
        for (int64_t column = 0; column < out[3]; ++column, ++to) {
          const double h = normalized(row, out[2]);
          const double w = normalized(column, out[3]);
          const double from_w = coefficient(0) * w + coefficient(1) * h + coefficient(2);
          const double from_h = coefficient(3) * w + coefficient(4) * h + coefficient(5);
          outputs[0].set(to, plane.bilinear((from_h + 1) / 2 * static_cast<double>(shape[2] - 1),
                                            (from_w + 1) / 2 * static_cast<double>(shape[3] - 1),
                                            Padding::constant, constant));
        }
      }
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_affine{.name = "affine",
                                      .parameters = kParameters,
                                      .infer = infer,
                                      .eval = eval,
                                      .doc =
                                          "Images sampled bilinearly where [a0 a1 a2; b0 b1 b2] "
                                          "maps each output point, in coordinates "
                                          "from -1 to 1."};

}  // namespace anemone::mil
