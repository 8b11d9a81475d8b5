#include "runtime/planner.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "base/error.h"
#include "mil/resolve.h"
#include "runtime/bind.h"
#include "runtime/draft.h"
#include "runtime/ops/attention.h"
#include "runtime/view.h"

namespace anemone::runtime {
namespace {

// Results smaller than this are expanded at once; larger compressed constants wait for a consumer.
constexpr int64_t kSmallConstantElements = 1024;

// A value beyond this is a broken program rather than a large model.
constexpr int64_t kMaxValueBytes = int64_t{1} << 40;

bool is_known(const mil::ValueType& type) {
  const auto stored = mil::storage_type(type);
  return stored && !stored->variable_rank && stored->shape.is_known();
}

class Planner {
 public:
  explicit Planner(const PlanRequest& request) : request_(request) {
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
    if (request_.kernels != nullptr) {
      fuse_repeats(plan_->values, drafts_);
      fuse_attention(plan_->values, drafts_, needed_values());
    }
    ANEMONE_RETURN_IF_ERROR(drop_unused());
    plan_states(plan_->values, drafts_, plan_->outputs);
    copy_foreign_outputs();
    ANEMONE_RETURN_IF_ERROR(emit());
    plan_memory(*plan_);
    ANEMONE_RETURN_IF_ERROR(check_memory(plan_->arena_bytes));
    return std::shared_ptr<const Plan>(std::move(plan_));
  }

 private:
  DType storage_dtype(DType dtype) const {
    return request_.numerics == Numerics::fp32 && dtype == DType::fp16 ? DType::fp32 : dtype;
  }

  PlanValue& value(ValueId id) { return plan_->values[static_cast<size_t>(id)]; }

  ValueId add_value(std::string_view name, mil::ValueType type, Place place) {
    const auto id = static_cast<ValueId>(plan_->values.size());
    const auto stored = mil::storage_type(type);
    plan_->values.push_back(
        PlanValue{.name = std::string(name),
                  .type = std::move(type),
                  .storage_dtype = storage_dtype(stored ? stored->dtype : DType::fp32),
                  .place = place});
    if (!name.empty()) names_[name] = id;
    return id;
  }

  ValueId add_constant(std::string_view name, Constant constant) {
    const ValueId id = add_value(name, constant.type, Place::constant);
    if (constant.tensor.defined()) value(id).storage_dtype = constant.tensor.dtype();
    value(id).constant = std::make_shared<const Constant>(std::move(constant));
    return id;
  }

  Status declare_inputs() {
    size_t tensors = 0;
    for (const mil::NamedType& input : request_.function.inputs) {
      mil::ValueType type = input.type;
      if (type.tensor.dtype == DType::string)
        return fail(ErrorCode::unsupported, "input '{}' of function '{}' is text ({})", input.name,
                    request_.function.name, mil::to_string(type));
      if (type.kind == mil::ValueType::Kind::state) {
        const ValueId id = add_value(input.name, std::move(type), Place::state);
        value(id).state_index = plan_->states.size();
        plan_->states.push_back(id);
        held_bytes_ += static_cast<uint64_t>(value(id).size_bytes());
        continue;
      }
      type.tensor.shape = request_.input_shapes[tensors++];
      type.tensor.variable_rank = false;
      ANEMONE_RETURN_IF_ERROR(check_size(type).in(fmt::format("input '{}'", input.name)));
      plan_->inputs.push_back(add_value(input.name, std::move(type), Place::input));
    }
    return {};
  }

  void choose_outputs() {
    for (const std::string& name : request_.function.block.outputs) {
      plan_->output_names.push_back(name);
      plan_->outputs.push_back(names_.at(name));
    }
  }

  void choose_observed() {
    plan_->show = request_.show;
    for (const std::string& name : request_.observed) {
      const auto found = names_.find(name);
      if (found == names_.end() || value(found->second).place == Place::constant) continue;
      const Place place = value(found->second).place;
      if (place == Place::input)
        plan_->shown.push_back({0, found->second});
      else if (place != Place::state)
        observed_.insert(found->second);
    }
  }

  /// Notes that a value is there once the steps that the plan has so far have run.
  void show(ValueId id) {
    if (observed_.contains(id)) plan_->shown.push_back({plan_->steps.size(), id});
  }

  std::vector<ValueId> needed_values() const {
    std::vector<ValueId> needed = plan_->outputs;
    needed.insert(needed.end(), observed_.begin(), observed_.end());
    return needed;
  }

