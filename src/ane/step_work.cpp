#include "ane/step_work.h"

#include <algorithm>
#include <unordered_set>

#include "ane/op_work.h"

namespace anemone::ane {
namespace {

constexpr double kBytesOfHalf = 2;

/// Adds a layer's scores and its keys and values, which are as large as its values.
void add_layer(FunctionWork& total, double scores, double values, int64_t queries,
               int64_t positions) {
  total.work.score_bytes += kBytesOfHalf * scores;
  total.work.repeated_cache_bytes += 2 * kBytesOfHalf * values;
  total.work.width = std::max(total.work.width, queries);
  total.context = std::max(total.context, positions);
  ++total.attention_layers;
}

int64_t dimension(const mil::TensorType& type, int64_t axis) {
  const auto rank = static_cast<int64_t>(type.shape.rank());
  const int64_t index = axis < 0 ? axis + rank : axis;
  return index < 0 || index >= rank ? 1
                                    : std::max<int64_t>(1, type.shape[static_cast<size_t>(index)]);
}

/// The softmax behind an operand of a product, looking through changes of shape.
const OpView* softmax_behind(const FunctionView& function, const OpView& product,
                             std::string_view parameter) {
  const std::string* name = function.operand_name(product, parameter);
  if (name == nullptr) return nullptr;
  const OpView* op = function.producer(function.source_of(*name));
  return op != nullptr && op->type() == "softmax" ? op : nullptr;
}

void add_product(FunctionWork& total, const FunctionView& function, const OpView& op) {
  for (const auto& [scores, values] : {std::pair("x", "y"), std::pair("y", "x")}) {
    const OpView* softmax = softmax_behind(function, op, scores);
    const mil::TensorType* value = function.operand_type(op, values);
    if (softmax == nullptr || value == nullptr || function.operand_is_constant(op, values))
      continue;
    const mil::TensorType& type = softmax->operation->outputs[0].type.tensor;
    const int64_t axis = function.integer(*softmax, "axis").value_or(-1);
    const auto rank = static_cast<int64_t>(type.shape.rank());
    const bool is_last = axis == -1 || axis == rank - 1;
    add_layer(total, elements_of(type), elements_of(*value), dimension(type, is_last ? -2 : -1),
              dimension(type, axis));
    return;
  }
}

void add_fused(FunctionWork& total, const FunctionView& function, const OpView& op) {
  const mil::TensorType* query = function.operand_type(op, "query");
  const mil::TensorType* key = function.operand_type(op, "key");
  if (query == nullptr || key == nullptr) return;
  const int64_t queries = dimension(*query, -2);
  const int64_t positions = dimension(*key, -2);
  const double heads = elements_of(*query) / static_cast<double>(queries * dimension(*query, -1));
  add_layer(total, heads * static_cast<double>(queries * positions), elements_of(*key), queries,
            positions);
}

const FunctionView* named(const PackageView& package, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const FunctionView* function = package.find_function(name)) return function;
  }
  return nullptr;
}

}  // namespace

FunctionWork work_of(const FunctionView& function) {
  FunctionWork total;
  double multiply_adds = 0;
  std::unordered_set<std::string_view> counted;
  for (const OpView& op : function.ops()) {
    if (!runs(function, op)) continue;
    if (function.has_weight(op)) multiply_adds += work_of(function, op).flops / 2;
    if (op.type() == "matmul") add_product(total, function, op);
    if (op.type() == "scaled_dot_product_attention") add_fused(total, function, op);
    if (op.type().starts_with("gather")) continue;
    for (const mil::Argument& argument : op.operation->inputs) {
      for (const mil::Binding& binding : argument.bindings) {
        if (!binding.is_name() || !function.is_constant(binding.name())) continue;
        if (counted.insert(binding.name()).second) {
          total.work.weight_bytes += stored_bytes(function, binding.name());
        }
      }
    }
  }
  total.work.multiply_adds = multiply_adds / static_cast<double>(total.work.width);
  for (const mil::NamedType& input : function.function().inputs) {
    if (input.type.kind != mil::ValueType::Kind::state) continue;
    total.work.cache_bytes += elements_of(input) * bit_width(input.type.tensor.dtype) / 8;
  }
  return total;
}

const FunctionView* decoding_function(const PackageView& package) {
  if (const FunctionView* function = named(package, {"infer", "decode"})) return function;
  if (const FunctionView* function = package.find_function(package.package.default_function)) {
    return function;
  }
  return package.functions.empty() ? nullptr : &package.functions.front();
}

const FunctionView* prompt_function(const PackageView& package) {
  const FunctionView* function = named(package, {"prefill"});
  return function != nullptr ? function : decoding_function(package);
}

}  // namespace anemone::ane
