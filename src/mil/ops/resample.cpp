#include "mil/ops/image_sampling.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kX,
  kCoordinates,
  kSamplingMode,
  kPaddingMode,
  kPaddingValue,
  kCoordinatesMode,
  kAlignCorners,
};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"coordinates", kNumber},
    {"sampling_mode", kString, Presence::required, BindingRule::constant},
    {"padding_mode", kString, Presence::required, BindingRule::constant},
    {"padding_value", kFloat, Presence::required, BindingRule::constant},
    {"coordinates_mode", kString, Presence::required, BindingRule::constant},
    {"align_corners", kBool, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  const Shape& coordinates = in.shape(kCoordinates);
  if (x.rank() != 4 || coordinates.rank() != 4 || !dims_agree(coordinates[3], 2))
    return violates("c1", "x has shape {} and coordinates {}, expected rank 4 and [?, ?, ?, 2]",
                    x.to_string(), coordinates.to_string());
  if (!dims_agree(x[0], coordinates[0]))
    return violates("c2", "x has a batch of {}, coordinates of {}", x[0], coordinates[0]);
  const std::string_view sampling = in.text(kSamplingMode, "");
  if (sampling != "bilinear" && sampling != "nearest")
    return violates("c3", "sampling_mode is '{}', expected bilinear or nearest", sampling);
  if (!parse_padding(in.text(kPaddingMode, "")))
    return violates("c4",
                    "padding_mode is '{}', expected constant, border, reflection or symmetric",
                    in.text(kPaddingMode, ""));
  const std::string_view mode = in.text(kCoordinatesMode, "");
  if (mode != "unnormalized" && mode != "normalized_minus_one_to_one" &&
      mode != "normalized_zero_to_one")
    return violates("c5", "coordinates_mode '{}' is unknown", mode);
  if (x[2] == 0 || x[3] == 0) return violates("c6", "the image {} is empty", x.to_string());
  const int64_t batch = x[0] == kUnknownDim ? coordinates[0] : x[0];
  return infers(in.dtype(kX), Shape{batch, x[1], coordinates[1], coordinates[2]});
}

/// A coordinate of the program in units of elements.
double in_elements(double coordinate, int64_t length, std::string_view mode, bool align_corners) {
  if (mode == "unnormalized") return coordinate;
  if (mode == "normalized_minus_one_to_one") coordinate = (coordinate + 1) / 2;
  const auto count = static_cast<double>(length);
  return align_corners ? coordinate * (count - 1) : coordinate * count - 0.5;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Tensor& coordinates = *in.value(kCoordinates);
  const Padding padding = *parse_padding(in.text(kPaddingMode, ""));
  const double constant = in.number(kPaddingValue, 0);
  const std::string_view mode = in.text(kCoordinatesMode, "");
  const bool align = in.boolean(kAlignCorners, true);
  const bool bilinear = in.text(kSamplingMode, "") == "bilinear";
  const Shape& shape = x.shape();
  const int64_t points = coordinates.shape()[1] * coordinates.shape()[2];
  int64_t to = 0;
  for (int64_t batch = 0; batch < shape[0]; ++batch) {
    for (int64_t channel = 0; channel < shape[1]; ++channel) {
      const Plane plane{x, (batch * shape[1] + channel) * shape[2] * shape[3], shape[2], shape[3]};
      for (int64_t point = 0; point < points; ++point, ++to) {
        const int64_t at = (batch * points + point) * 2;
        const double column = in_elements(coordinates.at(at), shape[3], mode, align);
        const double row = in_elements(coordinates.at(at + 1), shape[2], mode, align);
        outputs[0].set(to, bilinear ? plane.bilinear(row, column, padding, constant)
                                    : plane.nearest(row, column, padding, constant));
      }
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_resample{.name = "resample",
                                        .parameters = kParameters,
                                        .infer = infer,
                                        .eval = eval,
                                        .doc =
                                            "Images sampled at (x, y) coordinates, by bilinear "
                                            "interpolation or the nearest element (ties "
                                            "to even)."};

}  // namespace anemone::mil
