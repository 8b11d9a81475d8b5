#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// A value that was divided by its largest magnitude, or scaled down, is safe.
bool is_scaled_down(const FunctionView& function, std::string_view name) {
  constexpr double kSmall = 0.125;
  const OpView* op = function.producer(function.source_of(name));
  if (op == nullptr || (op->type() != "mul" && op->type() != "real_div")) return false;
  for (const std::string_view parameter : {"x", "y"}) {
    const Tensor* factor = function.operand_contents(*op, parameter);
    if (factor != nullptr && factor->element_count() == 1 && op->type() == "mul")
      return std::fabs(factor->at(0)) <= kSmall;
    const std::string* operand = function.operand_name(*op, parameter);
    const OpView* inner =
        operand == nullptr ? nullptr : function.producer(function.source_of(*operand));
    for (int step = 0; inner != nullptr && step < 4; ++step) {
      if (inner->type() == "reduce_max") return true;
      const std::string* next = function.operand_name(*inner, "x");
      inner = next == nullptr ? nullptr : function.producer(function.source_of(*next));
    }
  }
  return false;
}

/// The largest magnitude in the table whose rows are normalised; 0 where they do not come from one.
double largest_in_table(const FunctionView& function, std::string_view name) {
  const OpView* op = function.producer(function.source_of(name));
  const Tensor* table =
      op != nullptr && op->type() == "gather" ? function.operand_contents(*op, "x") : nullptr;
  double largest = 0;
  for (int64_t i = 0; table != nullptr && i < table->element_count(); ++i)
    largest = std::max(largest, std::fabs(table->at(i)));
  return largest;
}

void judge(const FunctionView& function, Findings& findings) {
  constexpr double kLargestSquared = 181;  // the root of 32752, rounded up
  for (const OpView& op : function.ops()) {
    const std::string_view squared = squared_value(function, op);
    const mil::ValueType* type = squared.empty() ? nullptr : function.type(squared);
    if (type == nullptr || type->tensor.dtype != DType::fp16 || is_scaled_down(function, squared))
      continue;
    const double largest = largest_in_table(function, squared);
    const bool overflows = largest > kLargestSquared;
    findings.add(function, op,
                 fmt::format("sums the squares of '{}' in fp16{}", squared,
                             overflows ? fmt::format(", whose rows reach {:.0f}", largest) : ""),
                 {.operand = std::string(squared),
                  .value = type->tensor.shape.to_string(),
                  .severity = overflows ? Severity::error : Severity::warning});
  }
}

}  // namespace

extern const Rule k_overflow_prone_norm{
    .info = {.id = "overflow_prone_norm",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation =
                 "A norm sums plain squares in fp16. Products sum to at most 32752 on the "
                 "Neural Engine, so values above 181 make it infinite; every published "
                 "residual stream goes beyond (410 for Llama-3.2-1B, 293,000 for Gemma 3 "
                 "4B). An error where the embedding alone is larger, else a warning.",
             .fix = "layer_norm of [x, -x], which anemone convert writes, or divide by "
                    "the largest magnitude first.",
             .source = "751K-M6, notes/numerics.md; ANEForge, docs/numeric-cliffs.md; "
                       "ANEMLL, docs/FP16_SCALING.md"},

    .check_function = judge};

}  // namespace anemone::ane
