#include "runtime/emit.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "runtime/arguments.h"
#include "runtime/bind.h"
#include "runtime/ops/attention.h"

namespace anemone::runtime {
namespace {

class Emitter {
 public:
  Emitter(const PlanRequest& request, ValueTable& table, const std::set<ValueId>& observed,
          Plan& plan)
      : request_(request), table_(table), observed_(observed), plan_(plan) {}

  Status emit(std::vector<Draft>& drafts) {
    for (Draft& draft : drafts) {
      const mil::Operation* operation = draft.step.operation;
      if (draft.kind == Draft::Kind::run) {
        const ValueId first = draft.step.first_output;
        const size_t count = draft.step.output_count;
        ANEMONE_RETURN_IF_ERROR(emit_run(draft.step));
        for (size_t i = 0; i < count; ++i) show(first + static_cast<ValueId>(i));
        continue;
      }
      if (operation != nullptr) choose(plan_, *operation, draft.copies ? "copy" : "alias");
      if (!draft.copies) {
        if (draft.kind == Draft::Kind::view) show(draft.target);
        continue;
      }
      ANEMONE_RETURN_IF_ERROR(table_.expand(draft.source));
      table_.convert_constant(draft.source, table_.value(draft.target).storage_dtype);
      Step step{.kind = StepKind::copy, .operation = operation, .operands = {draft.source}};
      step.first_output = draft.target;
      step.output_count = 1;
      step.copy_offset_bytes = draft.offset_bytes;
      plan_.steps.push_back(std::move(step));
      if (draft.kind == Draft::Kind::view) show(draft.target);
    }
    return {};
  }

 private:
  /// Notes that a value is there once the steps that the plan has so far have run.
  void show(ValueId id) {
    if (observed_.contains(id)) plan_.shown.push_back({plan_.steps.size(), id});
  }

  void plan_slice(Step& step) {
    std::vector<mil::Operand> operands;
    for (const ValueId id : step.operands) operands.push_back(table_.operand_of(id));
    const mil::Operands inputs(operands, step.offsets, plan_.opset);
    const Arguments arguments(*step.op, inputs);
    step.slice = SliceWriter::make(
        *step.op, inputs, table_.value(step.operands[arguments.flat("update")]).storage_dtype,
        table_.value(step.first_output).storage_dtype);
  }

  Status emit_run(Step& step) {
    if (step.attention) {
      bind_attention(step);
      choose(plan_, *step.operation, step.binding->name());
      plan_.steps.push_back(std::move(step));
      return {};
    }
    const FastOp* fast = request_.kernels != nullptr && step.kind == StepKind::reference
                             ? find_fast_op(step.op->name, request_.numerics)
                             : nullptr;
    if (fast != nullptr && fast->reads == Reads::weights) bind(*fast, step);
    if (!step.binding) {
      for (const ValueId operand : step.operands) ANEMONE_RETURN_IF_ERROR(table_.expand(operand));
      if (fast != nullptr) {
        for (const ValueId operand : step.operands)
          table_.convert_constant(operand,
                                  table_.storage_dtype(table_.value(operand).storage_dtype));
        bind(*fast, step);
      }
    }
    if (step.kind == StepKind::update) plan_slice(step);
    choose(plan_, *step.operation,
           step.binding                    ? step.binding->name()
           : step.kind == StepKind::update ? std::string("in place")
                                           : std::string("reference"));
    plan_.steps.push_back(std::move(step));
    return {};
  }

  void bind_attention(Step& step) {
    AttentionTypes types;
    types.query = table_.value(step.operands[Attention::kQuery]).storage_dtype;
    types.keys = table_.value(step.operands[Attention::kKeys]).storage_dtype;
    types.mask = table_.value(step.operands[Attention::kMask]).storage_dtype;
    types.values = table_.value(step.operands[Attention::kValues]).storage_dtype;
    types.out = table_.value(step.first_output).storage_dtype;
    step.binding =
        make_attention(*step.attention, types, *request_.kernels, std::max(request_.threads, 1));
    step.kind = StepKind::bound;
  }

  void bind(const FastOp& fast, Step& step) {
    std::vector<mil::Operand> operands;
    std::vector<ConstantPtr> constants;
    std::vector<DType> storage;
    for (const ValueId id : step.operands) {
      operands.push_back(table_.operand_of(id));
      constants.push_back(table_.value(id).place == Place::constant ? table_.value(id).constant
                                                                    : nullptr);
      storage.push_back(table_.value(id).storage_dtype);
    }
    if (step.repeat) operands[step.repeat->operand].type = &table_.value(step.repeat->whole).type;
    std::vector<mil::ValueType> outputs;
    std::vector<DType> output_storage;
    for (size_t i = 0; i < step.output_count; ++i) {
      const PlanValue& output = table_.value(step.first_output + static_cast<ValueId>(i));
      outputs.push_back(output.type);
      output_storage.push_back(output.storage_dtype);
    }
    step.binding = fast.bind(
        {.operation = *step.operation,
         .op = *step.op,
         .operands = mil::Operands(operands, step.offsets, plan_.opset),
         .constants = constants,
         .storage = storage,
         .outputs = outputs,
         .output_storage = output_storage,
         .repeated_matrices = step.repeat ? std::span<const int64_t>(step.repeat->matrices)
                                          : std::span<const int64_t>(),
         .kernels = *request_.kernels,
         .weights = *request_.weights});
    if (step.binding) step.kind = StepKind::bound;
    ANEMONE_CHECK(step.binding || !step.repeat, "fused products are those that have a kernel");
  }

  const PlanRequest& request_;
  ValueTable& table_;
  const std::set<ValueId>& observed_;
  Plan& plan_;
};

}  // namespace

Status emit(const PlanRequest& request, std::vector<Draft>& drafts, ValueTable& table,
            const std::set<ValueId>& observed, Plan& plan) {
  return Emitter(request, table, observed, plan).emit(drafts);
}

}  // namespace anemone::runtime
