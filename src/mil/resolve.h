#pragma once

#include <deque>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mil/op.h"
#include "mil/type.h"

/// From the arguments of an operation, which are written by name, to operands by parameter index.
/// Verifier, interpreter and planner share it, so that they agree on what a program says.
namespace anemone::mil {

/// Where a bound input comes from: a name in scope, or an inline constant.
struct Source {
  std::string_view name;         ///< empty for an inline constant.
  const Value* value = nullptr;  ///< null for a name.
};

/// The sources of an operation's inputs by parameter index of its OpDef: those of parameter p are
/// sources[offsets[p]] … sources[offsets[p + 1] - 1]. Views of the operation.
struct ParameterSources {
  std::vector<Source> sources;
  std::vector<uint32_t> offsets;
};

/// Matches arguments with parameters, without regard to scopes. A parameter without argument takes
/// the attribute of its name (the form of the iOS16 constexpr ops).
/// Appends to `faults`: arg_c1 no such parameter, arg_c2 a required one is missing, arg_c3 bound
/// twice, arg_c4 several bindings (or none) of a parameter that is not variadic.
ParameterSources match_parameters(const Operation& operation, const OpDef& op,
                                  std::vector<Violation>& faults);

/// The values that an operation sees: those of its block and of the blocks around it.
/// Names are views of the program; types and values that operands point to belong to the caller.
class Scope {
 public:
  explicit Scope(const Scope* outer = nullptr) : outer_(outer) {}

  /// False when this block or one around it has the name already; the first definition stays.
  bool define(std::string_view name, const Operand& operand);
  /// Null when the name is not defined.
  const Operand* find(std::string_view name) const;

 private:
  const Scope* outer_;
  std::unordered_map<std::string_view, Operand> values_;
};

/// Operands by parameter index, as `infer` and `eval` take them. Points into the scope's values,
/// the operation and itself: keep it in place, and those alive.
class BoundInputs {
 public:
  BoundInputs() = default;
  BoundInputs(const BoundInputs&) = delete;
  BoundInputs& operator=(const BoundInputs&) = delete;
  BoundInputs(BoundInputs&&) = default;
  BoundInputs& operator=(BoundInputs&&) = default;

  Operands operands(int opset) const { return Operands(operands_, offsets_, opset); }
  std::span<const Operand> all() const { return operands_; }

  /// match_parameters, then looks names up in `scope`. Appends to `faults` also: arg_c5 the name is
  /// not defined, arg_c6 not a constant (or one
  /// whose value inference needs and nobody has computed), arg_c7 dtype, arg_c8 kind (tensor, list,
  /// state), arg_c9 an inline value that does not match its own type. Only a result without faults
  /// may be inferred.
  static BoundInputs resolve(const Operation& operation, const OpDef& op, const Scope& scope,
                             std::vector<Violation>& faults);

 private:
  Operand inline_operand(const Value& value);

  std::vector<Operand> operands_;
  std::vector<uint32_t> offsets_;
  std::deque<Tensor> lists_;
};

/// A sound constant in the form in which it is stored: its tensor, or the elements of a list
/// stacked. Nothing for what storage_type does not know.
std::optional<Tensor> stored_tensor(const Value& value);

}  // namespace anemone::mil
