#include "ane/cost.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace anemone::ane {
namespace {

constexpr double kBytesOfHalf = 2;
/// A repeated cache is written and read. Scores are written by a product, read and written by the
/// mask and by the softmax, and read by the second product.
constexpr double kPassesOfRepeatedCache = 2;
constexpr double kPassesOfScores = 6;

/// M1: 60.9 of 68 GB/s; M6: 150 of 170.5. In between, Macs have more memory than one engine takes.
constexpr double kShareOfMemory = 0.89;

std::vector<double> measured_in_generation(const Chip& chip, Figure Chip::*figure) {
  std::vector<double> values;
  for (const Chip& other : all_chips()) {
    if (other.generation == chip.generation && (other.*figure).known()) {
      values.push_back((other.*figure).value);
    }
  }
  std::ranges::sort(values);
  return values;
}

double launch_overhead(Stack stack, const StepWork& work, const CostConstants& constants) {
  const auto calls = static_cast<double>(work.calls);
  if (stack == Stack::private_api) return calls * constants.private_launch_ms;
  const double launches = calls * (kSegmentLaunchMs + kResidentOutputMs);
  if (stack == Stack::core_ai) return launches;
  return launches + static_cast<double>(work.layers) * constants.core_ml_layer_ms;
}

}  // namespace

const CostConstants kFittedCosts{
#include "ane/cost_constants.inc"
};

std::string_view to_string(Stack stack) {
  switch (stack) {
    case Stack::core_ml:
      return "Core ML";
    case Stack::core_ai:
      return "Core AI";
    case Stack::private_api:
      return "private API";
  }
  return "";
}

void add_attention(StepWork& work, const AttentionShape& shape) {
  const auto product = [](auto... factors) { return (static_cast<double>(factors) * ...); };
  const double cache =
      kBytesOfHalf * 2 * product(shape.layers, shape.kv_heads, shape.head_dim, shape.positions);
  work.cache_bytes += cache;
  work.repeated_cache_bytes +=
      kBytesOfHalf * 2 * product(shape.layers, shape.heads, shape.head_dim, shape.positions);
  work.score_bytes +=
      kBytesOfHalf * product(shape.layers, shape.heads, work.width, shape.positions);
}

ChipRate weight_bandwidth(const Chip& chip) {
  if (chip.ane_bandwidth.known()) {
    return {.value = chip.ane_bandwidth.value, .measured = true, .rule = chip.ane_bandwidth.source};
  }
  const std::vector<double> measured = measured_in_generation(chip, &Chip::ane_bandwidth);
  if (!chip.dram.known() || measured.empty()) return {};
  const double cap = chip.device == Device::phone ? measured.front() : measured.back();
  const double share = kShareOfMemory * chip.dram.value;
  if (share < cap) return {.value = share, .rule = "89 % of the memory's bandwidth"};
  return {.value = cap, .rule = "what was measured in its generation"};
}

ChipRate peak_compute(const Chip& chip) {
  if (chip.fp16_tflops.known()) {
    return {.value = chip.fp16_tflops.value, .measured = true, .rule = chip.fp16_tflops.source};
  }
  const std::vector<double> measured = measured_in_generation(chip, &Chip::fp16_tflops);
  if (measured.empty()) return {};
  const size_t half = measured.size() / 2;
  const double median =
      measured.size() % 2 == 1 ? measured[half] : (measured[half - 1] + measured[half]) / 2;
  return {.value = median, .rule = "median of the measured chips of its generation"};
}

double StepCost::total_ms() const {
  return std::max(weights_ms, compute_ms) + attention_ms + overhead_ms;
}

Result<StepCost> predict_step(const Chip& chip, Stack stack, const StepWork& work,
                              const CostConstants& constants) {
  const ChipRate bandwidth = weight_bandwidth(chip);
  const ChipRate peak = peak_compute(chip);
  if (bandwidth.value <= 0 || peak.value <= 0) {
    return fail(ErrorCode::unsupported,
                "nothing is published of the speed of {} or a chip of its generation", chip.label);
  }
  constexpr double kBytesPerMs = 1e6;  // of 1 GB/s
  constexpr double kFlopsPerMs = 1e9;  // of 1 TFLOP/s
  const double flops = 2 * work.multiply_adds * static_cast<double>(work.width);
  const double attention = work.cache_bytes + kPassesOfRepeatedCache * work.repeated_cache_bytes +
                           kPassesOfScores * work.score_bytes;
  StepCost cost;
  cost.weights_ms = work.weight_bytes / (bandwidth.value * kBytesPerMs);
  cost.compute_ms = flops / (peak.value * constants.compute_factor * kFlopsPerMs);
  cost.attention_ms = attention / (constants.attention_gbps * kBytesPerMs);
  cost.overhead_ms = launch_overhead(stack, work, constants) +
                     static_cast<double>(work.islands) * (2 * kBackendChangeMs + kSegmentLaunchMs);
  cost.floor_ms = (work.weight_bytes + work.cache_bytes) / (bandwidth.value * kBytesPerMs);
  return cost;
}

JouleRange estimate_energy(const StepCost& step) {
  const double seconds = step.total_ms() / 1000;
  if (step.compute_bound()) return {.low = 4.2 * seconds, .high = 8.0 * seconds};
  return {.low = 2.0 * seconds, .high = 2.5 * seconds};
}

}  // namespace anemone::ane
