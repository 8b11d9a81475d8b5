#include "passes/fold.h"
#include "passes/rewriter.h"

namespace anemone::passes {
namespace {

using mil::DTypeSet;

/// Whether every value of `from` is one of `to`.
bool is_exact(DType from, DType to) {
  switch (from) {
    case DType::bool_:
      return true;
    case DType::int8:
      return DTypeSet{DType::int8, DType::int16, DType::int32, DType::fp16, DType::fp32}.contains(
          to);
    case DType::uint8:
      return DTypeSet{DType::uint8, DType::int16, DType::uint16,
                      DType::int32, DType::fp16,  DType::fp32}
          .contains(to);
    case DType::int16:
      return DTypeSet{DType::int16, DType::int32, DType::fp32}.contains(to);
    case DType::uint16:
      return DTypeSet{DType::uint16, DType::int32, DType::fp32}.contains(to);
    case DType::fp16:
      return DTypeSet{DType::fp16, DType::fp32}.contains(to);
    default:
      return from == to;
  }
}

class Cleaning final : public Rewriter {
 public:
  using Rewriter::Rewriter;

 private:
  /// A cast that loses nothing: what it was made from.
  struct Exact {
    std::string x;
    DType dtype;
  };

  std::optional<Replacement> visit(const mil::Operation& operation,
                                   const mil::Scope& scope) override {
    if (operation.type != "cast") return std::nullopt;
    const mil::OpDef* op = mil::find_op("cast");
    const auto inputs = bind(operation, *op, scope);
    if (!inputs) return std::nullopt;
    const mil::NamedType& output = operation.outputs[0];
    if (!is_function_output(output.name))
      if (const auto values = fold(operation, *op, inputs->operands(opset()), inputs->all()))
        return Replacement{
            constant_operation(output.name, operation.display_name(), values->front())};

    const std::string* x = x_of(operation);
    const auto types = infer(operation, scope);
    if (x == nullptr || !types) return std::nullopt;
    const DType to = types->front().tensor.dtype;
    Exact source{*x, scope.find(*x)->type->tensor.dtype};
    const auto earlier = source.dtype == to ? exact_.end() : exact_.find(*x);
    if (earlier != exact_.end()) source = earlier->second;
    if (source.dtype == to) return same_as(operation, types->front(), source.x, scope);
    if (earlier != exact_.end()) {
      mil::Operation direct = with_x(operation, source.x);
      if (infer(direct, scope) != types) return std::nullopt;
      remember(output.name, source, to);
      return Replacement{std::move(direct)};
    }
    remember(output.name, source, to);
    return std::nullopt;
  }

  void remember(const std::string& name, const Exact& source, DType dtype) {
    if (is_exact(source.dtype, dtype) && !must_keep(name)) exact_[name] = source;
  }

  std::unordered_map<std::string, Exact> exact_;  ///< by name of the result.
};

Counts run(mil::Function& function) { return Cleaning(function).run(); }

}  // namespace

extern const Pass k_dtype_cleaning{
    .name = "dtype_cleaning",
    .doc =
        "Drops casts to the dtype that a value has, casts there and back that lose nothing, and "
        "casts of small constants.",
    .run = run};

}  // namespace anemone::passes
