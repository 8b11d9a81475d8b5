

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

bool clamps(const Chip& chip) {
  return chip.generation >= Generation::h13 && chip.generation <= Generation::h15;
}

/// Whether values go through a norm or a softmax right before: those stay small.
bool is_small(const FunctionView& function, const OpView& op) {
  const std::string* x = function.operand_name(op, "x");
  if (x == nullptr) return false;
  const std::string_view source = function.source_of(*x);
  const OpView* producer = function.producer(source);
  return is_normalised(function, source) || (producer != nullptr && producer->type() == "softmax");
}

/// Whether the mask lets the last axis begin at its start, whatever `begin` says.
bool last_begin_is_masked(const FunctionView& function, const OpView& op) {
  const Tensor* mask = function.operand_contents(op, "begin_mask");
  return mask != nullptr && mask->element_count() > 0 && mask->at(mask->element_count() - 1) != 0;
}

bool starts_inside(const FunctionView& function, const OpView& op) {
  const mil::TensorType* x = function.operand_type(op, "x");
  if (x == nullptr || x->shape.rank() == 0 || !is_float(x->dtype)) return false;
  const auto last = static_cast<int64_t>(x->shape.rank()) - 1;
  if (op.type() == "split") {
    const auto axis = function.integer(op, "axis");
    return axis && (*axis == last || *axis == -1);
  }
  if (op.type() != "slice_by_index" && op.type() != "slice_by_size") return false;
  if (op.type() == "slice_by_index" && last_begin_is_masked(function, op)) return false;
  const auto begin = function.known_elements(op, "begin");
  return begin.size() == x->shape.rank() && begin.back() && *begin.back() != 0;
}

void judge(const FunctionView& function, Findings& findings) {
  for (const OpView& op : function.ops())
    if (starts_inside(function, op) && !is_small(function, op) &&
        !function.is_constant(op.operation->outputs[0].name))
      findings.add(function, op, "starts inside the last axis",
                   {.operand = "x", .value = function.operand_type(op, "x")->shape.to_string()});
}

}  // namespace

extern const Rule k_slice_clamps{
    .info = {.id = "slice_clamps",
             .family = RuleFamily::hardware,
             .severity = Severity::warning,
             .chips = "H13 to H15",
             .explanation = "On M1 to M3 a slice that starts inside the last axis clamps values"
                            " above 4094 to infinity. Slices of normalised values stay far "
                            "below.",
             .fix = "Slice along another axis, or scale the values down before.",
             .source = "sbryngelson/ANEForge, docs/numeric-cliffs.md"},
    .holds = clamps,
    .check_function = judge};

}  // namespace anemone::ane
