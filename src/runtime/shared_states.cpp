// Which functions give in lockstep, on one state, what they give one after the other.

#include <algorithm>
#include <optional>
#include <vector>

#include "runtime/plan_runner.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

/// What is known of an entry of a vector: constants, also as parts of a concat.
class KnownEntries {
 public:
  explicit KnownEntries(const Plan& plan) : plan_(plan), producer_(plan.values.size(), nullptr) {
    for (const Step& step : plan.steps)
      for (size_t i = 0; i < step.output_count; ++i)
        producer_[static_cast<size_t>(step.first_output) + i] = &step;
  }

  std::optional<int64_t> find(ValueId vector, int64_t at) const {
    const Step* made = producer_[static_cast<size_t>(vector)];
    if (made == nullptr) return constant(vector, at);
    if (made->op == nullptr || made->op->name != "concat") return std::nullopt;
    const auto interleave = made->operands_of("interleave");
    if (!interleave.empty() && constant(interleave[0], 0) != 0) return std::nullopt;
    for (const ValueId part : made->operands_of("values")) {
      const int64_t count = shape(part).element_count();
      if (at < count) return constant(part, at);
      at -= count;
    }
    return std::nullopt;
  }

  const Shape& shape(ValueId id) const {
    return plan_.values[static_cast<size_t>(id)].type.tensor.shape;
  }

 private:
  std::optional<int64_t> constant(ValueId id, int64_t at) const {
    const PlanValue& value = plan_.values[static_cast<size_t>(id)];
    if (value.place != Place::constant || value.constant->is_compressed()) return std::nullopt;
    return static_cast<int64_t>(value.constant->tensor.at(at));
  }

  const Plan& plan_;
  std::vector<const Step*> producer_;  ///< by value.
};

/// What happens to the matrices of one state [.., rows, width], step by step.
class StateMatrices {
 public:
  explicit StateMatrices(const Shape& state)
      : state_(state),
        elements_(state.rank() < 2 ? 0 : state[state.rank() - 2] * state[state.rank() - 1]),
        written_(elements_ == 0 ? 0 : static_cast<size_t>(state.element_count() / elements_)),
        read_(written_.size()) {}

  /// False unless one row is written, of matrices that are known and not read before.
  bool write(const Step& update, const KnownEntries& known) {
    const Shape& block = known.shape(update.operands_of("update")[0]);
    const size_t rank = state_.rank();
    if (update.slice == nullptr || elements_ == 0 || block[rank - 2] != 1) return false;
    Shape first;
    for (size_t axis = 0; axis + 2 < rank; ++axis) {
      const auto begin = first_of(update, axis, block[axis], known);
      if (!begin) return false;
      first.push_back(*begin);
    }
    for (size_t matrix = 0; matrix < written_.size(); ++matrix) {
      auto place = static_cast<int64_t>(matrix);
      bool is_inside = true;
      for (size_t axis = rank - 2; axis-- > 0; place /= state_[axis]) {
        const int64_t at = place % state_[axis] - first[axis];
        is_inside = is_inside && at >= 0 && at < block[axis];
      }
      if (!is_inside) continue;
      if (read_[matrix]) return false;
      written_[matrix] = true;
    }
    return true;
  }

  /// Matrices by their first elements, counted from `offset`. False unless all were written.
  bool read(int64_t offset, std::span<const int64_t> firsts) {
    for (const int64_t first : firsts) {
      const auto matrix = static_cast<size_t>((offset + first) / elements_);
      if (!written_[matrix]) return false;
      read_[matrix] = true;
    }
    return true;
  }

 private:
  std::optional<int64_t> first_of(const Step& update, size_t axis, int64_t count,
                                  const KnownEntries& known) const {
    if (count == state_[axis]) return 0;
    const auto mask = update.operands_of("begin_mask");
    const auto at = static_cast<int64_t>(axis);
    if (!mask.empty() && known.find(mask[0], at).value_or(1) != 0) return 0;
    const auto begin = known.find(update.operands_of("begin")[0], at);
    if (!begin) return std::nullopt;
    return std::max<int64_t>(*begin < 0 ? *begin + state_[axis] : *begin, 0);
  }

  Shape state_;
  int64_t elements_;  ///< of a matrix.
  std::vector<bool> written_;
  std::vector<bool> read_;
};

}  // namespace

bool passes_over_unused_rows(const Runner& runner) {
  const auto* planned = dynamic_cast<const PlanRunner*>(&runner);
  return planned != nullptr && planned->passes_over_unused_rows();
}

bool PlanRunner::passes_over_unused_rows() const {
  const KnownEntries known(*plan_);
  std::vector<StateMatrices> states;
  for (const ValueId id : plan_->states) states.emplace_back(known.shape(id));
  const auto matrices = [&](ValueId state) -> StateMatrices& {
    return states[plan_->values[index(state)].state_index];
  };
  for (size_t i = 0; i < plan_->steps.size(); ++i) {
    const Step& step = plan_->steps[i];
    const bool updates = step.kind == StepKind::update && written_rows_[i] != nullptr;
    for (size_t at = 0; at < step.operands.size(); ++at) {
      const ValueId state = state_behind(step.operands[at]);
      if (state == kNoValue || (updates && at == step.flat("x"))) continue;
      const Attention* const attention = step.attention.get();
      const StateRows* const rows = state_rows_of(i)[at];
      const bool is_keys = at == Attention::kKeys;
      if (attention == nullptr || rows == nullptr || rows->rows != attention->keys ||
          rows->width != (is_keys ? attention->depth : attention->width) ||
          (!is_keys && at != Attention::kValues) || !step.binding->lane_scratch_bytes())
        return false;
      const PlanValue& value = plan_->values[index(step.operands[at])];
      const auto bits = static_cast<uint64_t>(bit_width(value.storage_dtype));
      if (!matrices(state).read(static_cast<int64_t>(value.offset_bytes * 8 / bits),
                                is_keys ? attention->keys_first : attention->values_first))
        return false;
    }
    if (written_rows_[i] != nullptr &&
        (!updates || !matrices(state_behind(step.first_output)).write(step, known)))
      return false;
  }
  return true;
}

}  // namespace anemone::runtime
