#include <algorithm>
#include <array>

#include "mil/ops/image_sampling.h"
#include "mil/ops/inference.h"
#include "mil/ops/resampling.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kX,
  kRoi,
  kBoxes,
  kBoxIndices,
  kTargetHeight,
  kTargetWidth,
  kNormalizedCoordinates,
  kSpatialScale,
  kBoxCoordinateMode,
  kSamplingMode,
  kPadValue,
};
constexpr DTypeSet kBoxTypes{DType::fp16, DType::fp32, DType::uint16};
constexpr DTypeSet kBoxIndexTypes{DType::uint16, DType::int32};
constexpr Parameter kParameters[] = {
    {"x", kFloat},
    {"roi", kFloat, Presence::optional},
    {"boxes", kBoxTypes, Presence::optional},
    {"box_indices", kBoxIndexTypes, Presence::optional},
    {"target_height", kInt32, Presence::optional, BindingRule::constant},
    {"target_width", kInt32, Presence::optional, BindingRule::constant},
    {"normalized_coordinates", kBool, Presence::optional, BindingRule::constant},
    {"spatial_scale", kFloat, Presence::optional, BindingRule::constant},
    {"box_coordinate_mode", kString, Presence::optional, BindingRule::constant},
    {"sampling_mode", kString, Presence::optional, BindingRule::constant},
    {"pad_value", kFloat, Presence::optional, BindingRule::constant}};

constexpr std::array<std::string_view, 4> kBoxModes = {
    "CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST",
    "CENTER_SIZE_WIDTH_FIRST"};

Inferred infer(const Operands& in, size_t) {
  const Shape& x = in.shape(kX);
  if (x.rank() != 4) return violates("c1", "x has rank {}, expected 4", x.rank());
  if (x[2] == 0 || x[3] == 0) return violates("c2", "the image {} is empty", x.to_string());
  const int64_t height = in.integer(kTargetHeight, 1);
  const int64_t width = in.integer(kTargetWidth, 1);
  if (height < 1 || width < 1) return violates("c3", "a crop would be {} x {}", height, width);
  const std::string_view box_mode = in.text(kBoxCoordinateMode, kBoxModes[0]);
  if (std::ranges::find(kBoxModes, box_mode) == kBoxModes.end())
    return violates("c4", "box_coordinate_mode '{}' is unknown", box_mode);
  if (!parse_sampling_mode(in.text(kSamplingMode, "DEFAULT")))
    return violates("c5", "sampling_mode '{}' is unknown", in.text(kSamplingMode, "DEFAULT"));
  if (in.has(kRoi) == in.has(kBoxes))
    return violates("c6", "expected roi (before iOS 17) or boxes, not both");
  if (in.has(kRoi)) {
    const Shape& roi = in.shape(kRoi);
    const bool fits = roi.rank() == 5 && dims_agree(roi[1], 1) &&
                      (roi[2] == 4 || roi[2] == 5 || roi[2] == kUnknownDim) &&
                      dims_agree(roi[3], 1) && dims_agree(roi[4], 1);
    if (!fits)
      return violates("c7", "roi has shape {}, expected [N, 1, 4 or 5, 1, 1]", roi.to_string());
    const int64_t images = roi[2] == 5 ? 1 : roi[2] == 4 || x[0] == 1 ? x[0] : kUnknownDim;
    return infers(in.dtype(kX), Shape{roi[0], images, x[1], height, width});
  }
  const Shape& boxes = in.shape(kBoxes);
  if (boxes.rank() != 2 || !dims_agree(boxes[1], 4))
    return violates("c7", "boxes have shape {}, expected [N, 4]", boxes.to_string());
  if (in.has(kBoxIndices) &&
      (in.shape(kBoxIndices).rank() != 1 || !dims_agree(in.shape(kBoxIndices)[0], boxes[0])))
    return violates("c8", "box_indices have shape {}, expected [{}]",
                    in.shape(kBoxIndices).to_string(), boxes[0]);
  return infers(in.dtype(kX), Shape{boxes[0], x[1], height, width});
}

/// The interval of an image's axis that a box covers, in elements.
struct Interval {
  double begin = 0;
  double end = 0;
};

