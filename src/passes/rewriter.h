#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mil/resolve.h"
#include "passes/passes.h"

namespace anemone::passes {

/// Walks a function in the order of execution, nested blocks included, and lets a pass put other
/// operations in the place of each. Types and constants of what stands before are at hand.
class Rewriter {
 public:
  explicit Rewriter(mil::Function& function);
  virtual ~Rewriter() = default;
  Rewriter(const Rewriter&) = delete;
  Rewriter& operator=(const Rewriter&) = delete;

  Counts run();

 protected:
  /// What is to stand in place of an operation: nothing, if all its outputs have been forwarded.
  using Replacement = std::vector<mil::Operation>;

  /// The arguments name what they are to name. No replacement: the operation stays as it is.
  /// A replacement defines the outputs that have not been forwarded, under their names.
  virtual std::optional<Replacement> visit(const mil::Operation& operation,
                                           const mil::Scope& scope) = 0;
  virtual void enter_block() {}
  virtual void leave_block() {}

  /// Operands of a plain operation with no fault in them; nothing where the walk knows too little.
  std::optional<mil::BoundInputs> bind(const mil::Operation& operation, const mil::OpDef& op,
                                       const mil::Scope& scope) const;
  int opset() const { return opset_; }
  /// What is known of the outputs of a plain operation: as declared and as inferred. Nothing where
  /// the walk knows too little, and where that contradicts itself.
  std::optional<std::vector<mil::ValueType>> infer(const mil::Operation& operation,
                                                   const mil::Scope& scope) const;

  /// Whether the name is a result of a block, or stands for several values in blocks side by side:
  /// then it must go on being defined where it is.
  bool must_keep(std::string_view name) const;
  bool is_function_output(std::string_view name) const;
  /// From here on, uses of `name` use `other`. Not for names that must be kept.
  void forward(const std::string& name, const std::string& other);
  /// Makes the only output of `operation`, of which `type` is known, another name of `x`, or a copy
  /// where it must be kept. Nothing when not the same is known of `x`.
  std::optional<Replacement> same_as(const mil::Operation& operation, const mil::ValueType& type,
                                     const std::string& x, const mil::Scope& scope);
  /// `operation` with its parameter x bound to `x`.
  static mil::Operation with_x(const mil::Operation& operation, const std::string& x);
  /// The name to which parameter x is bound; null when it is an inline constant.
  static const std::string* x_of(const mil::Operation& operation);
  /// A constant vector of int32 under a new name that begins with `hint`.
  mil::Operation vector_constant(const std::string& hint, const std::vector<int64_t>& values);

 private:
  void collect_names(const mil::Block& block);
  void walk(mil::Block& block, mil::Scope& scope);
  void rename_arguments(mil::Operation& operation) const;
  void define(mil::Scope& scope, const mil::NamedType& named, const mil::Value* constant);
  void define_outputs(mil::Scope& scope, const mil::Operation& operation);

  mil::Function& function_;
  int opset_;
  Counts counts_;
  std::unordered_map<std::string, int64_t> definitions_;  ///< by name: in how many places.
  std::unordered_set<std::string> block_outputs_;
  std::unordered_map<std::string, std::string> forwarded_;
  std::deque<std::string> names_;
  std::deque<mil::ValueType> types_;
  std::deque<Tensor> values_;
};

/// A constant as an operation.
mil::Operation constant_operation(const std::string& name, std::string_view display_name,
                                  const Tensor& value);

}  // namespace anemone::passes
