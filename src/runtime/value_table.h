#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/planner.h"

namespace anemone::runtime {

/// The values of a plan that is being made: found by name, constants folded and expanded, and the
/// memory that the plan will hold counted against the request's limit.
class ValueTable {
 public:
  /// Both outlive the table.
  ValueTable(const PlanRequest& request, Plan& plan) : request_(request), plan_(plan) {}

  PlanValue& value(ValueId id) { return plan_.values[static_cast<size_t>(id)]; }
  /// kNoValue when there is none.
  ValueId find(std::string_view name) const;
  /// Of a name that a verified program has defined.
  ValueId at(std::string_view name) const { return names_.at(name); }

  ValueId add(std::string_view name, mil::ValueType type, Place place);
  ValueId add_constant(std::string_view name, Constant constant);

  /// What a value of that dtype is stored as under the plan's numerics.
  DType storage_dtype(DType dtype) const;
  /// Operands that inference may look at: constants have their value, others only their type.
  mil::Operand operand_of(ValueId id);

  /// Adds the results of an operation all of whose operands are constants. Large results of
  /// `constexpr_` ops stay compressed.
  Status fold(const mil::Operation& operation, const Step& step, std::vector<mil::ValueType> types);
  /// The one op whose result is known although its operand is not.
  void fold_shape(const mil::Operation& operation, const Shape& shape, const mil::ValueType& type);
  /// Makes the dense values of a compressed constant available to a step.
  Status expand(ValueId id);
  /// Constants keep their own dtype; what is copied has the dtype of its place.
  void convert_constant(ValueId id, DType dtype);

  /// Notes the bytes of a state or of a constant that is about to be computed.
  /// Errors: limit.
  Status hold(const mil::ValueType& type, DType dtype);
  /// States and computed constants are held as long as the plan; `more_bytes` come on top.
  /// Errors: limit.
  Status check_memory(uint64_t more_bytes) const;
  /// What the limit leaves, once the plan keeps it.
  uint64_t left_bytes() const { return request_.memory_limit_bytes - held_bytes_; }

 private:
  const PlanRequest& request_;
  Plan& plan_;
  std::unordered_map<std::string_view, ValueId> names_;
  uint64_t held_bytes_ = 0;  ///< of states and computed constants.
};

/// Whether all dimensions of what is stored are known.
bool is_known(const mil::ValueType& type);

/// Errors: limit, for values that only a broken program has.
Status check_size(const mil::ValueType& type);

/// Notes what an operation has become.
void choose(Plan& plan, const mil::Operation& operation, std::string_view kernel);

}  // namespace anemone::runtime
