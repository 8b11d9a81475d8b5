#include "runtime/plan_runner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "mil/ops/slice.h"
#include "mil/resolve.h"
#include "runtime/arguments.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

/// Points to bytes that outlive every Tensor made here: no reference is counted.
std::shared_ptr<const void> unowned(const void* bytes) {
  return {std::shared_ptr<const void>(), bytes};
}

Tensor view(const PlanValue& value, std::span<const std::byte> bytes) {
  const auto stored = mil::storage_type(value.type);
  return Tensor::view(value.storage_dtype, stored->shape, bytes, unowned(bytes.data()));
}

/// `rows`: of the state that the target is.
Status update(const Step& step, const mil::Operands& operands, Tensor& target, StateRows* rows) {
  if (step.slice != nullptr && step.slice->write(operands, target, rows)) return {};
  const Arguments arguments(*step.op, operands);
  static const mil::SliceParameters kParameters = {
      arguments.index("begin"),      arguments.index("end"),      arguments.index("stride"),
      arguments.index("begin_mask"), arguments.index("end_mask"), arguments.index("squeeze_mask")};
  const auto resolved = mil::resolve_slice(operands, target.shape(), kParameters);
  if (const auto* violation = std::get_if<mil::Violation>(&resolved))
    return fail(ErrorCode::out_of_range, "{}", violation->message);
  const auto& slice = std::get<mil::Slice>(resolved);
  const Tensor& source = *arguments.value("update");
  if (slice.shape() != source.shape())
    return fail(ErrorCode::out_of_range, "the slice takes {} of x {}, which update {} does not fit",
                slice.shape().to_string(), target.shape().to_string(), source.shape().to_string());
  if (rows != nullptr && slice.rank >= 2) {
    const mil::SliceAxis& axis = slice.axes[slice.rank - 2];
    const int64_t last = axis.begin + (axis.count - 1) * axis.stride;
    if (axis.count > 0) rows->used = std::max(rows->used, std::max(axis.begin, last) + 1);
  }
  const Shape block = slice.block();
  mil::copy_block(block, source, mil::Layout::dense(block), target, slice.layout(target.shape()));
  return {};
}

}  // namespace

void promise_used_rows(Runner& runner, int64_t rows) {
  if (auto* planned = dynamic_cast<PlanRunner*>(&runner)) planned->promise_used_rows(rows);
}

int64_t used_rows(const Runner& runner) {
  const auto* planned = dynamic_cast<const PlanRunner*>(&runner);
  return planned == nullptr ? 0 : planned->used_rows();
}

int64_t PlanRunner::used_rows() const {
  int64_t used = 0;
  for (const StateRows& rows : state_rows_) used = std::max(used, rows.used);
  return used;
}

PlanRunner::PlanRunner(std::shared_ptr<const Plan> plan, ThreadPool& pool,
                       std::shared_ptr<const void> owner)
    : owner_(std::move(owner)),
      plan_(std::move(plan)),
      pool_(pool),
      arena_(Tensor::zeros(DType::uint8, {static_cast<int64_t>(plan_->arena_bytes)})),
      types_(plan_->values.size()),
      tensors_(plan_->values.size()) {
  for (size_t id = 0; id < tensors_.size(); ++id) {
    types_[id] = plan_->values[id].type;
    place(id);
  }
  for (const ValueId id : plan_->states) {
    const Shape& shape = plan_->values[index(id)].type.tensor.shape;
    const size_t rank = shape.rank();
    state_rows_.push_back(rank < 2 ? StateRows() : StateRows{shape[rank - 2], shape[rank - 1], 0});
  }
  for (const Step& step : plan_->steps) prepare(step);
  forget_unused_views();
}

/// Binding a state takes a while for every value that is its bytes.
void PlanRunner::forget_unused_views() {
  std::vector<bool> used(tensors_.size(), false);
  for (const ValueId id : plan_->states) used[index(id)] = true;
  for (const ValueId id : plan_->outputs) used[index(id)] = true;
  for (const Shown& one : plan_->shown) used[index(one.value)] = true;
  for (const Step& step : plan_->steps) {
    for (const ValueId id : step.operands) used[index(id)] = true;
    for (size_t i = 0; i < step.output_count; ++i) used[index(step.first_output) + i] = true;
  }
  std::erase_if(state_views_, [&](ValueId id) { return !used[index(id)]; });
}

Tensor* PlanRunner::input(std::string_view name) {
  for (const ValueId id : plan_->inputs)
    if (plan_->values[index(id)].name == name) return &tensors_[index(id)];
  return nullptr;
}

const Tensor* PlanRunner::output(std::string_view name) const {
  for (size_t i = 0; i < plan_->outputs.size(); ++i)
    if (plan_->output_names[i] == name) return &tensors_[index(plan_->outputs[i])];
  return nullptr;
}

Status PlanRunner::run(State* state) {
  ANEMONE_RETURN_IF_ERROR(bind_states(state));
  if (traffic_) count_states();
  if (!plan_->shown.empty()) return run_shown();
  return run_steps(0, plan_->steps.size());
}

