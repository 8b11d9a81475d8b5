#include "ane/calibration/published.h"

#include <vector>

#include "base/check.h"

namespace anemone::ane {
namespace {

struct ModelFacts {
  std::string_view label;
  int64_t layers = 0;
  double millions_multiplied = 0;
  AttentionShape full;
  AttentionShape window;
};

constexpr AttentionShape shape(int64_t layers, int64_t heads, int64_t kv_heads, int64_t head_dim,
                               int64_t positions) {
  return {layers, heads, kv_heads, head_dim, positions};
}

#define MODEL(id, label, layers, millions, full, window) \
  constexpr ModelFacts id{label, layers, millions, shape full, shape window};
#include "ane/calibration/models.inc"
#undef MODEL

PublishedPoint point(std::string_view chip, Stack stack, const ModelFacts& model,
                     std::string_view format, int64_t positions, double weights_mb, int64_t width,
                     int64_t calls, int64_t islands, int64_t prompt_tokens, double measured_ms,
                     std::string_view source) {
  const Result<const Chip*> found = find_chip(chip);
  ANEMONE_CHECK(found.ok(), "a published point names a chip that is not in chips.inc");
  StepWork work{.weight_bytes = weights_mb * 1e6,
                .multiply_adds = model.millions_multiplied * 1e6,
                .layers = model.layers,
                .width = width,
                .calls = calls,
                .islands = islands};
  AttentionShape full = model.full;
  full.positions = positions;
  add_attention(work, full);
  add_attention(work, model.window);
  return {*found, stack, model.label, format, positions, work, prompt_tokens, measured_ms, source};
}

}  // namespace

std::span<const PublishedPoint> decode_points() {
  static const std::vector<PublishedPoint> points{
#define DECODE(chip, stack, model, format, positions, mb, width, calls, islands, rate, source) \
  point(#chip, Stack::stack, model, format, positions, mb, width, calls, islands, 0,           \
        1000.0 / (rate), source),
#include "ane/calibration/decode_points.inc"
#undef DECODE
  };
  return points;
}

std::span<const PublishedPoint> prefill_points() {
  static const std::vector<PublishedPoint> points{
#define PREFILL(chip, stack, model, format, positions, mb, width, calls, islands, prompt, ms, \
                source)                                                                       \
  point(#chip, Stack::stack, model, format, positions, mb, width, calls, islands, prompt, ms, \
        source),
#include "ane/calibration/prefill_points.inc"
#undef PREFILL
  };
  return points;
}

std::span<const LeftOut> rows_left_out() {
  static constexpr LeftOut kRows[] = {
#define LEFT_OUT(row, reason) {row, reason},
#include "ane/calibration/left_out.inc"
#undef LEFT_OUT
  };
  return kRows;
}

namespace {

double steps_of(const PublishedPoint& point) {
  if (point.prompt_tokens == 0) return 1;
  return static_cast<double>((point.prompt_tokens + point.work.width - 1) / point.work.width);
}

StepCost step_of(const PublishedPoint& point, const CostConstants& constants) {
  const Result<StepCost> cost = predict_step(*point.chip, point.stack, point.work, constants);
  ANEMONE_CHECK(cost.ok(), "a published point is of a chip whose speed is unknown");
  return *cost;
}

}  // namespace

double predicted_ms(const PublishedPoint& point, const CostConstants& constants) {
  return steps_of(point) * step_of(point, constants).total_ms();
}

double floor_ms(const PublishedPoint& point) {
  return steps_of(point) * step_of(point, kFittedCosts).floor_ms;
}

}  // namespace anemone::ane
