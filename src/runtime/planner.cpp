#include "runtime/planner.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/check.h"
#include "base/error.h"
#include "mil/resolve.h"
#include "runtime/emit.h"
#include "runtime/view.h"

namespace anemone::runtime {
namespace {

class Planner {
 public:
  explicit Planner(const PlanRequest& request) : request_(request), table_(request, *plan_) {
    plan_->function = &request.function;
    plan_->opset = mil::opset_number(request.function.opset);
    plan_->numerics = request.numerics;
  }

  Result<std::shared_ptr<const Plan>> build() {
    ANEMONE_RETURN_IF_ERROR(declare_inputs());
    const auto& operations = request_.function.block.operations;
    for (size_t i = 0; i < operations.size(); ++i)
      ANEMONE_RETURN_IF_ERROR(
          plan_operation(operations[i])
              .in(fmt::format("{}: op {} '{}' ({})", request_.function.name, i,
                              operations[i].display_name(), operations[i].type)));
    choose_outputs();
    choose_observed();
    if (request_.kernels != nullptr && request_.numerics != Numerics::ane) {
      fuse_repeats(plan_->values, drafts_);
      fuse_attention(plan_->values, drafts_, needed_values());
    }
    drop_unused();
    plan_states(plan_->values, drafts_, plan_->outputs);
    copy_foreign_outputs();
    ANEMONE_RETURN_IF_ERROR(emit(request_, drafts_, table_, observed_, *plan_));
    plan_memory(*plan_);
    ANEMONE_RETURN_IF_ERROR(table_.check_memory(plan_->arena_bytes));
    plan_->arena_limit_bytes = table_.left_bytes();
    return std::shared_ptr<const Plan>(std::move(plan_));
  }

 private:
  Status declare_inputs() {
    size_t tensors = 0;
    for (const mil::NamedType& input : request_.function.inputs) {
      mil::ValueType type = input.type;
      if (type.tensor.dtype == DType::string)
        return fail(ErrorCode::unsupported, "input '{}' of function '{}' is text ({})", input.name,
                    request_.function.name, mil::to_string(type));
      if (type.kind == mil::ValueType::Kind::state) {
        const ValueId id = table_.add(input.name, std::move(type), Place::state);
        table_.value(id).state_index = plan_->states.size();
        plan_->states.push_back(id);
        ANEMONE_RETURN_IF_ERROR(table_.hold(table_.value(id).type, table_.value(id).storage_dtype));
        continue;
      }
      type.tensor.shape = request_.input_shapes[tensors++];
      type.tensor.variable_rank = false;
      ANEMONE_RETURN_IF_ERROR(check_size(type).in(fmt::format("input '{}'", input.name)));
      plan_->inputs.push_back(table_.add(input.name, std::move(type), Place::input));
    }
    return {};
  }

  void choose_outputs() {
    for (const std::string& name : request_.function.block.outputs) {
      plan_->output_names.push_back(name);
      plan_->outputs.push_back(table_.at(name));
    }
  }

  void choose_observed() {
    plan_->show = request_.show;
    plan_->shows_first_lane = request_.shows_first_lane;
    for (const std::string& name : request_.observed) {
      const ValueId id = table_.find(name);
      if (id == kNoValue) continue;
      const Place place = table_.value(id).place;
      if (place == Place::input)
        plan_->shown.push_back({0, id});
      else if (place != Place::state && place != Place::constant)
        observed_.insert(id);
    }
  }

  std::vector<ValueId> needed_values() const {
    std::vector<ValueId> needed = plan_->outputs;
    needed.insert(needed.end(), observed_.begin(), observed_.end());
    return needed;
  }

  void drop_unused() {
    for (const Draft& draft : take_unused(plan_->values, drafts_, needed_values())) {
      const std::string kernel =
          draft.fused_into.empty() ? "not needed" : "fused into " + draft.fused_into;
      choose(*plan_, *draft.step.operation, kernel);
      if (draft.kind == Draft::Kind::view) table_.value(draft.target).place = Place::nowhere;
      for (size_t i = 0; i < draft.step.output_count; ++i)
        table_.value(draft.step.first_output + static_cast<ValueId>(i)).place = Place::nowhere;
    }
  }

