#include "ane/step_work.h"

#include <algorithm>
#include <unordered_set>

#include "ane/op_work.h"
#include "ane/structure.h"
#include "base/check.h"

namespace anemone::ane {
namespace {

constexpr double kBytesOfHalf = 2;

/// Scores of all heads.
double scores_of(const FunctionView& function, const Attention& attention, int64_t keys) {
  const OpView& op = *attention.scores;
  if (attention.scores != attention.softmax) return elements_of(op.operation->outputs[0]);
  const mil::TensorType* query = function.operand_type(op, "query");
  if (query == nullptr || query->shape.rank() == 0) return 0;
  const int64_t head_dim = std::max<int64_t>(1, query->shape[query->shape.rank() - 1]);
  return elements_of(*query) / static_cast<double>(head_dim) * static_cast<double>(keys);
}

double share_of(const OtherContext* other, int64_t positions) {
  return other == nullptr ? 1 : other->share(positions);
}

/// Positions that a state has, along the axis that an attention looks along.
int64_t positions_of(const Shape& state, const std::vector<int64_t>& attended) {
  for (const int64_t dim : state)
    if (std::ranges::find(attended, dim) != attended.end()) return dim;
  const auto axis = token_axis(state);
  return axis ? std::max<int64_t>(1, state[*axis]) : 1;
}

using Ops = std::unordered_set<const OpView*>;

/// Those that `placed` has on the CPU.
Ops ops_on_cpu(const FunctionView& function, const FunctionForecast* placed) {
  Ops ops;
  if (placed == nullptr) return ops;
  size_t index = 0;
  for (const OpView& op : function.ops()) {
    if (!runs(function, op)) continue;
    ANEMONE_CHECK(index < placed->operations.size(), "every op that runs is placed");
    if (placed->operations[index++].unit == Unit::cpu) ops.insert(&op);
  }
  return ops;
}

struct Attended {
  std::vector<int64_t> positions;
  double keys = 0;  ///< elements that all attentions read.
  double keys_on_cpu = 0;
  /// Of a function without attention, all.
  double share_on_engine() const { return keys > 0 ? 1 - keys_on_cpu / keys : 1; }
};

/// Scores, keys and values, which are as large as the keys.
Attended add_attentions(FunctionWork& total, const FunctionView& function,
                        const OtherContext* other, const Ops& on_cpu) {
  Attended attended;
  int64_t queries = 1;
  for (const Attention& attention : attentions(function)) {
    const mil::TensorType* keys = function.operand_type(*attention.scores, attention.keys_operand);
    if (keys == nullptr) continue;
    const int64_t positions = std::max<int64_t>(1, attention.keys);
    const double share = share_of(other, positions);
    attended.positions.push_back(positions);
    attended.keys += elements_of(*keys);
    if (on_cpu.contains(attention.scores)) {
      attended.keys_on_cpu += elements_of(*keys);
    } else {
      total.work.score_bytes += share * kBytesOfHalf * scores_of(function, attention, positions);
      total.work.repeated_cache_bytes += share * 2 * kBytesOfHalf * elements_of(*keys);
    }
    total.context = std::max(total.context, positions);
    queries = std::max(queries, attention.queries);
    ++total.attention_layers;
  }
  const int64_t tokens = total.attention_layers > 0 ? tokens_of(function) : 0;
  total.work.width = tokens > 0 ? tokens : queries;
  return attended;
}

const FunctionView* named(const PackageView& package, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const FunctionView* function = package.find_function(name)) return function;
  }
  return nullptr;
}

}  // namespace

double OtherContext::share(int64_t positions) const {
  const auto before = static_cast<double>(std::max<int64_t>(1, positions));
  if (positions < from) return static_cast<double>(std::min(positions, to)) / before;
  return static_cast<double>(to) / static_cast<double>(from);
}

FunctionWork work_of(const FunctionView& function, const OtherContext* other,
                     const FunctionForecast* placed) {
  FunctionWork total;
  const Ops on_cpu = ops_on_cpu(function, placed);
  const Attended attended = add_attentions(total, function, other, on_cpu);
  const UnknownSizes sizes(function);
  double multiply_adds = 0;
  std::unordered_set<std::string_view> counted;
  for (const OpView& op : function.ops()) {
    if (!runs(function, op) || on_cpu.contains(&op)) continue;
    if (function.has_weight(op)) multiply_adds += work_of(function, op, sizes).flops / 2;
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
    const mil::TensorType& type = input.type.tensor;
    total.work.cache_bytes += attended.share_on_engine() *
                              share_of(other, positions_of(type.shape, attended.positions)) *
                              elements_of(type) * bit_width(type.dtype) / 8;
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
