// What a run moves of its states, counted step by step.

#include "runtime/state_traffic.h"

#include <algorithm>
#include <set>

#include "kernels/matmul/matmul.h"
#include "runtime/plan_runner.h"

namespace anemone::runtime {
namespace {

/// Rows of keys or values that attention reads of each matrix.
int64_t rows_read(const Attention& attention, std::span<const StateRows* const> state_rows,
                  bool keys) {
  const auto used = [&](size_t operand, int64_t width) {
    const StateRows* const rows = state_rows[operand];
    const bool known = rows != nullptr && rows->rows == attention.keys && rows->width == width;
    return known ? std::clamp<int64_t>(rows->used, 1, attention.keys) : attention.keys;
  };
  const int64_t rows =
      std::max(used(Attention::kKeys, attention.depth), used(Attention::kValues, attention.width));
  if (!keys) return rows;
  constexpr int64_t kPanel = kernels::kPanelColumns;
  return std::min((rows + kPanel - 1) / kPanel * kPanel, attention.keys);
}

}  // namespace

bool count_states(Runner& runner) {
  auto* const planned = dynamic_cast<PlanRunner*>(&runner);
  if (planned != nullptr) planned->count_states();
  return planned != nullptr;
}

StateTraffic counted_states(const Runner& runner) {
  const auto* const planned = dynamic_cast<const PlanRunner*>(&runner);
  return planned == nullptr ? StateTraffic() : planned->counted_states();
}

void PlanRunner::count_states() {
  traffic_.emplace();
  moved_.assign(tensors_.size(), false);
}

bool PlanRunner::holds_moved(ValueId id) const {
  const PlanValue& value = plan_->values[index(id)];
  return moved_[index(value.place == Place::alias ? value.root : id)];
}

uint64_t PlanRunner::state_bytes_read(size_t i, size_t at, uint64_t made) const {
  const Step& step = plan_->steps[i];
  const uint64_t whole = tensors_[index(step.operands[at])].bytes().size();
  if (const Attention* const attention = step.attention.get();
      attention != nullptr && (at == Attention::kKeys || at == Attention::kValues)) {
    const bool keys = at == Attention::kKeys;
    const auto& firsts = keys ? attention->keys_first : attention->values_first;
    const auto matrices = std::set<int64_t>(firsts.begin(), firsts.end()).size();
    const int64_t row = (keys ? attention->depth : attention->width) *
                        bit_width(plan_->values[index(step.operands[at])].storage_dtype) / 8;
    return matrices * static_cast<uint64_t>(rows_read(*attention, state_rows_of(i), keys) * row);
  }
  const bool moves =
      step.kind == StepKind::copy || (step.op != nullptr && only_moves(step.op->name));
  return moves && step.kind != StepKind::update ? std::min(whole, made) : whole;
}

void PlanRunner::count_step(size_t i) {
  const Step& step = plan_->steps[i];
  const auto bytes = [&](ValueId id) { return tensors_[index(id)].bytes().size(); };
  uint64_t made = 0;
  for (const Tensor& output : outputs_of(step)) made += output.bytes().size();
  const bool updates = step.kind == StepKind::update;
  bool has_contents = false;
  for (size_t at = 0; at < step.operands.size(); ++at) {
    const ValueId id = step.operands[at];
    if (updates && at == step.flat("x")) continue;
    const bool is_state = state_behind(id) != kNoValue;
    has_contents = has_contents || is_state || holds_moved(id);
    if (is_state) traffic_->read_bytes += state_bytes_read(i, at, made);
    if (is_state && step.kind == StepKind::control) {  // works on copies of states
      traffic_->written_bytes += bytes(id);
      traffic_->copied_bytes += 2 * bytes(id);
      traffic_->copies += 2;
    }
  }
  if (updates) {
    const uint64_t block = bytes(step.operands_of("update")[0]);
    traffic_->written_bytes += block;
    if (has_contents) traffic_->copied_bytes += block;
    traffic_->copies += has_contents;
    return;
  }
  if (written_rows_[i] != nullptr) traffic_->written_bytes += made;
  const bool moves = has_contents && step.op != nullptr && only_moves(step.op->name);
  if (!moves && !(step.kind == StepKind::copy && (has_contents || written_rows_[i] != nullptr)))
    return;
  ++traffic_->copies;
  traffic_->copied_bytes += made;
  for (size_t output = 0; output < step.output_count; ++output)
    moved_[index(step.first_output) + output] = true;
}

}  // namespace anemone::runtime