  Status plan_operation(const mil::Operation& operation) {
    const mil::OpDef* op = mil::find_op(operation.type);
    ANEMONE_CHECK(op != nullptr, "Model::load refuses unknown operations");
    if (op->kind == mil::OpKind::constant) {
      const mil::Value* constant = operation.find_attribute("val");
      ANEMONE_CHECK(constant != nullptr, "the verifier requires the value of a const");
      table_.add_constant(operation.outputs.at(0).name, constant_of(*constant));
      return {};
    }

    std::vector<mil::Violation> faults;
    const mil::ParameterSources matched = mil::match_parameters(operation, *op, faults);
    Step step{.operation = &operation, .op = op, .offsets = matched.offsets};
    for (const mil::Source& source : matched.sources)
      step.operands.push_back(source.value != nullptr
                                  ? table_.add_constant({}, constant_of(*source.value))
                                  : table_.at(std::string_view(source.name)));
    if (op->kind == mil::OpKind::state) return plan_state_operation(operation, step);
    if (op->kind == mil::OpKind::control) return plan_control(operation, std::move(step));
    return plan_plain(operation, std::move(step));
  }

  static Constant constant_of(const mil::Value& source) {
    auto stored = mil::stored_tensor(source);
    return Constant{.type = source.type, .tensor = stored ? *std::move(stored) : Tensor{}};
  }

  Status plan_state_operation(const mil::Operation& operation, const Step& step) {
    const ValueId state = step.operands[0];
    if (operation.type == "write_state") {
      drafts_.push_back(
          Draft{.kind = Draft::Kind::write, .source = step.operands[1], .target = state});
      drafts_.back().step.operation = &operation;
      return {};
    }
    const mil::ValueType contents = mil::ValueType::of(table_.value(state).type.tensor.dtype,
                                                       table_.value(state).type.tensor.shape);
    add_view(operation, operation.outputs.at(0).name, contents, state, 0);
    return {};
  }

  void add_view(const mil::Operation& operation, std::string_view name, const mil::ValueType& type,
                ValueId source, uint64_t offset_bytes) {
    const ValueId target = table_.add(name, type, Place::alias);
    table_.value(target).storage_dtype = table_.value(source).storage_dtype;
    drafts_.push_back(Draft{.kind = Draft::Kind::view,
                            .source = source,
                            .target = target,
                            .offset_bytes = offset_bytes});
    drafts_.back().step.operation = &operation;
  }

  void add_run(const mil::Operation& operation, Step step, std::span<const mil::ValueType> types,
               Place place) {
    step.output_count = types.size();
    step.first_output = static_cast<ValueId>(plan_->values.size());
    for (size_t i = 0; i < types.size(); ++i) {
      mil::ValueType type = types[i];
      type.list_length = kUnknownDim;  // lists grow; a program only says how they start
      table_.add(operation.outputs[i].name, type, place);
    }
    drafts_.push_back(Draft{.kind = Draft::Kind::run, .step = std::move(step)});
  }

  Status plan_control(const mil::Operation& operation, Step step) {
    std::unordered_set<std::string_view> names;
    for (const mil::Block& block : operation.blocks) collect_names(block, names);
    for (const std::string_view name : names) {
      const ValueId id = table_.find(name);
      if (id == kNoValue) continue;
      ANEMONE_RETURN_IF_ERROR(table_.expand(id));
      step.operands.push_back(id);
      step.captures.push_back(name);
    }
    for (const ValueId operand : step.operands) ANEMONE_RETURN_IF_ERROR(table_.expand(operand));
    step.kind = StepKind::control;
    std::vector<mil::ValueType> types;
    for (const mil::NamedType& output : operation.outputs) {
      if (output.type.kind == mil::ValueType::Kind::state)
        return fail(ErrorCode::mismatch, "output '{}' is {}, only inputs of functions are states",
                    output.name, mil::to_string(output.type));
      types.push_back(output.type);
    }
    add_run(operation, std::move(step), types, Place::dynamic);
    return {};
  }

  static void collect_names(const mil::Block& block, std::unordered_set<std::string_view>& names) {
    for (const mil::Operation& operation : block.operations) {
      for (const mil::Argument& argument : operation.inputs)
        for (const mil::Binding& binding : argument.bindings)
          if (binding.is_name()) names.insert(binding.name());
      for (const mil::Block& nested : operation.blocks) collect_names(nested, names);
    }
    for (const std::string& output : block.outputs) names.insert(output);
  }

