#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

constexpr double kTolerance = 1e-3;  // fp16 rounds 1 to itself; a scale was rounded too
constexpr int64_t kFewestRows = 8;   // chance does not fill so many

struct Extremes {
  std::vector<double> rows;
  std::vector<double> columns;
};

Extremes extremes_of(const Tensor& weight) {
  const int64_t rows = weight.shape()[0];
  const int64_t columns = rows == 0 ? 0 : weight.element_count() / rows;
  Extremes extremes{std::vector<double>(static_cast<size_t>(rows)),
                    std::vector<double>(static_cast<size_t>(columns))};
  for (int64_t i = 0; i < weight.element_count(); ++i) {
    const double magnitude = std::fabs(weight.at(i));
    double& row = extremes.rows[static_cast<size_t>(i / columns)];
    double& column = extremes.columns[static_cast<size_t>(i % columns)];
    row = std::max(row, magnitude);
    column = std::max(column, magnitude);
  }
  return extremes;
}

bool all_one(const std::vector<double>& values) {
  return static_cast<int64_t>(values.size()) >= kFewestRows &&
         std::ranges::all_of(
             values,
             [](double value) { return value == 0 || std::fabs(value - 1) <= kTolerance; }) &&
         std::ranges::any_of(values, [](double value) { return value > 0; });
}

bool is_compressed(const Weight& weight) { return weight.decompressor != nullptr; }

void judge(const FunctionView& function, Findings& findings) {
  const std::vector<Weight> all = weights(function);
  if (!std::ranges::any_of(all, is_compressed)) return;
  for (const Weight& weight : all) {
    const Tensor* contents = is_compressed(weight) ? nullptr : function.contents(weight.name);
    if (contents == nullptr || !is_float(contents->dtype())) continue;
    const Extremes extremes = extremes_of(*contents);
    const bool rows = all_one(extremes.rows);
    if (rows || all_one(extremes.columns))
      findings.add(function, *weight.op,
                   fmt::format("every {} of '{}' has the largest magnitude 1",
                               rows ? "row" : "column", weight.name),
                   {.operand = std::string(weight.parameter), .value = std::string(weight.name)});
  }
}

}  // namespace

extern const Rule k_weight_left_scaled{
    .info = {.id = "weight_left_scaled",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A weight without compression whose rows, or columns, all have the "
                            "largest magnitude 1: it was divided by its scale per channel and "
                            "the scale was lost.",
             .fix = "Compress without enable_per_channel_scale, or with a group size "
                    "that divides the rows; anemone compress reports what it leaves.",
             .source = "coremltools 9.0, enable_per_channel_scale with a group size that "
                       "does not divide; found by running it"},

    .check_function = judge};

}  // namespace anemone::ane