  Status drop_unused() {
    for (const Draft& draft : take_unused(plan_->values, drafts_, needed_values())) {
      const std::string kernel =
          draft.fused_into.empty() ? "not needed" : "fused into " + draft.fused_into;
      ANEMONE_RETURN_IF_ERROR(choose(*draft.step.operation, kernel));
      if (draft.kind == Draft::Kind::view) value(draft.target).place = Place::nowhere;
      for (size_t i = 0; i < draft.step.output_count; ++i)
        value(draft.step.first_output + static_cast<ValueId>(i)).place = Place::nowhere;
    }
    return {};
  }

  /// Operands that inference may look at: constants have their value, others only their type.
  mil::Operand operand_of(ValueId id) {
    PlanValue& bound = value(id);
    const bool constant = bound.place == Place::constant;
    const Tensor* tensor =
        constant && !bound.constant->is_compressed() ? &bound.constant->tensor : nullptr;
    return mil::Operand{.type = &bound.type, .value = tensor, .constant = constant};
  }

  Status choose(const mil::Operation& operation, std::string_view kernel) {
    plan_->choices.push_back(
        {std::string(operation.display_name()), operation.type, std::string(kernel)});
    return {};
  }

  Status plan_operation(const mil::Operation& operation) {
    const mil::OpDef* op = mil::find_op(operation.type);
    ANEMONE_CHECK(op != nullptr, "Model::load refuses unknown operations");
    if (op->kind == mil::OpKind::constant) {
      const mil::Value* constant = operation.find_attribute("val");
      ANEMONE_CHECK(constant != nullptr, "the verifier requires the value of a const");
      add_constant(operation.outputs.at(0).name, constant_of(*constant));
      return {};
    }

    std::vector<mil::Violation> faults;
    const mil::ParameterSources matched = mil::match_parameters(operation, *op, faults);
    Step step{.operation = &operation, .op = op, .offsets = matched.offsets};
    for (const mil::Source& source : matched.sources)
      step.operands.push_back(source.value != nullptr ? add_constant({}, constant_of(*source.value))
                                                      : names_.at(std::string_view(source.name)));
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
    const mil::ValueType contents =
        mil::ValueType::of(value(state).type.tensor.dtype, value(state).type.tensor.shape);
    add_view(operation, operation.outputs.at(0).name, contents, state, 0);
    return {};
  }

  void add_view(const mil::Operation& operation, std::string_view name, const mil::ValueType& type,
                ValueId source, uint64_t offset_bytes) {
    const ValueId target = add_value(name, type, Place::alias);
    value(target).storage_dtype = value(source).storage_dtype;
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
      add_value(operation.outputs[i].name, type, place);
    }
    drafts_.push_back(Draft{.kind = Draft::Kind::run, .step = std::move(step)});
  }