/// Where the crops are taken on one axis.
class AxisSampler {
 public:
  AxisSampler(SamplingMode mode, bool normalized, int64_t length, int64_t out)
      : mode_(mode),
        out_(out),
        // Elements that are areas cover [0, length]; elements that are points reach length - 1.
        unit_(!normalized                             ? 1
              : mode == SamplingMode::unalign_corners ? static_cast<double>(length)
                                                      : static_cast<double>(length - 1)) {}

  double point(const Interval& interval, int64_t i) const {
    const double begin = interval.begin * unit_;
    const double extent = interval.end * unit_ - begin;
    const bool areas = mode_ == SamplingMode::unalign_corners;
    return begin + sampling_point(mode_, i, areas ? extent : extent + 1, out_);
  }

 private:
  SamplingMode mode_;
  int64_t out_;
  double unit_;
};

/// The rows and columns of the box whose four numbers start at `at`.
std::array<Interval, 2> read_box(const Tensor& boxes, int64_t at, std::string_view mode,
                                 double scale) {
  std::array<double, 4> box{};
  for (size_t i = 0; i < 4; ++i) box[i] = boxes.at(at + static_cast<int64_t>(i)) * scale;
  if (mode.starts_with("CENTER_SIZE"))
    box = {box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2};
  if (mode.ends_with("WIDTH_FIRST")) box = {box[1], box[0], box[3], box[2]};
  return {Interval{box[0], box[2]}, Interval{box[1], box[3]}};
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& x = *in.value(kX);
  const Shape& shape = x.shape();
  const bool has_roi = in.has(kRoi);
  const Tensor& boxes = *in.value(has_roi ? kRoi : kBoxes);
  const int64_t count = boxes.shape()[0];
  const int64_t entries = boxes.shape()[has_roi ? 2 : 1];
  const bool every_image = has_roi && entries == 4;
  const SamplingMode mode = *parse_sampling_mode(in.text(kSamplingMode, "DEFAULT"));
  const bool normalized = in.boolean(kNormalizedCoordinates, false);
  const double pad = in.number(kPadValue, 0);
  const Shape& out = outputs[0].shape();
  const int64_t height = out[out.rank() - 2];
  const int64_t width = out[out.rank() - 1];
  const AxisSampler rows(mode, normalized, shape[2], height);
  const AxisSampler columns(mode, normalized, shape[3], width);
  // Areas outside mirror the image, points outside are padding: as upstream's recorded results
  // show.
  const bool mirrors = mode == SamplingMode::unalign_corners;
  const auto value = [&](const Plane& plane, double row, double column) {
    if (mirrors) return plane.bilinear(row, column, Padding::symmetric, pad);
    const bool inside = row >= 0 && row <= static_cast<double>(plane.height - 1) && column >= 0 &&
                        column <= static_cast<double>(plane.width - 1);
    return inside ? plane.bilinear(row, column, Padding::border, pad) : pad;
  };
  int64_t to = 0;
  for (int64_t box = 0; box < count; ++box) {
    const auto [row_interval, column_interval] =
        read_box(boxes, box * entries + (entries - 4), in.text(kBoxCoordinateMode, kBoxModes[0]),
                 in.number(kSpatialScale, 1));
    int64_t image = 0;
    if (!every_image) {
      image = has_roi               ? static_cast<int64_t>(boxes.at(box * entries))
              : in.has(kBoxIndices) ? static_cast<int64_t>(in.value(kBoxIndices)->at(box))
                                    : box;
      if (image < 0 || image >= shape[0])
        return fail(ErrorCode::out_of_range, "box {} is of image {}, the batch has {}", box, image,
                    shape[0]);
    }
    for (const int64_t last = every_image ? shape[0] : image + 1; image < last; ++image) {
      for (int64_t channel = 0; channel < shape[1]; ++channel) {
        const Plane plane{x, (image * shape[1] + channel) * shape[2] * shape[3], shape[2],
                          shape[3]};
        for (int64_t i = 0; i < height; ++i)
          for (int64_t j = 0; j < width; ++j)
            outputs[0].set(
                to++, value(plane, rows.point(row_interval, i), columns.point(column_interval, j)));
      }
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_crop_resize{
    .name = "crop_resize",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "Boxes of images resized bilinearly to one size. Points outside the image are pad_value; "
        "with "
        "UNALIGN_CORNERS they mirror it (inferred from one recorded result)."};

}  // namespace anemone::mil
