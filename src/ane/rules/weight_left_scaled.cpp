#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

constexpr double kTolerance = 1e-3;  // fp16 rounds 1 to itself; a scale was rounded too
constexpr int64_t kFewestRows = 8;   // chance does not fill so many

/// Whether `lines` lines of `length` elements each have the largest magnitude 1, or hold zeros;
/// stops at the first that has not. Weights of 0, 1 and -1 alone were made so (selections, ternary
/// weights). Element i of line n is n * line_step + i * step.
bool all_reach_one(const Tensor& weight, int64_t lines, int64_t length, int64_t line_step,
                   int64_t step) {
  bool any_between = false;
  for (int64_t line = 0; line < lines; ++line) {
    double largest = 0;
    for (int64_t i = 0; i < length; ++i) {
      const double magnitude = std::fabs(weight.at(line * line_step + i * step));
      largest = std::max(largest, magnitude);
      any_between = any_between || (magnitude != 0 && magnitude != 1);
    }
    if (largest != 0 && !(std::fabs(largest - 1) <= kTolerance)) return false;
  }
  return any_between && lines >= kFewestRows;
}

/// Whether a scaled column may be there: where each holds a 1, the first rows hold some, so that a
/// large weight need not be read whole. Of 40 to be expected none is missing by chance (e^-40).
bool first_rows_reach_one(const Tensor& weight, int64_t rows, int64_t columns) {
  const int64_t enough = std::min(rows, (40 * rows + columns - 1) / columns);
  for (int64_t i = 0; i < enough * columns; ++i)
    if (std::fabs(std::fabs(weight.at(i)) - 1) <= kTolerance) return true;
  return false;
}

/// The first axis that is no 1: products of matrices may have a leading one.
int64_t rows_of(const Shape& shape) {
  const auto first = std::ranges::find_if(shape, [](int64_t dim) { return dim != 1; });
  return first == shape.end() ? 1 : *first;
}

bool is_compressed(const Weight& weight) { return weight.decompressor != nullptr; }

/// Tables of positions may hold a 1 in each row, as sines and cosines do.
bool is_table(const FunctionView& function, const Weight& weight) {
  return weight.op->type() == "gather" &&
         std::ranges::none_of(function.uses(weight.name),
                              [&](const Use& use) { return function.has_weight(*use.op); });
}

/// Beside compressed weights, or in a language model, whose groups may have divided no weight;
/// elsewhere there are transforms and interpolations, with a 1 in each row.
void judge(const FunctionView& function, Findings& findings) {
  const std::vector<Weight> all = weights(function);
  if (!is_language_model(function) && !std::ranges::any_of(all, is_compressed)) return;
  for (const Weight& weight : all) {
    if (is_table(function, weight)) continue;
    const Tensor* contents = is_compressed(weight) ? nullptr : function.contents(weight.name);
    if (contents == nullptr || !is_float(contents->dtype())) continue;
    const int64_t rows = rows_of(contents->shape());
    if (contents->element_count() == 0) continue;
    const int64_t columns = contents->element_count() / rows;
    const bool by_row = all_reach_one(*contents, rows, columns, columns, 1);
    if (by_row || (first_rows_reach_one(*contents, rows, columns) &&
                   all_reach_one(*contents, columns, rows, 1, columns)))
      findings.add(function, *weight.op,
                   fmt::format("every {} of '{}' has the largest magnitude 1",
                               by_row ? "row" : "column", weight.name),
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
