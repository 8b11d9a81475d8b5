#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mil/resolve.h"

/// Building functions operation by operation. Types come from the op table, so what a builder
/// yields is verified as it is made; misuse is our bug and aborts.
namespace anemone::mil {

/// A value of the function being built. Cheap to copy; belongs to its builder.
class Var {
 public:
  Var() = default;
  const std::string& name() const { return *name_; }
  const ValueType& type() const { return *type_; }
  DType dtype() const { return type_->tensor.dtype; }
  const Shape& shape() const { return type_->tensor.shape; }
  bool defined() const { return name_ != nullptr; }

 private:
  friend class Builder;
  Var(const std::string* name, const ValueType* type) : name_(name), type_(type) {}
  const std::string* name_ = nullptr;
  const ValueType* type_ = nullptr;
};

class Builder {
 public:
  /// What a parameter is bound to. Numbers and texts become constants; floating-point scalars have
  /// a dtype and are made with `scalar`.
  using Target = std::variant<Var, std::vector<Var>, int64_t, bool, std::string_view,
                              std::vector<int64_t>, std::vector<bool>>;
  struct Argument {
    Argument(std::string_view parameter_name, Var value)
        : parameter(parameter_name), target(value) {}
    Argument(std::string_view parameter_name, std::vector<Var> values)
        : parameter(parameter_name), target(std::move(values)) {}
    Argument(std::string_view parameter_name, int value)
        : parameter(parameter_name), target(static_cast<int64_t>(value)) {}
    Argument(std::string_view parameter_name, int64_t value)
        : parameter(parameter_name), target(value) {}
    Argument(std::string_view parameter_name, bool value)
        : parameter(parameter_name), target(value) {}
    Argument(std::string_view parameter_name, const char* value)
        : parameter(parameter_name), target(std::string_view(value)) {}
    Argument(std::string_view parameter_name, std::vector<int64_t> values)
        : parameter(parameter_name), target(std::move(values)) {}
    Argument(std::string_view parameter_name, std::vector<bool> values)
        : parameter(parameter_name), target(std::move(values)) {}

    std::string_view parameter;
    Target target;
  };
  using Arguments = std::vector<Argument>;

  /// `opset`: "CoreML8".
  Builder(std::string function, std::string opset);
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  /// Names given to `input`, `state` and `output` are kept as they are.
  Var input(std::string_view name, DType dtype, const Shape& shape);
  Var state(std::string_view name, DType dtype, const Shape& shape);
  /// Makes `value` an output called `name`. Outputs keep their order.
  void output(std::string_view name, Var value);

  /// A constant with its contents. Equal ones are one constant.
  Var constant(std::string_view hint, const Tensor& contents);
  /// A constant of rank 0 in a floating-point dtype, rounded to it.
  Var scalar(DType dtype, double value);
  /// A constant whose contents are fetched later. One `path` is one constant.
  Var deferred(std::string_view hint, std::string_view path, DType dtype, const Shape& shape);

  /// Adds an operation with one output. `hint` and the scopes around it make the name:
  /// "layer_3_attention_q", with a number behind it where that is taken.
  Var add(std::string_view type, std::string_view hint, const Arguments& arguments);
  /// The same with `count` outputs (none for write_state).
  std::vector<Var> add_all(std::string_view type, std::string_view hint, size_t count,
                           const Arguments& arguments);

  /// Prefixes the names of what is added while it lives. Scopes nest.
  class NameScope {
   public:
    NameScope(Builder& builder, std::string_view name);
    ~NameScope();
    NameScope(const NameScope&) = delete;
    NameScope& operator=(const NameScope&) = delete;

   private:
    Builder& builder_;
    size_t length_;
  };

  /// The function, without constants and operations that no output or state needs. The builder is
  /// done with.
  Function finish() &&;

 private:
  const std::string* unique_name(std::string_view hint, bool scoped);
  Var define(const std::string* name, const ValueType& type, const Tensor* value, bool is_constant);
  Var define_constant(std::string_view hint, Value value, bool scoped);
  std::vector<Binding> bindings_of(const Argument& argument);

  Function function_;
  int opset_;
  std::string prefix_;
  std::deque<std::string> names_;
  std::deque<ValueType> types_;
  std::deque<Tensor> values_;
  std::map<std::string, int64_t, std::less<>> taken_;  ///< by name: the last number tried.
  std::map<std::string, Var, std::less<>> constants_;  ///< by contents.
  std::map<std::string, Var, std::less<>> deferred_;   ///< by path.
  std::vector<std::pair<std::string, Var>> outputs_;
  Scope scope_;
};

}  // namespace anemone::mil
