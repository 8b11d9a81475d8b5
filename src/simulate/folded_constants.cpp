#include "simulate/folded_constants.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "anemone/model.h"

namespace anemone::simulate {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 20;

bool is_folded(const mil::Operation& operation) {
  if (operation.type == "const" || operation.type.starts_with("constexpr_")) return false;
  return std::ranges::all_of(operation.outputs, [](const mil::NamedType& output) {
    const mil::TensorType& type = output.type.tensor;
    return output.type.kind == mil::ValueType::Kind::tensor && type.dtype == DType::fp16 &&
           type.shape.is_known() && type.shape.element_count() <= kMostElements;
  });
}

/// The operations that `results` need, in order.
std::vector<mil::Operation> needed(const mil::Block& block, const std::vector<bool>& constant,
                                   const std::vector<std::string>& results) {
  std::set<std::string_view> names(results.begin(), results.end());
  std::vector<mil::Operation> operations;
  for (size_t i = block.operations.size(); i-- > 0;) {
    const mil::Operation& operation = block.operations[i];
    const bool is_needed =
        constant[i] && std::ranges::any_of(operation.outputs, [&](const mil::NamedType& output) {
          return names.contains(output.name);
        });
    if (!is_needed) continue;
    operations.push_back(operation);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) names.insert(binding.name());
  }
  std::ranges::reverse(operations);
  return operations;
}

bool holds_infinity(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.element_count(); ++i)
    if (std::isinf(tensor.at(i))) return true;
  return false;
}

}  // namespace

std::vector<std::string> infinite_folds(const mil::Function& function,
                                        const std::vector<bool>& constant) {
  std::vector<std::string> results;
  for (size_t i = 0; i < function.block.operations.size(); ++i)
    if (constant[i] && is_folded(function.block.operations[i]))
      for (const mil::NamedType& output : function.block.operations[i].outputs)
        results.push_back(output.name);
  if (results.empty()) return {};
  mil::Function folds = function;
  folds.inputs.clear();
  folds.block.operations = needed(function.block, constant, results);
  folds.block.outputs = results;
  package::Package package;
  package.default_function = folds.name;
  package.program.functions.push_back(std::move(folds));
  const auto model =
      runtime::Model::load(std::move(package), {.numerics = runtime::Numerics::ane, .threads = 1});
  if (!model.ok()) return {};
  const auto values = (*model)->predict(function.name, {}, nullptr);
  if (!values.ok()) return {};
  std::vector<std::string> infinite;
  for (const NamedTensor& value : *values)
    if (holds_infinity(value.tensor)) infinite.push_back(value.name);
  return infinite;
}

}  // namespace anemone::simulate