  Status plan_plain(const mil::Operation& operation, Step step) {
    std::vector<mil::Operand> operands;
    std::vector<DType> storage;
    bool constant = true;
    bool dynamic = false;
    for (const ValueId id : step.operands) {
      operands.push_back(table_.operand_of(id));
      storage.push_back(table_.value(id).storage_dtype);
      constant = constant && table_.value(id).place == Place::constant;
      dynamic = dynamic || root_is_dynamic(id);
    }
    if (std::ranges::any_of(operands, [](const auto& o) { return o.type->tensor.variable_rank; }))
      return plan_any_rank(operation, std::move(step));
    const mil::Operands inputs(operands, step.offsets, plan_->opset);
    auto inferred = step.op->infer(inputs, operation.outputs.size());
    if (const auto* violation = std::get_if<mil::Violation>(&inferred))
      return fail(ErrorCode::mismatch, "{} [{}_{}]", violation->message, operation.type,
                  violation->id);
    auto types = std::get<std::vector<mil::ValueType>>(std::move(inferred));
    if (types.size() != operation.outputs.size())
      return fail(ErrorCode::mismatch, "has {} outputs, the op yields {}", operation.outputs.size(),
                  types.size());
    bool known = true;
    for (size_t i = 0; i < types.size(); ++i) {
      known = known && types[i].kind == mil::ValueType::Kind::tensor && is_known(types[i]);
      adopt_declared(types[i], operation.outputs[i].type);
      ANEMONE_RETURN_IF_ERROR(check_size(types[i]));
    }

    if (known && constant && !operation.type.starts_with("random_"))
      return table_.fold(operation, step, std::move(types));
    if (operation.type == "shape" && is_known(*operands[0].type)) {
      table_.fold_shape(operation, operands[0].type->tensor.shape, types[0]);
      return {};
    }
    const bool strings =
        std::ranges::any_of(types, [](const auto& t) { return t.tensor.dtype == DType::string; });
    if (known && !dynamic && !strings && add_views(operation, step, inputs, storage, types))
      return {};
    step.kind = known && !strings ? StepKind::reference : StepKind::dynamic;
    const Place place = step.kind == StepKind::dynamic ? Place::dynamic : Place::arena;
    add_run(operation, std::move(step), types, place);
    return {};
  }

  /// Nothing can be inferred before the ranks are known: a run infers, and checks against the
  /// program's own word.
  Status plan_any_rank(const mil::Operation& operation, Step step) {
    step.kind = StepKind::dynamic;
    std::vector<mil::ValueType> types;
    for (const mil::NamedType& output : operation.outputs) types.push_back(output.type);
    add_run(operation, std::move(step), types, Place::dynamic);
    return {};
  }

  bool root_is_dynamic(ValueId id) const {
    const PlanValue& bound = plan_->values[static_cast<size_t>(id)];
    return bound.place == Place::dynamic;
  }

  /// Dimensions that inference cannot know are taken from the program's own word; a run checks
  /// them.
  static void adopt_declared(mil::ValueType& inferred, const mil::ValueType& declared) {
    if (inferred.kind != declared.kind) return;
    if (inferred.kind != mil::ValueType::Kind::tensor || declared.tensor.variable_rank) return;
    if (inferred.tensor.variable_rank) {
      inferred.tensor = declared.tensor;
      return;
    }
    if (inferred.tensor.shape.rank() != declared.tensor.shape.rank()) return;
    for (size_t axis = 0; axis < inferred.tensor.shape.rank(); ++axis)
      if (inferred.tensor.shape[axis] == kUnknownDim)
        inferred.tensor.shape[axis] = declared.tensor.shape[axis];
  }

  bool add_views(const mil::Operation& operation, const Step& step, const mil::Operands& inputs,
                 std::span<const DType> storage, std::span<const mil::ValueType> types) {
    std::vector<View> views;
    for (size_t i = 0; i < types.size(); ++i) {
      if (types[i].kind != mil::ValueType::Kind::tensor) return false;
      const auto view = find_view(*step.op, inputs, storage, types, i,
                                  table_.storage_dtype(types[i].tensor.dtype));
      if (!view || types[i].tensor.shape.element_count() == 0) return false;
      views.push_back(*view);
    }
    for (size_t i = 0; i < types.size(); ++i) {
      const ValueId source = step.operands[views[i].operand];
      const auto offset =
          checked_byte_count(table_.value(source).storage_dtype, views[i].first_element);
      add_view(operation, operation.outputs[i].name, types[i], source,
               static_cast<uint64_t>(*offset));
    }
    return true;
  }

  /// An output must not change when the caller fills inputs or advances states. Text, which only
  /// constants and dynamic values have, stays where it is.
  void copy_foreign_outputs() {
    for (ValueId& output : plan_->outputs) {
      const PlanValue& bound = table_.value(output);
      const Place place =
          bound.place == Place::alias ? table_.value(bound.root).place : bound.place;
      if (place == Place::arena || place == Place::dynamic) continue;
      if (bound.storage_dtype == DType::string) continue;
      const ValueId source = output;
      output = table_.add({}, mil::ValueType(bound.type), Place::arena);
      drafts_.push_back(
          Draft{.kind = Draft::Kind::view, .source = source, .target = output, .copies = true});
    }
  }

  const PlanRequest& request_;
  std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
  ValueTable table_;
  std::vector<Draft> drafts_;
  std::set<ValueId> observed_;
};

}  // namespace

Result<std::shared_ptr<const Plan>> make_plan(const PlanRequest& request) {
  return Planner(request).build();
}

}  // namespace anemone::runtime