  Status plan_control(const mil::Operation& operation, Step step) {
    std::unordered_set<std::string_view> names;
    for (const mil::Block& block : operation.blocks) collect_names(block, names);
    for (const std::string_view name : names) {
      const auto found = names_.find(name);
      if (found == names_.end()) continue;
      ANEMONE_RETURN_IF_ERROR(expand(found->second));
      step.operands.push_back(found->second);
      step.captures.push_back(name);
    }
    for (const ValueId operand : step.operands) ANEMONE_RETURN_IF_ERROR(expand(operand));
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
      operands.push_back(operand_of(id));
      storage.push_back(value(id).storage_dtype);
      constant = constant && value(id).place == Place::constant;
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
      return fold(operation, step, std::move(types));
    if (operation.type == "shape" && is_known(*operands[0].type))
      return fold_shape(operation, operands[0].type->tensor.shape, types[0]);
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

  static Status check_size(const mil::ValueType& type) {
    const auto stored = mil::storage_type(type);
    if (!stored || !is_known(type) || stored->dtype == DType::string) return {};
    const auto count = checked_element_count(stored->shape.dims());
    const auto bytes = count ? checked_byte_count(DType::fp64, *count) : std::nullopt;
    if (!bytes || *bytes > kMaxValueBytes)
      return fail(ErrorCode::limit, "a value of shape {} is too large", stored->shape.to_string());
    return {};
  }

  /// States and computed constants are held as long as the plan; `more` comes on top.
  Status check_memory(uint64_t more) const {
    if (held_bytes_ <= request_.memory_limit_bytes &&
        more <= request_.memory_limit_bytes - held_bytes_)
      return {};
    return fail(ErrorCode::limit,
                "function '{}' needs at least {} bytes of memory besides its weights, the limit is "
                "{}",
                request_.function.name, held_bytes_ + more, request_.memory_limit_bytes);
  }

  /// Notes that a constant is about to be computed.
  Status hold(const mil::ValueType& type, DType dtype) {
    const auto stored = mil::storage_type(type);
    if (!stored || dtype == DType::string) return {};
    const auto bytes = checked_byte_count(dtype, stored->shape.element_count());
    ANEMONE_CHECK(bytes.has_value(), "check_size bounds every value");
    held_bytes_ += static_cast<uint64_t>(*bytes);
    return check_memory(0);
  }

  bool add_views(const mil::Operation& operation, const Step& step, const mil::Operands& inputs,
                 std::span<const DType> storage, std::span<const mil::ValueType> types) {
    std::vector<View> views;
    for (size_t i = 0; i < types.size(); ++i) {
      if (types[i].kind != mil::ValueType::Kind::tensor) return false;
      const auto view =
          find_view(*step.op, inputs, storage, types, i, storage_dtype(types[i].tensor.dtype));
      if (!view || types[i].tensor.shape.element_count() == 0) return false;
      views.push_back(*view);
    }
    for (size_t i = 0; i < types.size(); ++i) {
      const ValueId source = step.operands[views[i].operand];
      const auto offset = checked_byte_count(value(source).storage_dtype, views[i].first_element);
      add_view(operation, operation.outputs[i].name, types[i], source,
               static_cast<uint64_t>(*offset));
    }
    return true;
  }

  Status fold(const mil::Operation& operation, const Step& step,
              std::vector<mil::ValueType> types) {
    CompressedConstant source{
        .op = step.op, .offsets = step.offsets, .output_types = types, .opset = plan_->opset};
    for (const ValueId id : step.operands) source.operands.push_back(value(id).constant);
    const bool is_constexpr = operation.type.starts_with("constexpr_");
    if (!is_constexpr)
      for (mil::ValueType& type : source.output_types)
        type.tensor.dtype = storage_dtype(type.tensor.dtype);
    const auto shared = std::make_shared<const CompressedConstant>(std::move(source));
    for (size_t i = 0; i < types.size(); ++i) {
      Constant constant{.type = types[i], .compressed = shared, .output = i};
      if (!is_constexpr || types[i].tensor.shape.element_count() <= kSmallConstantElements) {
        ANEMONE_RETURN_IF_ERROR(hold(types[i], storage_dtype(types[i].tensor.dtype)));
        ANEMONE_TRY(constant.tensor, constant.expand());
        constant.compressed.reset();
      }
      add_constant(operation.outputs[i].name, std::move(constant));
    }
    return choose(operation, "constant");
  }

  /// The one op whose result is known although its operand is not.
  Status fold_shape(const mil::Operation& operation, const Shape& shape,
                    const mil::ValueType& type) {
    Tensor dims = Tensor::zeros(type.tensor.dtype, type.tensor.shape);
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      dims.set(static_cast<int64_t>(axis), static_cast<double>(shape[axis]));
    add_constant(operation.outputs[0].name, Constant{.type = type, .tensor = std::move(dims)});
    return choose(operation, "constant");
  }

  /// Makes the dense values of a compressed constant available to a step.
  Status expand(ValueId id) {
    PlanValue& bound = value(id);
    if (bound.place != Place::constant || !bound.constant->is_compressed()) return {};
    ANEMONE_RETURN_IF_ERROR(hold(bound.type, bound.storage_dtype));
    ANEMONE_TRY(Tensor tensor, bound.constant->expand());
    bound.storage_dtype = tensor.dtype();
    bound.constant =
        std::make_shared<const Constant>(Constant{.type = bound.type, .tensor = std::move(tensor)});
    return {};
  }

  /// Constants keep their own dtype; what is copied has the dtype of its place.
  void convert_constant(ValueId id, DType dtype) {
    PlanValue& bound = value(id);
    if (bound.place != Place::constant || bound.storage_dtype == dtype) return;
    bound.storage_dtype = dtype;
    bound.constant = std::make_shared<const Constant>(
        Constant{.type = bound.type, .tensor = bound.constant->tensor.converted(dtype)});
  }

  /// An output must not change when the caller fills inputs or advances states. Text, which only
  /// constants and dynamic values have, stays where it is.
  void copy_foreign_outputs() {
    for (ValueId& output : plan_->outputs) {
      const PlanValue& bound = value(output);
      const Place place = bound.place == Place::alias ? value(bound.root).place : bound.place;
      if (place == Place::arena || place == Place::dynamic) continue;
      if (bound.storage_dtype == DType::string) continue;
      const ValueId source = output;
      output = add_value({}, mil::ValueType(bound.type), Place::arena);
      drafts_.push_back(
          Draft{.kind = Draft::Kind::view, .source = source, .target = output, .copies = true});
    }
  }

  Status emit() {
    for (Draft& draft : drafts_) {
      const mil::Operation* operation = draft.step.operation;
      if (draft.kind == Draft::Kind::run) {
        const ValueId first = draft.step.first_output;
        const size_t count = draft.step.output_count;
        ANEMONE_RETURN_IF_ERROR(emit_run(draft.step));
        for (size_t i = 0; i < count; ++i) show(first + static_cast<ValueId>(i));
        continue;
      }
      if (operation != nullptr)
        ANEMONE_RETURN_IF_ERROR(choose(*operation, draft.copies ? "copy" : "alias"));
      if (!draft.copies) {
        if (draft.kind == Draft::Kind::view) show(draft.target);
        continue;
      }
      ANEMONE_RETURN_IF_ERROR(expand(draft.source));
      convert_constant(draft.source, value(draft.target).storage_dtype);
      Step step{.kind = StepKind::copy, .operation = operation, .operands = {draft.source}};
      step.first_output = draft.target;
      step.output_count = 1;
      step.copy_offset_bytes = draft.offset_bytes;
      plan_->steps.push_back(std::move(step));
      if (draft.kind == Draft::Kind::view) show(draft.target);
    }
    return {};
  }

  void plan_slice(Step& step) {
    std::vector<mil::Operand> operands;
    for (const ValueId id : step.operands) operands.push_back(operand_of(id));
    const mil::Operands inputs(operands, step.offsets, plan_->opset);
    const Arguments arguments(*step.op, inputs);
    step.slice = SliceWriter::make(*step.op, inputs,
                                   value(step.operands[arguments.flat("update")]).storage_dtype,
                                   value(step.first_output).storage_dtype);
  }

  Status emit_run(Step& step) {
    if (step.attention) {
      bind_attention(step);
      ANEMONE_RETURN_IF_ERROR(choose(*step.operation, step.binding->name()));
      plan_->steps.push_back(std::move(step));
      return {};
    }
    const FastOp* fast = request_.kernels != nullptr && step.kind == StepKind::reference
                             ? find_fast_op(step.op->name)
                             : nullptr;
    if (fast != nullptr && fast->reads == Reads::weights) bind(*fast, step);
    if (!step.binding) {
      for (const ValueId operand : step.operands) ANEMONE_RETURN_IF_ERROR(expand(operand));
      if (fast != nullptr) {
        for (const ValueId operand : step.operands)
          convert_constant(operand, storage_dtype(value(operand).storage_dtype));
        bind(*fast, step);
      }
    }
    if (step.kind == StepKind::update) plan_slice(step);
    ANEMONE_RETURN_IF_ERROR(choose(*step.operation, step.binding ? step.binding->name()
                                                    : step.kind == StepKind::update
                                                        ? std::string("in place")
                                                        : std::string("reference")));
    plan_->steps.push_back(std::move(step));
    return {};
  }

  void bind_attention(Step& step) {
    AttentionTypes types;
    types.query = value(step.operands[Attention::kQuery]).storage_dtype;
    types.keys = value(step.operands[Attention::kKeys]).storage_dtype;
    types.mask = value(step.operands[Attention::kMask]).storage_dtype;
    types.values = value(step.operands[Attention::kValues]).storage_dtype;
    types.out = value(step.first_output).storage_dtype;
    step.binding =
        make_attention(step.attention, types, *request_.kernels, std::max(request_.threads, 1));
    step.kind = StepKind::bound;
  }

  void bind(const FastOp& fast, Step& step) {
    std::vector<mil::Operand> operands;
    std::vector<ConstantPtr> constants;
    std::vector<DType> storage;
    for (const ValueId id : step.operands) {
      operands.push_back(operand_of(id));
      constants.push_back(value(id).place == Place::constant ? value(id).constant : nullptr);
      storage.push_back(value(id).storage_dtype);
    }
    if (step.repeat) operands[step.repeat->operand].type = &value(step.repeat->whole).type;
    std::vector<mil::ValueType> outputs;
    std::vector<DType> output_storage;
    for (size_t i = 0; i < step.output_count; ++i) {
      const PlanValue& output = value(step.first_output + static_cast<ValueId>(i));
      outputs.push_back(output.type);
      output_storage.push_back(output.storage_dtype);
    }
    step.binding = fast.bind(
        {.operation = *step.operation,
         .op = *step.op,
         .operands = mil::Operands(operands, step.offsets, plan_->opset),
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
  std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
  std::unordered_map<std::string_view, ValueId> names_;
  std::vector<Draft> drafts_;
  std::set<ValueId> observed_;
  uint64_t held_bytes_ = 0;  ///< of states and computed constants.
};

}  // namespace

int64_t PlanValue::size_bytes() const {
  const auto stored = mil::storage_type(type);
  ANEMONE_CHECK(stored.has_value(), "planned values are tensors or lists of tensors");
  return *checked_byte_count(storage_dtype, stored->shape.element_count());
}

Result<std::shared_ptr<const Plan>> make_plan(const PlanRequest& request) {
  return Planner(request).build();
}

}  // namespace anemone::runtime
