#pragma once

#include <deque>

#include "mil/resolve.h"

namespace anemone::mil {

/// Walks one function and collects its faults. See README.md for the constraints.
class FunctionVerifier {
 public:
  FunctionVerifier(const Function& function, Diagnostics& faults);

  void run();

 private:
  struct Place {
    const Operation* operation = nullptr;
    int64_t index = -1;
  };

  void report(const Place& place, std::string constraint, std::string message);
  template <typename... Args>
  void report(const Place& place, std::string constraint, fmt::format_string<Args...> format,
              Args&&... args) {
    report(place, std::move(constraint), fmt::format(format, std::forward<Args>(args)...));
  }

  void check_attributes(const Place& place,
                        const std::vector<std::pair<std::string, Value>>& attributes);
  bool check_type(const Place& place, std::string_view what, const ValueType& type);
  void define(const Place& place, Scope& scope, std::string_view name, const Operand& operand);
  /// Types of the outputs, where they are defined.
  std::vector<const ValueType*> check_block(const Place& around, const Block& block, Scope& scope);
  void check_operation(const Place& place, Scope& scope);
  void check_no_state(const Place& place, std::string_view what, const NamedType& named);
  /// For operands of unknown rank, of which no types can be inferred.
  void check_output_count(const Place& place, const OpDef& op);
  void check_outputs(const Place& place, const OpDef& op, const BoundInputs& inputs, Scope& scope);
  void define_as_declared(const Place& place, Scope& scope);
  /// The outputs' values where everything they need is known and small.
  std::vector<Tensor> fold(const OpDef& op, const Operands& operands, std::span<const Operand> all,
                           std::span<const ValueType> types) const;

  void check_cond(const Place& place, const BoundInputs& inputs, const Scope& scope);
  void check_while(const Place& place, const BoundInputs& inputs, const Scope& scope);
  /// Checks a nested block whose inputs are given these types.
  std::vector<const ValueType*> check_nested(const Place& place, const Block& block,
                                             std::span<const Operand> inputs, const Scope& scope,
                                             const std::string& constraint);
  bool check_yield(const Place& place, const std::string& constraint, std::string_view what,
                   std::span<const ValueType* const> found,
                   std::span<const ValueType* const> expected);
  void check_condition(const Place& place, const std::string& constraint, const ValueType& type);

  const ValueType* keep(ValueType type) { return &types_.emplace_back(std::move(type)); }

  const Function& function_;
  Diagnostics& faults_;
  int opset_;
  std::deque<ValueType> types_;
  std::deque<Tensor> values_;
};

}  // namespace anemone::mil