Status PlanRunner::run_shown() {
  size_t next = 0;
  for (const Shown& one : plan_->shown) {
    ANEMONE_RETURN_IF_ERROR(run_steps(next, one.steps));
    next = one.steps;
    ANEMONE_RETURN_IF_ERROR(show(one));
  }
  return run_steps(next, plan_->steps.size());
}

Status PlanRunner::show(const Shown& one) const {
  return plan_->show(plan_->values[index(one.value)].name, tensors_[index(one.value)]);
}

Status PlanRunner::show_after(size_t steps) const {
  for (const Shown& one : plan_->shown)
    if (one.steps == steps) ANEMONE_RETURN_IF_ERROR(show(one));
  return {};
}

Status PlanRunner::run_steps(size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) {
    if (auto status = run_step(i); !status.ok()) return explain(std::move(status), i);
    if (traffic_) count_step(i);
  }
  return {};
}

Status PlanRunner::run_lockstep(std::span<Runner* const> runners, std::span<State* const> states) {
  if (lockstep_ == nullptr) lockstep_ = std::make_unique<Lockstep>(*plan_);
  return lockstep_->run(runners, states, pool_);
}

void PlanRunner::share_work(size_t count, const std::function<void(size_t)>& body) {
  pool_.parallel_for(static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(static_cast<size_t>(i));
  });
}

Lane PlanRunner::lane_of(size_t step) {
  return {operands_of(step), outputs_of(plan_->steps[step]), state_rows_of(step)};
}

void PlanRunner::place(size_t id) {
  const PlanValue& value = plan_->values[id];
  switch (value.place) {
    case Place::constant:
      tensors_[id] = value.constant->tensor;
      return;
    case Place::input:
    case Place::arena:
      tensors_[id] = view(value, arena_.mutable_bytes().subspan(place_of(value)));
      return;
    case Place::alias: {
      const PlanValue& root = plan_->values[index(value.root)];
      if (root.place == Place::state)
        state_views_.push_back(static_cast<ValueId>(id));
      else if (root.place == Place::constant)
        tensors_[id] = view(value, root.constant->tensor.bytes().subspan(value.offset_bytes));
      else
        tensors_[id] = view(value, arena_.bytes().subspan(place_of(root) + value.offset_bytes));
      return;
    }
    case Place::state:
      state_views_.push_back(static_cast<ValueId>(id));
      return;
    case Place::dynamic:
    case Place::nowhere:
      return;
  }
}

uint64_t PlanRunner::place_of(const PlanValue& value) const {
  if (lanes_ == 0) return value.offset_bytes;
  return value.lockstep_offset_bytes * lanes_ + lane_ * static_cast<uint64_t>(value.size_bytes());
}

uint64_t PlanRunner::scratch_of(const Step& step) const {
  if (lanes_ == 0) return step.scratch_offset_bytes;
  return plan_->lockstep.scratch_offset_bytes * lanes_ + lane_ * plan_->lockstep.scratch_bytes;
}

void PlanRunner::move_into(const Tensor& arena, uint64_t lanes, uint64_t lane) {
  const Tensor before = std::exchange(arena_, arena);  // keeps what inputs hold
  lanes_ = lanes;
  lane_ = lane;
  for (size_t id = 0; id < tensors_.size(); ++id) {
    const PlanValue& value = plan_->values[id];
    const Place place =
        value.place == Place::alias ? plan_->values[index(value.root)].place : value.place;
    if (place != Place::input && place != Place::arena) continue;
    const auto held = tensors_[id].bytes();
    this->place(id);
    if (value.place == Place::input && !held.empty())
      std::memcpy(tensors_[id].mutable_bytes().data(), held.data(), held.size());
  }
}

void PlanRunner::prepare(const Step& step) {
  const size_t first = operands_.size();
  for (const ValueId id : step.operands) {
    const bool constant = plan_->values[index(id)].place == Place::constant;
    operands_.push_back(mil::Operand{
        .type = &types_[index(id)], .value = &tensors_[index(id)], .constant = constant});
  }
  first_operand_.push_back(first);
  prepare_state_rows(step);
}

StateRows* PlanRunner::rows_of_state(ValueId state) {
  const auto at =
      static_cast<size_t>(std::ranges::find(plan_->states, state) - plan_->states.begin());
  ANEMONE_CHECK(at < state_rows_.size(), "states are listed in the plan");
  return &state_rows_[at];
}

ValueId PlanRunner::state_behind(ValueId id) const {
  const PlanValue& value = plan_->values[index(id)];
  if (value.place == Place::state) return id;
  const bool is_view =
      value.place == Place::alias && plan_->values[index(value.root)].place == Place::state;
  return is_view ? value.root : kNoValue;
}

