#include "ane/calibration/model_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "ane/calibration/expected_times.h"
#include "ane/calibration/fit.h"
#include "base/check.h"

namespace anemone::ane {
namespace {

using Errors = std::vector<double>;

constexpr std::string_view kHead =
    R"(# The cost model of the Neural Engine, and how far it is off

Written by `make ane-model`; a test fails when this file is not what it writes. Do not edit by hand.
Everything predicted here is **predicted**: Anemone has measured nothing on a Neural Engine. The measurements are other
people's, each with its source.

## The formula

A step is one call of a decoder for `width` tokens. Its time is

    max(weight bytes / bandwidth, 2 x multiply-adds x width / compute rate)
      + max((cache + 2 x repeated cache + 6 x scores) / attention rate, cache / bandwidth)
      + overhead

- Weights stream from memory once a step, as stored. The bandwidth of a chip is measured by a large layer's weights,
  so no efficiency is fitted.
- The compute rate is the highest published of convolutions; where only products of matrices were measured, that figure
  times the compute factor, which is fitted.
- Arithmetic hides behind the stream, or the stream behind it: old Core ML exports compute 64 positions for each token.
- The cache of a static graph is read whole. Grouped heads repeat it to all query heads, and the copy is written and
  read; scores are written by a product, read and written by mask and softmax, and read by the second product. All this
  passes at one rate, the same on every chip, and no faster than the caches stream from memory.
- Overhead of Core ML and Core AI: 0.25 ms a program (launch 0.125, resident output 0.125) and 0.375 ms for each island
  in the middle that leaves the Neural Engine (two backend changes, one more launch): the constants of Core ML's own
  segmenter (751K-M6, notes/coreml_dispatch.md). Core ML also pays for each layer, the private API for each dispatch.

The floor is the roofline: bytes of weights and caches over the bandwidth, and nothing else.

)";

constexpr std::string_view kLimits =
    R"(## Limits

- The form of the formula was chosen with all points in view; what is held out are its constants. So the errors above
  are those of new chips under software that is already known, and a new kind of program may be further off. A fifth
  constant, for a layer under Core AI, was tried and dropped: the fit on all points put it at zero, and with it the
  median without the chip is about 16 %.
- {a19} of {all} points are of one phone, and {m5} of one Mac and one model.
- Sizes, widths and counts of programs that a source does not state are from the formats and from the source's code;
  each point says which.
- The compute factor holds for chips of which only products of matrices were measured. One point binds it, that of M1
  Max: without it the fit is free to take another, and misses that point.
- The measured figures of chips are by several people with several methods; where none exists a rule stands in.
- Points differ in warmth, operating system and thermal state. Several are single cold runs.
- The two points of the private API hold for two programs with attention on the CPU or in many small dispatches: that
  row of constants is no more than their order of magnitude.
- Not in the formula: clock ramps (the first 0.3 s), background limits, heat, palettes of one table a row (slow on M5),
  query widths that fail to load, tokenising and sampling.
- Time to first token adds nothing for tokenising, copies of caches between the programs of prompt and decoding, or
  positions that a phone skips because they are masked.
)";

template <typename... Args>
void line(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
  text += '\n';
}

std::string percent(double share) {
  const double whole = std::round(100 * share);
  return whole == 0 ? "0 %" : fmt::format("{:+.0f} %", whole);
}
std::string middle(const Errors& errors) { return fmt::format("{:.1f} %", 100 * median(errors)); }

class Document {
 public:
  Document() : all_(fit(all_decode_points())) {
    for (const PublishedPoint& point : decode_points()) {
      const auto [held, is_new] = held_out_.try_emplace(point.chip);
      if (is_new) held->second = fit(decode_points_without(*point.chip));
    }
  }

  std::string text() {
    text_ = kHead;
    summary();
    decode();
    prefill();
    energy();
    expected();
    constants();
    chips();
    left_out();
    limits();
    return std::move(text_);
  }

 private:
  /// Constants that never saw the chip.
  const CostConstants& without(const Chip* chip) const {
    const auto held = held_out_.find(chip);
    return held == held_out_.end() ? all_ : held->second;
  }

  void summary() {
    line(text_, "## Error of predicted decoding speed\n");
    line(text_,
         "Median of |predicted / measured - 1|. Left out: the constants are fitted without the "
         "chip that is");
    line(text_, "predicted.\n");
    line(text_, "| points | number | chip left out | fitted on all |");
    line(text_, "| --- | --- | --- | --- |");
    summary_line("all", [](const PublishedPoint&) { return true; });
    for (const Stack stack : {Stack::core_ml, Stack::core_ai, Stack::private_api}) {
      summary_line(to_string(stack),
                   [stack](const PublishedPoint& point) { return point.stack == stack; });
    }
    text_ += '\n';
  }

