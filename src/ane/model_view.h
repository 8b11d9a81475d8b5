#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "anemone/package.h"

/// What rules look at: programs with types, constants, producers and uses at hand.
namespace anemone::ane {

/// An operation of a function. Views of the package, which outlives them.
struct OpView {
  const mil::Operation* operation = nullptr;
  int64_t index = -1;   ///< in its block.
  bool nested = false;  ///< in a block of cond or while_loop.
  std::string_view type() const { return operation->type; }
};

struct Use {
  const OpView* op = nullptr;
  std::string_view parameter;
};

struct PackageView;

/// A function, of a program that package::verify finds sound unless said otherwise. Operations of
/// nested blocks count as the function's own.
class FunctionView {
 public:
  FunctionView(const PackageView& package, const mil::Function& function);

  const PackageView& package() const { return *package_; }
  const mil::Function& function() const { return *function_; }
  const std::string& name() const { return function_->name; }
  /// The function's inputs and results as the description says; null where there is none.
  const package::FunctionDescription* description() const { return description_; }

  /// In order, without `const`.
  std::span<const OpView> ops() const { return ops_; }
  /// What computes `name`; null for inputs and constants.
  const OpView* producer(std::string_view name) const;
  std::span<const Use> uses(std::string_view name) const;
  /// Whether nothing given at run time has a part in it.
  bool is_constant(std::string_view name) const;
  bool is_output(std::string_view name) const;

  /// Type of a value in scope; null for an unknown name.
  const mil::ValueType* type(std::string_view name) const;
  /// The constant of a `const` operation; null for all else.
  const mil::Value* constant(std::string_view name) const;
  /// The contents of `const` operations that are at hand; null for all else.
  const Tensor* contents(std::string_view name) const;

  /// An operand: null or empty when the parameter is absent.
  const mil::Binding* operand(const OpView& op, std::string_view parameter, size_t i = 0) const;
  const mil::TensorType* operand_type(const OpView& op, std::string_view parameter,
                                      size_t i = 0) const;
  const std::string* operand_name(const OpView& op, std::string_view parameter, size_t i = 0) const;
  const Tensor* operand_contents(const OpView& op, std::string_view parameter, size_t i = 0) const;
  bool operand_is_constant(const OpView& op, std::string_view parameter) const;
  std::optional<std::vector<int64_t>> integers(const OpView& op, std::string_view parameter) const;
  std::optional<int64_t> integer(const OpView& op, std::string_view parameter) const;
  bool flag(const OpView& op, std::string_view parameter) const;  ///< false when absent.
  std::string text(const OpView& op, std::string_view parameter) const;

  /// Elements of an int vector, each where it is known: of constants, and of `concat`s and shape
  /// changes of them. Empty for anything else.
  std::vector<std::optional<int64_t>> known_elements(std::string_view name,
                                                     int depth = kMostDepth) const;
  std::vector<std::optional<int64_t>> known_elements(const OpView& op,
                                                     std::string_view parameter) const;

  /// The value behind ops that only change shape or dtype: reshape, transpose, cast, …, and
  /// slices too when `through_slices`.
  std::string_view source_of(std::string_view name, bool through_slices = false) const;

  /// "conv" or "linear" or a matmul with a constant operand: an op with a weight.
  bool has_weight(const OpView& op) const;
  /// The parameter that holds it: "weight", "x", "y"; empty.
  std::string_view weight_parameter(const OpView& op) const;

 private:
  static constexpr int kMostDepth = 16;  ///< of concats in each other.
  void walk(const mil::Block& block, bool nested);

  const PackageView* package_;
  const mil::Function* function_;
  const package::FunctionDescription* description_;
  std::vector<OpView> ops_;
  std::unordered_map<std::string_view, const mil::ValueType*> types_;
  std::unordered_map<std::string_view, const mil::Value*> constants_;
  std::unordered_map<std::string_view, size_t> producers_;
  std::unordered_map<std::string_view, std::vector<Use>> uses_;
  std::unordered_map<std::string_view, bool> is_constant_;
};

/// Inputs of tensors, then results of ops that are not constant, in order: visit(value, op), `op`
/// null for an input.
template <typename Visit>
void for_each_value(const FunctionView& function, const Visit& visit) {
  for (const mil::NamedType& input : function.function().inputs)
    if (input.type.kind == mil::ValueType::Kind::tensor)
      visit(input, static_cast<const OpView*>(nullptr));
  for (const OpView& op : function.ops())
    for (const mil::NamedType& output : op.operation->outputs)
      if (output.type.kind == mil::ValueType::Kind::tensor && !function.is_constant(output.name))
        visit(output, &op);
}

/// Whether a tensor's shape is known at run time only.
inline bool is_unknown(const mil::ValueType& type) {
  return type.kind == mil::ValueType::Kind::tensor &&
         (type.tensor.variable_rank || !type.tensor.shape.is_known());
}

/// "input 'x'" or "result 'y'".
std::string described(const mil::NamedType& value, const OpView* op);

/// Inputs, then results of the function.
template <typename Visit>
void for_each_interface_value(const FunctionView& function, const Visit& visit) {
  for (const mil::NamedType& input : function.function().inputs) visit(input);
  for (const std::string& name : function.function().block.outputs)
    if (const mil::ValueType* type = function.type(name)) visit(mil::NamedType{name, *type});
}

/// Values that lie in weight files, of the block and those in it: visit(value).
template <typename Visit>
void for_each_blob(const mil::Block& block, const Visit& visit) {
  const auto look_at = [&](const mil::Value& value) {
    if (value.blob != nullptr) visit(value);
  };
  for (const mil::Operation& operation : block.operations) {
    for (const auto& attribute : operation.attributes) look_at(attribute.second);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name()) look_at(binding.value());
    for (const mil::Block& inner : operation.blocks) for_each_blob(inner, visit);
  }
}

struct ModelView;

/// One package of a model.
struct PackageView {
  const ModelView* model = nullptr;
  std::string name;  ///< file name; empty when the package is the artifact.
  package::Package package;
  mil::Diagnostics faults;  ///< what package::verify says.
  std::vector<FunctionView> functions;

  const FunctionView* find_function(std::string_view name) const;
};

/// A package, or the packages of a model directory.
struct ModelView {
  std::filesystem::path path;
  std::string form;
  std::vector<std::unique_ptr<PackageView>> packages;
  std::vector<const PackageView*> chunks;  ///< of an ANEMLL directory, in order.
  const PackageView* embeddings = nullptr;
  const PackageView* lm_head = nullptr;
  std::optional<package::AnemllDirectory> anemll;
  std::optional<int64_t> layers;  ///< num_hidden_layers of config.json.
};

}  // namespace anemone::ane
