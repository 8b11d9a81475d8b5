#include <fmt/format.h>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr int64_t kAlignmentBytes = 64;
constexpr int64_t kBitsInByte = 8;

void judge(const FunctionView& function, const mil::NamedType& value, Findings& findings) {
  const mil::TensorType& type = value.type.tensor;
  const size_t rank = type.shape.rank();
  if (value.type.kind != mil::ValueType::Kind::tensor || !is_float(type.dtype) || rank == 0) return;
  const int64_t last = type.shape[rank - 1];
  if (last <= 1 || last * bit_width(type.dtype) / kBitsInByte % kAlignmentBytes == 0) return;
  findings.add(
      function,
      fmt::format("the last axis of '{}' is no multiple of {} bytes", value.name, kAlignmentBytes),
      {.operand = value.name, .value = type.shape.to_string()});
}

void judge(const FunctionView& function, Findings& findings) {
  for_each_interface_value(function,
                           [&](const mil::NamedType& value) { judge(function, value, findings); });
}

}  // namespace

extern const Rule k_io_alignment{
    .info = {.id = "io_alignment",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "all",
             .explanation = "The last axis of inputs and outputs is laid out in steps of 64 "
                            "bytes, 32 elements of fp16; a shorter one is copied and padded in "
                            "each call.",
             .fix = "Put an axis that is a multiple of 32 last, or pad it.",
             .source = "apple/coreai-models, neural_engine_rules.md: contiguous and "
                       "aligned to 64 bytes"},

    .check_function = judge};

}  // namespace anemone::ane
