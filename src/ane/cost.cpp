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

struct WattRange {
  double low = 0;
  double high = 0;
  std::string_view source;
};
/// While they compute 64 positions a token.
constexpr WattRange kComputeBound{
    4.2, 8.0, "4.2 W of M1 Max to 8 W of M3 Max: smpanaro/coreml-llm-cli, README.md"};
/// M5 Pro by its counter.
constexpr WattRange kWeightBound{2.0, 2.5,
                                 "2.0 W of M5 Pro: cadamcat, findings/qwen3-4b-graph-capacity; "
                                 "2.5 W of M6: 751K-M6, notes/power.md"};

/// M1: 60.9 of 68 GB/s; M6: 150 of 170.5. In between, Macs have more memory than one engine takes.
constexpr double kShareOfMemory = 0.89;

std::vector<double> bandwidths_in_generation(const Chip& chip) {
  std::vector<double> values;
  for (const Chip& other : all_chips()) {
    if (other.generation == chip.generation && other.ane_bandwidth.known()) {
      values.push_back(other.ane_bandwidth.value);
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
  const std::vector<double> measured = bandwidths_in_generation(chip);
  if (!chip.dram.known() || measured.empty()) return {};
  const double cap = chip.device == Device::phone ? measured.front() : measured.back();
  const double share = kShareOfMemory * chip.dram.value;
  if (share < cap) return {.value = share, .rule = "89 % of the memory's bandwidth"};
  return {.value = cap, .rule = "what was measured in its generation"};
}

ChipRate reached_compute(const Chip& chip, const CostConstants& constants) {
  const auto reached = [&](const Figure& peak) {
    return peak.of_convolutions ? peak.value : peak.value * constants.compute_factor;
  };
  if (chip.fp16_tflops.known()) {
    return {.value = reached(chip.fp16_tflops), .measured = true, .rule = chip.fp16_tflops.source};
  }
  std::vector<double> rates;
  for (const Chip& other : all_chips()) {
    if (other.generation == chip.generation && other.fp16_tflops.known()) {
      rates.push_back(reached(other.fp16_tflops));
    }
  }
  if (rates.empty()) return {};
  std::ranges::sort(rates);
  const size_t half = rates.size() / 2;
  const double median = rates.size() % 2 == 1 ? rates[half] : (rates[half - 1] + rates[half]) / 2;
  return {.value = median, .rule = "median of the measured chips of its generation"};
}

double StepCost::total_ms() const {
  return std::max(weights_ms, compute_ms) + attention_ms + overhead_ms;
}

Result<StepCost> predict_step(const Chip& chip, Stack stack, const StepWork& work,
                              const CostConstants& constants) {
  const ChipRate bandwidth = weight_bandwidth(chip);
  const ChipRate reached = reached_compute(chip, constants);
  if (bandwidth.value <= 0 || reached.value <= 0) {
    return fail(ErrorCode::unsupported,
                "nothing is published of the speed of {} or a chip of its generation", chip.label);
  }
  constexpr double kBytesPerMs = 1e6;  // of 1 GB/s
  constexpr double kFlopsPerMs = 1e9;  // of 1 TFLOP/s
  const auto batch = static_cast<double>(work.batch);
  const double flops = 2 * work.multiply_adds * static_cast<double>(work.width) * batch;
  const double attention =
      batch * (work.cache_bytes + kPassesOfRepeatedCache * work.repeated_cache_bytes +
               kPassesOfScores * work.score_bytes);
  StepCost cost;
  cost.weights_ms = work.weight_bytes / (bandwidth.value * kBytesPerMs);
  cost.compute_ms = flops / (reached.value * kFlopsPerMs);
  const double cache_ms = batch * work.cache_bytes / (bandwidth.value * kBytesPerMs);
  cost.attention_ms = std::max(attention / (constants.attention_gbps * kBytesPerMs), cache_ms);
  cost.overhead_ms =
      launch_overhead(stack, work, constants) + static_cast<double>(work.islands) * cut_ms(2, 1);
  cost.floor_ms = cost.weights_ms + cache_ms;
  return cost;
}

std::optional<EnergyForecast> estimate_energy(const Chip& chip, const StepCost& step) {
  if (chip.device == Device::phone) return std::nullopt;
  const double seconds = step.total_ms() / 1000;
  const WattRange& watts = step.compute_bound() ? kComputeBound : kWeightBound;
  return EnergyForecast{.joules_low = watts.low * seconds,
                        .joules_high = watts.high * seconds,
                        .joules_floor = kWeightBound.low * step.floor_ms / 1000,
                        .source = watts.source};
}

}  // namespace anemone::ane
