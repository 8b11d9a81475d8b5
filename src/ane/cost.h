#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ane/chip.h"
#include "anemone/forecast.h"
#include "anemone/result.h"

/// How long a step of a language model takes on the Neural Engine, as a formula of few constants.
/// Predictions only: docs/ane-model.md says how far they were from published measurements.
namespace anemone::ane {

/// What one step (one call of the decoder for `width` tokens) has to move and multiply.
struct StepWork {
  double weight_bytes = 0;          ///< as stored: read once.
  double multiply_adds = 0;         ///< with weights, for one token.
  double cache_bytes = 0;           ///< keys and values of all positions of the static context.
  double repeated_cache_bytes = 0;  ///< the same, repeated to the query heads.
  double score_bytes = 0;           ///< attention scores of all heads for `width` tokens.
  int64_t layers = 0;
  int64_t width = 1;    ///< tokens that the graph computes, wanted or not.
  int64_t calls = 1;    ///< programs, or dispatches of the private API.
  int64_t islands = 0;  ///< ops, or runs of ops, in the middle that leave the Neural Engine.
  int64_t batch = 1;    ///< sequences, each with its own caches and scores.
};

/// Attention layers of one form; `positions` is the static context, or the window.
struct AttentionShape {
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t positions = 0;
};
/// Adds the fp16 caches and scores of `shape` to work whose width is set.
void add_attention(StepWork& work, const AttentionShape& shape);

/// Fitted on the published points of docs/ane-model.md; a test holds them to that fit.
struct CostConstants {
  double attention_gbps = 0;  ///< GB/s at which caches, their copies and scores pass.
  double compute_factor =
      0;  ///< of a peak that was measured with GEMMs: what 1x1 convolutions reach.
  double core_ml_layer_ms = 0;   ///< of a layer beyond its weights; Core AI has none.
  double private_launch_ms = 0;  ///< of a dispatch.
};
extern const CostConstants kFittedCosts;

/// Published constants of Core ML's segmenter, milliseconds (751K-M6, notes/coreml_dispatch.md 2).
inline constexpr double kSegmentLaunchMs = 0.125;
inline constexpr double kBackendChangeMs = 0.125;
inline constexpr double kResidentOutputMs = 0.125;
/// What changes of side and the launches behind them take.
constexpr double cut_ms(size_t changes, size_t launches) {
  return static_cast<double>(changes) * kBackendChangeMs +
         static_cast<double>(launches) * kSegmentLaunchMs;
}

/// A figure of a chip that is measured, or stands in for one by a stated rule.
struct ChipRate {
  double value = 0;  ///< GB/s or TFLOP/s; 0 when nothing is published to start from.
  bool measured = false;
  std::string_view rule;  ///< where the value is from, in words.
};
/// GB/s at which weights stream: measured, or 89 % of the memory's (what M1 and M6 reach), at most
/// what was measured in its generation: of the base chip for phones, the highest for Macs.
ChipRate weight_bandwidth(const Chip& chip);
/// TFLOP/s in fp16 of 1x1 convolutions: measured, or a measured peak of GEMMs times the fitted
/// factor, or the median of such rates of the chips of its generation.
ChipRate reached_compute(const Chip& chip, const CostConstants& constants = kFittedCosts);

/// The CPU reads weights in fp16 at this share of its Neural Engine's rate: on M4 Max, of which
/// alone both are published, 70 GB/s (GPT-2 124M in fp16, 248 MB, at 283 tokens a second,
/// mechramc/Orion, RESULTS.md, 2026-11) beside 118.9.
inline constexpr double kCpuShareOfBandwidth = 70.0 / 118.9;
/// TFLOP/s of the CPU's products of matrices: M1 Max, Accelerate, fp32 (nod.ai,
/// apple-m1max-matmul-perf, 2026-11); of other chips nothing is known here.
inline constexpr double kCpuTflops = 1.4;

struct StepCost {
  double weights_ms = 0;
  double compute_ms = 0;    ///< overlaps with the weights: the longer one counts.
  double attention_ms = 0;  ///< caches, their copies, scores; no faster than the caches stream.
  double overhead_ms = 0;   ///< layers, launches, islands.
  double floor_ms = 0;  ///< the roofline: bytes of weights and caches at the bandwidth, no more.
  bool compute_bound() const { return compute_ms > weights_ms; }
  double total_ms() const;
};

/// Errors: unsupported (no bandwidth or peak is published for the chip or its generation).
Result<StepCost> predict_step(const Chip& chip, Stack stack, const StepWork& work,
                              const CostConstants& constants = kFittedCosts);

/// Of the Neural Engine alone, for a step: its time at the power that was published for work bound
/// by weights (2.0 to 2.5 W: M5 Pro, M6) or by arithmetic (4.2 to 8 W: M1 Max, M2, M3, M3 Max).
/// Nothing for phones, of which none is published.
std::optional<EnergyForecast> estimate_energy(const Chip& chip, const StepCost& step);

}  // namespace anemone::ane
