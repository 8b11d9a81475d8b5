#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "anemone/state_report.h"
#include "mil/op.h"
#include "runtime/binding.h"
#include "runtime/lockstep.h"
#include "runtime/plan.h"

namespace anemone::runtime {

/// The buffers of one plan and the running of its steps.
class PlanRunner final : public Runner {
 public:
  /// `owner` is kept alive as long as the Runner: constants of the plan lie in the model's files.
  PlanRunner(std::shared_ptr<const Plan> plan, ThreadPool& pool, std::shared_ptr<const void> owner);

  Tensor* input(std::string_view name) override;
  const Tensor* output(std::string_view name) const override;
  std::span<const std::string> output_names() const override { return plan_->output_names; }
  Status run(State* state) override;

  /// See used_rows.h.
  void promise_used_rows(int64_t rows) { promised_rows_ = rows; }
  int64_t used_rows() const;
  bool passes_over_unused_rows() const;
  /// See state_traffic.h.
  void count_states();
  StateTraffic counted_states() const { return traffic_.value_or(StateTraffic()); }

  bool has_plan_of(const PlanRunner& other) const { return plan_ == other.plan_; }
  /// Somebody wants to see the values of each Runner by itself.
  bool is_observed_alone() const { return !plan_->shown.empty() && !plan_->shows_first_lane; }
  /// Shows the values that are there when the first `steps` steps have run.
  Status show_after(size_t steps) const;
  /// All `runners` are PlanRunners of the same plan.
  Status run_lockstep(std::span<Runner* const> runners, std::span<State* const> states);
  /// See share_work.h.
  void share_work(size_t count, const std::function<void(size_t)>& body);

  /// What `run` does, for Lockstep.
  Status bind_states(State* state);
  /// Steps [first, last).
  Status run_steps(size_t first, size_t last);
  /// Operands and outputs of a step, in the order of mil::Operands.
  Lane lane_of(size_t step);
  /// Makes its buffers those of `lane` of an arena for lockstep with so many lanes. Inputs keep
  /// what they hold, outputs do not.
  void move_into(const Tensor& arena, uint64_t lanes, uint64_t lane);
  bool lies_in(const Tensor& arena, uint64_t lane) const {
    return arena_.bytes().data() == arena.bytes().data() && lane_ == lane;
  }

 private:
  static size_t index(ValueId id) { return static_cast<size_t>(id); }

  void place(size_t id);
  void forget_unused_views();
  /// In the arena.
  uint64_t place_of(const PlanValue& value) const;
  uint64_t scratch_of(const Step& step) const;
  void prepare(const Step& step);
  std::span<const mil::Operand> operands_of(size_t i) const {
    return std::span(operands_).subspan(first_operand_[i], plan_->steps[i].operands.size());
  }
  std::span<const StateRows* const> state_rows_of(size_t i) const {
    return std::span(operand_rows_).subspan(first_operand_[i], plan_->steps[i].operands.size());
  }
  std::span<Tensor> outputs_of(const Step& step) {
    return std::span(tensors_).subspan(index(std::max(step.first_output, 0)), step.output_count);
  }

  /// Which states' rows the operands of a step are, and which it writes.
  void prepare_state_rows(const Step& step);
  StateRows* rows_of_state(ValueId state);
  /// The state whose bytes a value is; kNoValue where it is none.
  ValueId state_behind(ValueId id) const;

  /// All steps, and what is observed between them.
  Status run_shown();
  Status show(const Shown& one) const;
  Status run_step(size_t i);
  /// Adds what a step moved of states to `traffic_`.
  void count_step(size_t i);
  /// By operand `at` of a step that made so many bytes.
  uint64_t state_bytes_read(size_t i, size_t at, uint64_t made) const;
  bool holds_moved(ValueId id) const;
  /// The error with the step's place.
  Status explain(Status status, size_t i) const;
  Status copy(const Step& step, Tensor& target);
  Status run_dynamic(const Step& step, const mil::Operands& operands);
  Status run_control(const Step& step);
  /// What a run found must be what the plan relied on, where it relied on something.
  Status adopt(ValueId id, const mil::ValueType& type, Tensor tensor);

  std::shared_ptr<const void> owner_;
  std::shared_ptr<const Plan> plan_;
  ThreadPool& pool_;
  Tensor arena_;
  uint64_t lanes_ = 0;  ///< of an arena for lockstep; 0 in one of its own.
  uint64_t lane_ = 0;
  std::vector<mil::ValueType> types_;  ///< actual types; those of dynamic values change.
  std::vector<Tensor> tensors_;        ///< by ValueId.
  std::vector<ValueId> state_views_;   ///< values whose bytes are a state's.
  std::vector<mil::Operand> operands_;
  std::vector<size_t> first_operand_;           ///< by step.
  int64_t promised_rows_ = -1;                  ///< of the next run; negative: nothing is known.
  std::vector<StateRows> state_rows_;           ///< by state.
  std::vector<const StateRows*> operand_rows_;  ///< beside operands_.
  std::vector<StateRows*> written_rows_;        ///< by step: of the state that it writes, or null.
  std::optional<StateTraffic> traffic_;         ///< of the last run; none: nothing is counted.
  std::vector<bool> moved_;                     ///< by value: holds what a step copied of states.
  std::unique_ptr<Lockstep> lockstep_;          ///< made when this Runner first leads others.
};

}  // namespace anemone::runtime
