#include <algorithm>
#include <array>
#include <limits>

#include "mil/ops/inference.h"
#include "mil/ops/ordering.h"

namespace anemone::mil {
namespace {

enum : size_t {
  kBoxes,
  kScores,
  kIouThreshold,
  kScoreThreshold,
  kMaxBoxes,
  kPerClassSuppression,
};
constexpr Parameter kParameters[] = {
    {"boxes", kFloat},
    {"scores", kFloat},
    {"iou_threshold", kFloat, Presence::required, BindingRule::constant},
    {"score_threshold", kFloat, Presence::optional, BindingRule::constant},
    {"max_boxes", kInt32, Presence::required, BindingRule::constant},
    {"per_class_suppression", kBool, Presence::optional, BindingRule::constant}};

/// Up to iOS 16 a box is a row ([n, B, 4] and [n, B, K]); from iOS 17 on a column.
bool boxes_are_columns(const Operands& in) { return in.opset() >= 17; }

Inferred infer(const Operands& in, size_t) {
  Shape boxes = in.shape(kBoxes);
  Shape scores = in.shape(kScores);
  if (boxes.rank() != 3 || scores.rank() != 3)
    return violates("c1", "boxes have rank {} and scores {}, expected 3", boxes.rank(),
                    scores.rank());
  const size_t box = boxes_are_columns(in) ? 2 : 1;
  if (!dims_agree(boxes[0], scores[0]) || !dims_agree(boxes[box], scores[box]) ||
      !dims_agree(boxes[3 - box], 4) || scores[3 - box] == 0)
    return violates("c2", "boxes {} and scores {} do not belong together", boxes.to_string(),
                    scores.to_string());
  const int64_t most = in.integer(kMaxBoxes, 0);
  if (most < 0) return violates("c3", "max_boxes is {}", most);
  if (boxes_are_columns(in) && in.has(kScoreThreshold))
    return violates("c4", "score_threshold was removed in iOS 17");
  const int64_t batch = boxes[0] == kUnknownDim ? scores[0] : boxes[0];
  boxes[0] = scores[0] = batch;
  boxes[box] = scores[box] = most;
  boxes[3 - box] = 4;
  std::vector<ValueType> types{ValueType::of(in.dtype(kBoxes), boxes),
                               ValueType::of(in.dtype(kScores), scores),
                               ValueType::of(DType::int32, Shape{batch, most})};
  if (!boxes_are_columns(in)) types.push_back(ValueType::of(DType::int32, Shape{batch}));
  return types;
}

/// Centre x, centre y, width, height.
using Box = std::array<double, 4>;

double overlap(const Box& a, const Box& b) {
  double shared = 1;
  for (const size_t axis : {size_t{0}, size_t{1}}) {
    const double low = std::max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2);
    const double high = std::min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2);
    shared *= std::max(0.0, high - low);
  }
  const double joint = a[2] * a[3] + b[2] * b[3] - shared;
  return joint > 0 ? shared / joint : 0;
}

struct Candidate {
  Box box{};
  double score = 0;  ///< the best of its classes.
  int64_t best = 0;  ///< that class.
};

/// Indices of the boxes that are kept, best first.
std::vector<int64_t> suppress(std::span<const Candidate> candidates, const Operands& in) {
  const double most_overlap = in.number(kIouThreshold, 0);
  const double least_score = in.number(kScoreThreshold, -std::numeric_limits<double>::infinity());
  const bool per_class = in.boolean(kPerClassSuppression, false);
  std::vector<double> scores;
  for (const Candidate& candidate : candidates) scores.push_back(candidate.score);
  std::vector<int64_t> kept;
  for (const int64_t index : sorted_positions(scores, false)) {
    if (static_cast<int64_t>(kept.size()) == in.integer(kMaxBoxes, 0)) break;
    const Candidate& candidate = candidates[static_cast<size_t>(index)];
    if (candidate.score < least_score) continue;
    const bool covered = std::ranges::any_of(kept, [&](int64_t other) {
      const Candidate& better = candidates[static_cast<size_t>(other)];
      return (!per_class || better.best == candidate.best) &&
             overlap(better.box, candidate.box) > most_overlap;
    });
    if (!covered) kept.push_back(index);
  }
  return kept;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& boxes = *in.value(kBoxes);
  const Tensor& scores = *in.value(kScores);
  const size_t box_axis = boxes_are_columns(in) ? 2 : 1;
  const size_t entry_axis = 3 - box_axis;
  const int64_t count = boxes.shape()[box_axis];
  const int64_t classes = scores.shape()[entry_axis];
  const int64_t most = in.integer(kMaxBoxes, 0);
  const auto place = [&](const Tensor& tensor, int64_t batch, int64_t box, int64_t entry) {
    return batch * tensor.shape().stride(0) + box * tensor.shape().stride(box_axis) +
           entry * tensor.shape().stride(entry_axis);
  };
  for (int64_t batch = 0; batch < boxes.shape()[0]; ++batch) {
    std::vector<Candidate> candidates(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      Candidate& candidate = candidates[static_cast<size_t>(i)];
      for (size_t entry = 0; entry < 4; ++entry)
        candidate.box[entry] = boxes.at(place(boxes, batch, i, static_cast<int64_t>(entry)));
      candidate.score = scores.at(place(scores, batch, i, 0));
      for (int64_t other = 1; other < classes; ++other) {
        const double score = scores.at(place(scores, batch, i, other));
        if (score > candidate.score) {
          candidate.score = score;
          candidate.best = other;
        }
      }
    }
    const std::vector<int64_t> kept = suppress(candidates, in);
    const auto selected = static_cast<int64_t>(kept.size());
    for (int64_t i = 0; i < most; ++i) {
      const int64_t index = i < selected ? kept[static_cast<size_t>(i)] : -1;
      outputs[2].set(batch * most + i, static_cast<double>(index));
      if (index < 0) continue;
      for (int64_t entry = 0; entry < 4; ++entry)
        outputs[0].set(place(outputs[0], batch, i, entry),
                       boxes.at(place(boxes, batch, index, entry)));
      for (int64_t entry = 0; entry < classes; ++entry)
        outputs[1].set(place(outputs[1], batch, i, entry),
                       scores.at(place(scores, batch, index, entry)));
    }
    if (outputs.size() > 3) outputs[3].set(batch, static_cast<double>(selected));
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_non_maximum_suppression{
    .name = "non_maximum_suppression",
    .parameters = kParameters,
    .outputs = {3, 4},
    .infer = infer,
    .eval = eval,
    .doc =
        "The best boxes (centre x, y, width, height) that overlap no better one by more than "
        "iou_threshold; what is left of max_boxes is zeros with index -1."};

}  // namespace anemone::mil