void PlanRunner::prepare_state_rows(const Step& step) {
  for (const ValueId id : step.operands) {
    operand_rows_.push_back(nullptr);
    const ValueId state = state_behind(id);
    const auto stored = mil::storage_type(plan_->values[index(id)].type);
    if (state == kNoValue || !stored || stored->shape.rank() < 2) continue;
    const StateRows* rows = rows_of_state(state);
    const Shape& shape = stored->shape;
    const Shape matrix{rows->rows, rows->width};
    const auto bytes =
        checked_byte_count(plan_->values[index(id)].storage_dtype, matrix.element_count());
    if (shape[shape.rank() - 2] == rows->rows && shape[shape.rank() - 1] == rows->width && bytes &&
        *bytes > 0 && plan_->values[index(id)].offset_bytes % static_cast<uint64_t>(*bytes) == 0)
      operand_rows_.back() = rows;
  }
  written_rows_.push_back(nullptr);
  for (size_t i = 0; i < step.output_count; ++i)
    if (const ValueId state = state_behind(step.first_output + static_cast<ValueId>(i));
        state != kNoValue)
      written_rows_.back() = rows_of_state(state);
}

Status PlanRunner::bind_states(State* state) {
  for (StateRows& rows : state_rows_)
    rows.used = promised_rows_ < 0 ? rows.rows : std::min(promised_rows_, rows.rows);
  promised_rows_ = -1;
  if (state != nullptr && !plan_->states.empty() && !state->sync().ok())
    return state->lost().error();
  for (const ValueId id : plan_->states) {
    const PlanValue& declared = plan_->values[index(id)];
    Tensor* tensor = nullptr;
    if (state != nullptr)
      for (NamedTensor& named : state->tensors())
        if (named.name == declared.name) tensor = &named.tensor;
    const Shape& shape = declared.type.tensor.shape;
    if (tensor == nullptr) return fail(ErrorCode::mismatch, "the state has no '{}'", declared.name);
    if (tensor->shape() != shape || tensor->dtype() != declared.storage_dtype)
      return fail(ErrorCode::mismatch, "state '{}' is {} {}, expected {} {}", declared.name,
                  anemone::to_string(tensor->dtype()), tensor->shape().to_string(),
                  anemone::to_string(declared.storage_dtype), shape.to_string());
    if (tensors_[index(id)].defined() &&
        tensors_[index(id)].bytes().data() == tensor->bytes().data())
      continue;
    for (const ValueId alias : state_views_) {
      const PlanValue& value = plan_->values[index(alias)];
      if (alias == id || value.root == id)
        tensors_[index(alias)] = view(value, tensor->bytes().subspan(value.offset_bytes));
    }
  }
  return {};
}

Status PlanRunner::run_step(size_t i) {
  const Step& step = plan_->steps[i];
  const std::span<Tensor> outputs = outputs_of(step);
  StateRows* const written = written_rows_[i];
  if (written != nullptr && step.kind != StepKind::update) written->used = written->rows;
  switch (step.kind) {
    case StepKind::bound: {
      const size_t bytes = step.binding->scratch_bytes();
      const auto scratch = arena_.mutable_bytes().subspan(bytes == 0 ? 0 : scratch_of(step), bytes);
      return step.binding->run(
          RunContext{operands_of(i), outputs, scratch, pool_, state_rows_of(i)});
    }
    case StepKind::reference:
      for (Tensor& output : outputs)
        std::memset(output.mutable_bytes().data(), 0, output.bytes().size());
      return step.op->eval(mil::Operands(operands_of(i), step.offsets, plan_->opset), outputs);
    case StepKind::copy:
      return copy(step, outputs[0]);
    case StepKind::update:
      return update(step, mil::Operands(operands_of(i), step.offsets, plan_->opset), outputs[0],
                    written);
    case StepKind::dynamic:
      return run_dynamic(step, mil::Operands(operands_of(i), step.offsets, plan_->opset));
    case StepKind::control:
      return run_control(step);
  }
  return {};
}

Status PlanRunner::copy(const Step& step, Tensor& target) {
  const Tensor& source = tensors_[index(step.operands[0])];
  const auto to = target.mutable_bytes();
  if (source.bytes().size() < step.copy_offset_bytes + to.size() ||
      source.dtype() != target.dtype())
    return fail(ErrorCode::mismatch, "has {} {}, expected {} {}",
                anemone::to_string(source.dtype()), source.shape().to_string(),
                anemone::to_string(target.dtype()), target.shape().to_string());
  if (!to.empty())
    std::memcpy(to.data(), source.bytes().data() + step.copy_offset_bytes, to.size());
  return {};
}

Status PlanRunner::explain(Status status, size_t i) const {
  const Step& step = plan_->steps[i];
  const std::string place = step.operation == nullptr
                                ? fmt::format("function '{}': outputs", plan_->function->name)
                                : fmt::format("function '{}': '{}' ({})", plan_->function->name,
                                              step.operation->display_name(), step.operation->type);
  return std::move(std::move(status).in(place)).error();
}

}  // namespace anemone::runtime
