#include <algorithm>
#include <numeric>

#include "mil/ops/inference.h"
#include "passes/rewriter.h"

namespace anemone::passes {
namespace {

using Axes = std::vector<int64_t>;

Axes from_front(const Axes& axes, size_t rank) {
  Axes result;
  for (const int64_t axis : axes)
    result.push_back(static_cast<int64_t>(*mil::axis_from_front(axis, rank)));
  return result;
}

bool is_identity(const Axes& permutation) { return std::ranges::is_sorted(permutation); }

/// Whether two tensors of as many elements have the same shape if these are what is known of it.
bool is_same_shape(const Shape& a, const Shape& b) {
  const auto unknown = std::ranges::count(a.dims(), kUnknownDim);
  return a == b && (unknown == 0 || (unknown == 1 && std::ranges::count(a.dims(), 0) == 0));
}

class Cancelling final : public Rewriter {
 public:
  using Rewriter::Rewriter;

 private:
  /// An operation that moves no element within the flattened array.
  struct View {
    std::string type;
    std::string x;
    Axes axes;  ///< inserted or dropped ones, sorted; none of a reshape.
  };
  struct Transpose {
    std::string x;
    Axes permutation;
  };

  std::optional<Replacement> visit(const mil::Operation& operation,
                                   const mil::Scope& scope) override {
    const bool is_transpose = operation.type == "transpose";
    const bool is_view = operation.type == "reshape" || operation.type == "expand_dims" ||
                         operation.type == "squeeze";
    if (!is_transpose && !is_view) return std::nullopt;
    const auto inputs = bind(operation, *mil::find_op(operation.type), scope);
    const auto types = infer(operation, scope);
    if (!inputs || !types || types->front().tensor.variable_rank || x_of(operation) == nullptr)
      return std::nullopt;
    const mil::Operands in = inputs->operands(opset());
    return is_transpose ? visit_transpose(operation, in, types->front(), scope)
                        : visit_view(operation, in, types->front(), scope);
  }

  std::optional<Replacement> visit_transpose(const mil::Operation& operation,
                                             const mil::Operands& in, const mil::ValueType& type,
                                             const mil::Scope& scope) {
    enum : size_t { kX, kPerm };
    const mil::NamedType& output = operation.outputs[0];
    const std::string& x = *x_of(operation);
    const auto perm = in.integers(kPerm);
    if (!perm) return std::nullopt;
    const Axes permutation = from_front(*perm, in.shape(kX).rank());
    if (is_identity(permutation)) return same_as(operation, type, x, scope);
    const auto earlier = transposes_.find(x);
    if (earlier == transposes_.end()) {
      if (!must_keep(output.name)) transposes_[output.name] = {x, permutation};
      return std::nullopt;
    }
    const Transpose& inner = earlier->second;
    Axes composed;
    for (const int64_t axis : permutation)
      composed.push_back(inner.permutation[static_cast<size_t>(axis)]);
    if (is_identity(composed)) return same_as(operation, type, inner.x, scope);
    if (must_keep(output.name) && output.type != type) return std::nullopt;
    mil::Operation direct = with_x(operation, inner.x);
    direct.outputs[0].type = type;
    if (!must_keep(output.name)) transposes_[output.name] = {inner.x, composed};
    return with_vector(std::move(direct), "perm", composed);
  }