  template <typename Chosen>
  void summary_line(std::string_view name, const Chosen& chosen) {
    Errors held;
    Errors seen;
    for (const PublishedPoint& point : decode_points()) {
      if (!chosen(point)) continue;
      held.push_back(std::abs(speed_error(point, without(point.chip))));
      seen.push_back(std::abs(speed_error(point, all_)));
    }
    line(text_, "| {} | {} | {} | {} |", name, held.size(), middle(held), middle(seen));
  }

  void decode() {
    line(text_, "## Decoding, tokens a second\n");
    line(text_,
         "| chip | stack | model, format | positions | measured | predicted, chip left out | error "
         "| fitted on"
         " all | floor | source |");
    line(text_, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const PublishedPoint& point : decode_points()) {
      const CostConstants& held = without(point.chip);
      line(text_, "| {} | {} | {}, {} | {} | {:.1f} | {:.1f} | {} | {:.1f} | {:.1f} | {} |",
           point.chip->label, to_string(point.stack), point.model, point.format,
           point.positions == 0 ? "-" : fmt::to_string(point.positions), 1000 / point.measured_ms,
           1000 / predicted_ms(point, held), percent(speed_error(point, held)),
           1000 / predicted_ms(point, all_), 1000 / floor_ms(point), point.source);
    }
    text_ += '\n';
  }

