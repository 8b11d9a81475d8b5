#include <algorithm>

#include "passes/fold.h"
#include "passes/rewriter.h"

namespace anemone::passes {
namespace {

class Folding final : public Rewriter {
 public:
  using Rewriter::Rewriter;

 private:
  std::optional<Replacement> visit(const mil::Operation& operation,
                                   const mil::Scope& scope) override {
    const mil::OpDef* op = mil::find_op(operation.type);
    if (op == nullptr || op->kind != mil::OpKind::plain) return std::nullopt;
    // Core ML wants results of functions to come from operations that compute.
    if (std::ranges::any_of(operation.outputs, [&](const mil::NamedType& output) {
          return is_function_output(output.name);
        }))
      return std::nullopt;
    const auto inputs = bind(operation, *op, scope);
    if (!inputs) return std::nullopt;
    const auto values = fold(operation, *op, inputs->operands(opset()), inputs->all());
    if (!values) return std::nullopt;
    Replacement constants;
    for (size_t i = 0; i < values->size(); ++i)
      constants.push_back(constant_operation(
          operation.outputs[i].name,
          values->size() == 1 ? operation.display_name() : operation.outputs[i].name,
          (*values)[i]));
    return constants;
  }
};

Counts run(mil::Function& function) { return Folding(function).run(); }

}  // namespace

extern const Pass k_const_folding{
    .name = "const_folding",
    .doc = "Computes what depends on small constants alone, where no rounding can tell.",
    .run = run};

}  // namespace anemone::passes