  std::optional<Replacement> visit_view(const mil::Operation& operation, const mil::Operands& in,
                                        const mil::ValueType& type, const mil::Scope& scope) {
    enum : size_t { kX, kNumbers };
    const mil::NamedType& output = operation.outputs[0];
    View view{operation.type, *x_of(operation), {}};
    const bool is_reshape = operation.type == "reshape";
    const auto numbers = in.integers(kNumbers);
    if (is_reshape && !numbers) {  // the shape is known at run time
      remember(output.name, std::move(view));
      return std::nullopt;
    }
    const Shape& from = in.shape(kX);
    const Shape& to = type.tensor.shape;
    if (!is_reshape && !find_axes(view, numbers, from, to)) return std::nullopt;
    if (is_reshape ? is_same_shape(from, to) : view.axes.empty())
      return same_as(operation, type, view.x, scope);

    const auto earlier = views_.find(view.x);
    if (earlier == views_.end()) {
      remember(output.name, std::move(view));
      return std::nullopt;
    }
    const View inner = earlier->second;
    const Shape& source = scope.find(inner.x)->type->tensor.shape;
    const bool undoes = !is_reshape && inner.type != "reshape" && inner.type != view.type &&
                        inner.axes == view.axes;
    if (undoes || is_same_shape(source, to)) return same_as(operation, type, inner.x, scope);
    remember(output.name, std::move(view));
    if (!is_reshape && inner.type != "reshape") return std::nullopt;
    auto direct = is_reshape && std::ranges::count(*numbers, 0) == 0
                      ? std::optional(Replacement{with_x(operation, inner.x)})
                      : static_reshape(operation, type, source, inner.x);
    if (!direct ||
        (is_reshape && direct->size() == 1 && infer(direct->front(), scope) != std::vector{type}))
      return std::nullopt;
    remember(output.name, {"reshape", inner.x, {}});
    return direct;
  }

  /// The axes of expand_dims (in the result) or squeeze (in x, those of length 1). False where that
  /// is not known before run time.
  static bool find_axes(View& view, const std::optional<Axes>& numbers, const Shape& from,
                        const Shape& to) {
    const bool expands = view.type == "expand_dims";
    Axes chosen(from.rank());
    std::iota(chosen.begin(), chosen.end(), 0);
    if (numbers) chosen = from_front(*numbers, expands ? to.rank() : from.rank());
    std::ranges::sort(chosen);
    for (const int64_t axis : chosen) {
      const int64_t dim = expands ? 1 : from[static_cast<size_t>(axis)];
      if (dim == kUnknownDim) return false;
      if (dim == 1) view.axes.push_back(axis);
    }
    const auto repeated = std::ranges::unique(view.axes);
    view.axes.erase(repeated.begin(), repeated.end());
    return true;
  }

  /// A reshape to the known shape of `type`; nothing when it is not known, or not that of as many
  /// elements as x has.
  std::optional<Replacement> static_reshape(const mil::Operation& operation,
                                            const mil::ValueType& type, const Shape& source,
                                            const std::string& x) {
    const mil::NamedType& output = operation.outputs[0];
    const auto dims = type.tensor.shape.dims();
    const auto count = checked_element_count(dims);
    if (!count || *count == 0 || checked_element_count(source.dims()) != count) return std::nullopt;
    if (must_keep(output.name) && output.type != type) return std::nullopt;
    mil::Operation direct{.type = "reshape", .outputs = {{output.name, type}}};
    direct.inputs.push_back({.parameter = "x", .bindings = {mil::Binding{x}}});
    if (const mil::Value* name = operation.find_attribute("name"))
      direct.attributes.emplace_back("name", *name);
    return with_vector(std::move(direct), "shape", Axes(dims.begin(), dims.end()));
  }

  /// The operation with a constant vector for `parameter`, and that constant before it.
  Replacement with_vector(mil::Operation operation, const std::string& parameter,
                          const Axes& values) {
    mil::Operation constant = vector_constant(operation.outputs[0].name + "_" + parameter, values);
    const mil::Binding binding{constant.outputs[0].name};
    std::erase_if(operation.inputs,
                  [&](const mil::Argument& argument) { return argument.parameter == parameter; });
    operation.inputs.push_back({.parameter = parameter, .bindings = {binding}});
    std::ranges::sort(operation.inputs, {}, &mil::Argument::parameter);
    Replacement result;
    result.push_back(std::move(constant));
    result.push_back(std::move(operation));
    return result;
  }

  void remember(const std::string& name, View view) {
    if (!must_keep(name)) views_[name] = std::move(view);
  }

  std::unordered_map<std::string, View> views_;  ///< by name of the result.
  std::unordered_map<std::string, Transpose> transposes_;
};

Counts run(mil::Function& function) { return Cancelling(function).run(); }

}  // namespace

extern const Pass k_transpose_reshape_cancelling{
    .name = "transpose_reshape_cancelling",
    .doc =
        "Makes one of transposes, or of reshapes, expand_dims and squeezes, in a row, and none "
        "of those that change nothing.",
    .run = run};

}  // namespace anemone::passes