  void prefill() {
    Errors errors;
    std::string rows;
    for (const PublishedPoint& point : prefill_points()) {
      const double predicted = predicted_ms(point, without(point.chip));
      const double error = predicted / point.measured_ms - 1;
      errors.push_back(std::abs(error));
      line(rows, "| {} | {} | {}, {} | {} | {} | {:.0f} | {:.0f} | {} | {:.0f} | {} |",
           point.chip->label, to_string(point.stack), point.model, point.format,
           point.prompt_tokens, point.work.width, point.measured_ms, predicted, percent(error),
           floor_ms(point), point.source);
    }
    line(text_, "## Time to first token, milliseconds\n");
    line(text_,
         "Steps of the prompt's width, by the constants of decoding, the chip left out; nothing is "
         "fitted on"
         " these");
    line(text_, "points. Median error of {}: {}.\n", errors.size(), middle(errors));
    line(text_,
         "| chip | stack | model, format | prompt | width | measured | predicted | error | floor | "
         "source |");
    line(text_, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    text_ += rows + '\n';
  }

  void energy() {
    line(text_, "## Energy of a token\n");
    line(text_,
         "An estimate of the Neural Engine alone: the predicted time of a step at the power "
         "published for work"
         " bound");
    line(text_,
         "by weights (2.0 to 2.5 W: M5 Pro by its counter, M6) or by arithmetic (4.2 to 8 W: M1 "
         "Max, M2, M3,"
         " M3 Max).");
    line(text_, "CPU, GPU and memory come on top: on M5 Pro they are more than half.\n");
    line(text_, "| chip | model | positions | predicted J | published J | source |");
    line(text_, "| --- | --- | --- | --- | --- | --- |");
#define ENERGY(chip, model, positions, low, high, source) \
  energy_line(#chip, model, positions, low, high, source);
#include "ane/calibration/energy_points.inc"
#undef ENERGY
    text_ += '\n';
  }

  void energy_line(std::string_view chip, std::string_view model, int64_t positions, double low,
                   double high, std::string_view source) {
    const auto point = std::ranges::find_if(decode_points(), [&](const PublishedPoint& candidate) {
      return candidate.chip->name == chip && candidate.model == model &&
             candidate.positions == positions;
    });
    ANEMONE_CHECK(point != decode_points().end(), "an energy point without its decode point");
    const auto step = predict_step(*point->chip, point->stack, point->work, without(point->chip));
    const auto energy = estimate_energy(*point->chip, *step);
    const std::string estimated =
        energy ? fmt::format("{:.2f} to {:.2f}", energy->joules_low, energy->joules_high) : "n/a";
    line(text_, "| {} | {} | {} | {} | {:.2f} to {:.2f} | {} |", point->chip->label, model,
         positions, estimated, low, high, source);
  }

  void expected() {
    line(text_, "## Expected times beside the floor\n");
    line(text_,
         "What the requirements expect of the Neural Engine, and the least that the formula knows: "
         "all weights");
    line(
        text_,
        "read once at the chip's bandwidth, or multiplied with every token at its compute rate, as "
        "listed below;");
    line(text_, "the rates of M1 Max are fitted, those of the others published.\n");
    line(text_, "| requirement | model | chip | expected ms | floor ms | |");
    line(text_, "| --- | --- | --- | --- | --- | --- |");
    for (const ExpectedTime& time : expected_times()) {
      const double floor = floor_ms(time);
      const std::string range = time.low_ms > 0
                                    ? fmt::format("{:.0f} to {:.0f}", time.low_ms, time.high_ms)
                                    : fmt::format("less than {:.0f}", time.high_ms);
      line(text_, "| {} | {} | {} | {} | {:.0f} | {} |", time.requirement, time.model,
           (*find_chip(time.chip))->label, range, floor, verdict_of(time));
    }
    text_ += '\n';
  }

  void constants() {
    line(text_, "## Constants\n");
    line(text_, "Least mean |log(predicted / measured)|, by a pattern search from three starts.\n");
    line(text_,
         "| points | attention rate, GB/s | compute factor | Core ML layer, ms | private dispatch, "
         "ms |");
    line(text_, "| --- | --- | --- | --- | --- |");
    constants_line("all", all_);
    for (const Chip& chip : all_chips()) {
      const auto held = held_out_.find(&chip);
      if (held == held_out_.end()) continue;
      constants_line(fmt::format("without {}", chip.label), held->second);
    }
    text_ += '\n';
  }

  void constants_line(std::string_view name, const CostConstants& value) {
    line(text_, "| {} | {:.3g} | {:.3g} | {:.3g} | {:.3g} |", name, value.attention_gbps,
         value.compute_factor, value.core_ml_layer_ms, value.private_launch_ms);
  }

  void chips() {
    line(text_, "## Figures of the chips\n");
    line(
        text_,
        "TFLOP/s are those of the formula. The CPU, where ops stay that the Neural Engine does not "
        "take, reads at");
    line(text_,
         "{:.2f} of its Neural Engine's rate, as on M4 Max, the one chip of which both are "
         "published "
         "(GPT-2 124M at",
         kCpuShareOfBandwidth);
    line(text_,
         "283 tok/s on the CPU, mechramc/Orion, RESULTS.md), and multiplies at {} TFLOP/s, as M1 "
         "Max does (nod.ai,",
         kCpuTflops);
    line(text_, "apple-m1max-matmul-perf).\n");
    line(text_,
         "The speed \"as placed\" of `anemone check` adds to what stays on the Neural Engine, by "
         "the "
         "formula above, each");
    line(text_,
         "op on the CPU (weights in fp16 and activations at its rate, or its arithmetic), {} ms "
         "for a "
         "change of side",
         kBackendChangeMs);
    line(text_,
         "and {} ms for each further launch. Assumed, not published: a call of a program that "
         "stays on "
         "the CPU costs",
         kSegmentLaunchMs);
    line(text_,
         "what one to the Neural Engine does, and so does a layer of which a part leaves it. Where "
         "a "
         "program with");
    line(text_,
         "attention stays on the CPU whole there is no such speed: what Core ML takes for a layer "
         "there "
         "is not published.");
    line(text_,
         "Palettes and integers count as fp16 on the CPU, where it is not published that they save "
         "anything: a");
    line(text_,
         "palette makes no op there faster. No published point is of a placement that is known op "
         "by op, so this");
    line(text_, "speed has no stated error.\n");
    line(text_, "| chip | GB/s | from | CPU GB/s | TFLOP/s | from |");
    line(text_, "| --- | --- | --- | --- | --- | --- |");
    for (const Chip& chip : all_chips()) {
      const ChipRate bandwidth = weight_bandwidth(chip);
      const ChipRate reached = reached_compute(chip);
      if (bandwidth.value <= 0 || reached.value <= 0) {
        line(text_, "| {} | - | nothing published | - | - | nothing published |", chip.label);
        continue;
      }
      const Figure& peak = chip.fp16_tflops;
      const std::string how = !peak.known()          ? ""
                              : peak.of_convolutions ? "convolutions: "
                                                     : fmt::format("GEMM {}: ", peak.value);
      line(text_, "| {} | {:.1f} | {} | {:.1f} | {:.1f} | {}{} |", chip.label, bandwidth.value,
           bandwidth.rule, kCpuShareOfBandwidth * bandwidth.value, reached.value, how,
           reached.rule);
    }
    text_ += '\n';
  }

  void left_out() {
    line(text_, "## Published speeds that are not points\n");
    line(text_, "| row | why |");
    line(text_, "| --- | --- |");
    for (const LeftOut& row : rows_left_out()) line(text_, "| {} | {} |", row.row, row.reason);
    text_ += '\n';
  }

  void limits() {
    const auto of_chip = [](std::string_view name) {
      return std::ranges::count_if(decode_points(),
                                   [&](const auto& point) { return point.chip->name == name; });
    };
    text_ += fmt::format(fmt::runtime(kLimits), fmt::arg("a19", of_chip("a19pro")),
                         fmt::arg("m5", of_chip("m5pro")), fmt::arg("all", decode_points().size()));
  }

  CostConstants all_;
  std::map<const Chip*, CostConstants> held_out_;
  std::string text_;
};

}  // namespace

std::string model_document() { return Document().text(); }

}  // namespace anemone::ane
