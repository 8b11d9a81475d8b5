#include "ane/structure.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "ane/op_support.h"

namespace anemone::ane {
namespace {

constexpr int kMostSteps = 12;

const OpView* producer_of(const FunctionView& function, const OpView& op,
                          std::string_view parameter) {
  const std::string* name = function.operand_name(op, parameter);
  return name == nullptr ? nullptr : function.producer(function.source_of(*name));
}

bool is_constant_operand(const FunctionView& function, const OpView& op,
                         std::string_view parameter) {
  return function.operand_is_constant(op, parameter);
}

/// The operand of a sum or product that is not constant, where the other one is.
const std::string* varying_operand(const FunctionView& function, const OpView& op) {
  if (is_constant_operand(function, op, "y")) return function.operand_name(op, "x");
  if (is_constant_operand(function, op, "x")) return function.operand_name(op, "y");
  return nullptr;
}

/// The operand of an `add` whose other one is a single element that is worked out, as ANEMLL's
/// Gemma 3 adds one to keep its caches in the program.
const std::string* beside_one_element(const FunctionView& function, const OpView& op) {
  if (op.type() != "add") return nullptr;
  const auto is_one = [&](std::string_view parameter) {
    const mil::TensorType* type = function.operand_type(op, parameter);
    return type != nullptr && type->shape.is_known() && type->shape.element_count() == 1;
  };
  if (is_one("x") == is_one("y")) return nullptr;
  return function.operand_name(op, is_one("x") ? "y" : "x");
}

bool is_inverse_root(const FunctionView& function, const OpView* op) {
  if (op == nullptr) return false;
  if (op->type() == "rsqrt") return true;
  const OpView* inner = producer_of(function, *op, "x");
  return op->type() == "inverse" && inner != nullptr && inner->type() == "sqrt";
}

/// Looks for a product of two run-time values behind the scaling and masking of scores.
const OpView* find_scores(const FunctionView& function, std::string_view name, int steps,
                          std::vector<std::string_view>& masks) {
  const OpView* op = function.producer(function.source_of(name));
  if (op == nullptr || steps == 0) return nullptr;
  if (op->type() == "matmul") return function.has_weight(*op) ? nullptr : op;
  const auto follow = [&](std::string_view parameter) -> const OpView* {
    const std::string* next = function.operand_name(*op, parameter);
    return next == nullptr ? nullptr : find_scores(function, *next, steps - 1, masks);
  };
  if (op->type() == "tanh") return follow("x");
  if (op->type() == "mul" || op->type() == "real_div") {
    const std::string* next = varying_operand(function, *op);
    return next == nullptr ? nullptr : find_scores(function, *next, steps - 1, masks);
  }
  const bool selects = op->type() == "select";
  if (!selects && op->type() != "add") return nullptr;
  for (const std::string_view parameter : {selects ? "a" : "x", selects ? "b" : "y"}) {
    const size_t before = masks.size();
    if (const OpView* scores = follow(parameter)) {
      const std::string_view other = selects ? "cond" : parameter == "x" ? "y" : "x";
      if (const std::string* mask = function.operand_name(*op, other)) masks.push_back(*mask);
      return scores;
    }
    masks.resize(before);
  }
  return nullptr;
}

/// The state that keys come from, through slices, repeats and joins; the first operand first.
std::string_view state_behind(const FunctionView& function, std::string_view name) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> pending{name};
  while (!pending.empty()) {
    const std::string_view source = function.source_of(pending.back(), true);
    pending.pop_back();
    const OpView* op = function.producer(source);
    if (op == nullptr || !seen.insert(source).second) continue;
    if (op->type() == "read_state") {
      const std::string* state = function.operand_name(*op, "input");
      if (state != nullptr) return *state;
      continue;
    }
    const bool joins = op->type() == "concat";
    if (!joins && op->type() != "tile" && op->type() != "slice_update" && op->type() != "mul")
      continue;
    const mil::Argument* values = op->operation->find_input(joins ? "values" : "x");
    for (size_t i = values == nullptr ? 0 : values->bindings.size(); i-- > 0;)
      if (values->bindings[i].is_name()) pending.push_back(values->bindings[i].name());
  }
  return "";
}

/// What goes into a softmax: of the op itself, or of exp(x - max(x)).
const std::string* softmax_input(const FunctionView& function, const OpView& op) {
  if (op.type() == "softmax") return function.operand_name(op, "x");
  if (op.type() != "exp") return nullptr;
  const OpView* difference = producer_of(function, op, "x");
  if (difference == nullptr || difference->type() != "sub") return nullptr;
  const OpView* largest = producer_of(function, *difference, "y");
  return largest != nullptr && largest->type() == "reduce_max"
             ? function.operand_name(*difference, "x")
             : nullptr;
}

Attention fused(const FunctionView& function, const OpView& op) {
  Attention attention{.softmax = &op, .scores = &op, .keys_operand = "key"};
  if (const std::string* mask = function.operand_name(op, "attn_mask"))
    attention.masks.push_back(*mask);
  const mil::TensorType* query = function.operand_type(op, "query");
  const mil::TensorType* key = function.operand_type(op, "key");
  if (query != nullptr && query->shape.rank() >= 2)
    attention.queries = query->shape[query->shape.rank() - 2];
  if (key != nullptr && key->shape.rank() >= 2) attention.keys = key->shape[key->shape.rank() - 2];
  if (const std::string* name = function.operand_name(op, "key"))
    attention.state = state_behind(function, *name);
  return attention;
}

}  // namespace

bool is_normalised(const FunctionView& function, std::string_view name) {
  for (int step = 0; step < kMostSteps; ++step) {
    const OpView* op = function.producer(function.source_of(name, true));
    if (op == nullptr) return false;
    const std::string_view type = op->type();
    if (type == "layer_norm" || type == "l2_norm") return true;
    if (type == "real_div") {
      const OpView* divisor = producer_of(function, *op, "y");
      return divisor != nullptr && divisor->type() == "sqrt";
    }
    if (type != "mul" && type != "add") return false;
    if (type == "mul" && (is_inverse_root(function, producer_of(function, *op, "x")) ||
                          is_inverse_root(function, producer_of(function, *op, "y"))))
      return true;
    const std::string* next = varying_operand(function, *op);
    if (next == nullptr) next = beside_one_element(function, *op);
    if (next == nullptr) return false;
    name = *next;
  }
  return false;
}

bool is_language_model(const FunctionView& function) {
  const auto is_state = [](const mil::NamedType& input) {
    return input.type.kind == mil::ValueType::Kind::state;
  };
  return std::ranges::any_of(function.function().inputs, is_state) ||
         function.package().model->form == "anemll" || function.package().model->form == "anemone";
}

std::string_view squared_value(const FunctionView& function, const OpView& op) {
  if (op.type() != "rsqrt" && op.type() != "sqrt") return "";
  const std::string* name = function.operand_name(op, "x");
  for (int step = 0; name != nullptr && step < kMostSteps; ++step) {
    const OpView* inner = function.producer(function.source_of(*name));
    if (inner == nullptr) return "";
    const std::string_view type = inner->type();
    if (type == "add" || type == "mul" || type == "maximum") {
      const std::string* x = function.operand_name(*inner, "x");
      const std::string* y = function.operand_name(*inner, "y");
      if (type == "mul" && x != nullptr && y != nullptr && *x == *y) return *x;
      name = varying_operand(function, *inner);
    } else if (type == "reduce_mean" || type == "reduce_sum") {
      name = function.operand_name(*inner, "x");
    } else if (type == "reduce_sum_square" || type == "square") {
      const std::string* x = function.operand_name(*inner, "x");
      return x == nullptr ? std::string_view() : std::string_view(*x);
    } else if (type == "pow") {
      const Tensor* exponent = function.operand_contents(*inner, "y");
      const std::string* x = function.operand_name(*inner, "x");
      const bool is_square =
          exponent != nullptr && exponent->element_count() == 1 && exponent->at(0) == 2;
      return is_square && x != nullptr ? std::string_view(*x) : std::string_view();
    } else {
      return "";
    }
  }
  return "";
}

int64_t tokens_of(const FunctionView& function) {
  int64_t ids = 0;
  for (const mil::NamedType& input : function.function().inputs) {
    const mil::TensorType& type = input.type.tensor;
    if (input.type.kind != mil::ValueType::Kind::tensor) continue;
    if (is_float(type.dtype) && type.shape.rank() == 4 && type.shape[0] == 1 &&
        type.shape[1] == 1 && type.shape[3] > type.shape[2])
      return type.shape[2];
    if (is_integer(type.dtype) && type.shape.rank() == 2 && type.shape[0] == 1)
      ids = std::max(ids, type.shape[1]);
  }
  return ids;
}

std::vector<Attention> attentions(const FunctionView& function) {
  std::vector<Attention> found;
  for (const OpView& op : function.ops()) {
    if (op.type() == "scaled_dot_product_attention") {
      found.push_back(fused(function, op));
      continue;
    }
    const std::string* input = softmax_input(function, op);
    const mil::ValueType* type = input == nullptr ? nullptr : function.type(*input);
    if (type == nullptr || type->tensor.shape.rank() < 2) continue;
    Attention attention{.softmax = &op};
    attention.scores = find_scores(function, *input, kMostSteps, attention.masks);
    if (attention.scores == nullptr) continue;
    const Shape& shape = type->tensor.shape;
    const size_t last = shape.rank() - 1;
    const int64_t axis = function.integer(op, "axis").value_or(-1);
    const bool along_rows = axis == -2 || axis == static_cast<int64_t>(last) - 1;
    attention.keys_operand = along_rows ? "x" : "y";
    attention.queries = shape[along_rows ? last : last - 1];
    attention.keys = shape[along_rows ? last - 1 : last];
    for (const std::string_view parameter : {"y", "x"})
      if (const std::string* operand = function.operand_name(*attention.scores, parameter);
          operand != nullptr && attention.state.empty())
        attention.state = state_behind(function, *operand);
    found.push_back(std::move(attention));
  }
  return found;
}

MaskPart part_of_mask(const FunctionView& function, std::string_view mask) {
  MaskPart part{.origin = function.source_of(mask)};
  for (int step = 0; step < kMostSteps; ++step) {
    const OpView* op = function.producer(part.origin);
    if (op == nullptr || function.is_constant(part.origin)) break;
    const std::string* x = function.operand_name(*op, "x");
    if (op->type() == "slice_by_index" && x != nullptr) {
      const mil::TensorType* type = function.operand_type(*op, "x");
      const auto begin = function.known_elements(*op, "begin");
      const auto end = function.known_elements(*op, "end");
      const Tensor* end_mask = function.operand_contents(*op, "end_mask");
      if (type == nullptr || type->shape.rank() == 0 || begin.size() != type->shape.rank() ||
          end.size() != begin.size())
        break;
      const auto last = static_cast<int64_t>(begin.size()) - 1;
      part.begin = begin.back();
      part.end = end_mask != nullptr && end_mask->element_count() > last && end_mask->at(last) != 0
                     ? std::optional(type->shape[begin.size() - 1])
                     : end.back();
    } else if (op->type() == "maximum" || op->type() == "minimum" || op->type() == "mul") {
      x = varying_operand(function, *op);
    } else {
      break;
    }
    if (x == nullptr) break;
    part.origin = function.source_of(*x);
  }
  if (const mil::ValueType* type = function.type(part.origin);
      type != nullptr && type->tensor.shape.rank() > 0)
    part.width = type->tensor.shape[type->tensor.shape.rank() - 1];
  return part;
}

std::vector<StateWrite> state_writes(const FunctionView& function) {
  std::vector<StateWrite> writes;
  for (const OpView& op : function.ops()) {
    if (op.type() != "write_state") continue;
    const std::string* state = function.operand_name(op, "input");
    const OpView* update = producer_of(function, op, "data");
    if (state == nullptr) continue;
    StateWrite write{.op = &op, .state = *state, .whole = true};
    if (update != nullptr && update->type() == "slice_update") {
      write.op = update;
      write.whole = false;
      const mil::TensorType* type = function.operand_type(*update, "x");
      write.begin = function.known_elements(*update, "begin");
      write.end = function.known_elements(*update, "end");
      const Tensor* begin_mask = function.operand_contents(*update, "begin_mask");
      const Tensor* end_mask = function.operand_contents(*update, "end_mask");
      const auto is_set = [](const Tensor* mask, size_t axis) {
        const auto at = static_cast<int64_t>(axis);
        return mask != nullptr && mask->element_count() > at && mask->at(at) != 0;
      };
      for (size_t axis = 0; axis < write.begin.size(); ++axis)
        if (is_set(begin_mask, axis)) write.begin[axis] = 0;
      for (size_t axis = 0; axis < write.end.size(); ++axis)
        if (is_set(end_mask, axis) && type != nullptr && axis < type->shape.rank())
          write.end[axis] = type->shape[axis];
    }
    writes.push_back(std::move(write));
  }
  return writes;
}

bool picks_positions(const FunctionView& function, const OpView& gather) {
  if (gather.operation->outputs.empty()) return false;
  std::vector<std::string_view> pending{gather.operation->outputs[0].name};
  for (size_t i = 0; i < pending.size() && i < 64; ++i)
    for (const Use& use : function.uses(pending[i])) {
      const std::string_view type = use.op->type();
      if (hands_on(type)) {
        for (const mil::NamedType& output : use.op->operation->outputs)
          pending.push_back(output.name);
        continue;
      }
      if (type != "mul") continue;
      const std::string* x = function.operand_name(*use.op, "x");
      const std::string* y = function.operand_name(*use.op, "y");
      if (x == nullptr || y == nullptr || *x == *y) continue;
      const std::string& other = *x == pending[i] ? *y : *x;
      if (!function.is_constant(other) &&
          !is_inverse_root(function, function.producer(function.source_of(other))))
        return true;
    }
  return false;
}

std::vector<Weight> weights(const FunctionView& function) {
  std::vector<Weight> found;
  std::set<std::string_view> seen;
  for (const OpView& op : function.ops()) {
    std::string_view parameter = function.weight_parameter(op);
    if (op.type() == "gather" && !picks_positions(function, op)) parameter = "x";
    const std::string* name = parameter.empty() ? nullptr : function.operand_name(op, parameter);
    if (name == nullptr || !function.is_constant(*name)) continue;
    const std::string_view source = function.source_of(*name);
    const mil::ValueType* type = function.type(source);
    if (type == nullptr || type->tensor.shape.rank() < 2 || !is_float(type->tensor.dtype) ||
        !seen.insert(source).second)
      continue;
    found.push_back({&op, parameter, source, function.producer(source)});
  }
  return found;
}

bool feeds_constant(const FunctionView& function, const OpView& op) {
  const auto uses = function.uses(op.operation->outputs[0].name);
  return !uses.empty() && std::ranges::all_of(uses, [](const Use& use) {
    return use.op->type().starts_with("constexpr_");
  });
}

bool has_scales_of_blocks(const FunctionView& function, const OpView& op) {
  const mil::TensorType* scale = function.operand_type(op, "scale");
  const Shape& weight = op.operation->outputs[0].type.tensor.shape;
  if (scale == nullptr) return false;
  size_t divided = 0;
  for (size_t axis = 0; axis < std::min(scale->shape.rank(), weight.rank()); ++axis) {
    if (scale->shape[axis] <= 1) continue;
    if (scale->shape[axis] != weight[axis]) return true;
    ++divided;
  }
  return divided > 1;
}

int palette_bits(const FunctionView& function, const OpView& op) {
  if (op.type() != "constexpr_lut_to_dense" && op.type() != "constexpr_lut_to_sparse") return 0;
  const mil::TensorType* indices = function.operand_type(
      op, op.type() == "constexpr_lut_to_dense" ? "indices" : "indices_nonzero_data");
  if (indices == nullptr) return 0;
  const mil::TensorType* lut = function.operand_type(op, "lut");
  if (lut == nullptr || lut->shape.rank() != 1) return bit_width(indices->dtype);
  int bits = 0;  // the form of iOS16: bytes that hold packed indices
  while (bits < 8 && (int64_t{1} << bits) < lut->shape[0]) ++bits;
  return bits;
}

std::vector<int64_t> palette_groups(const FunctionView& function, const OpView& op) {
  const mil::TensorType* lut = function.operand_type(op, "lut");
  if (lut == nullptr || lut->shape.rank() < 3) return {};
  return {lut->shape.begin(), lut->shape.end() - 2};
}

bool palette_is_scaled(const FunctionView& function, const OpView& op) {
  const OpView* table = producer_of(function, op, "lut");
  return table != nullptr && table->type() == "constexpr_blockwise_shift_scale";
}

const char* palette_key(const ModelView& model, const PackageView& package) {
  if (model.anemll && model.anemll->monolithic) return "lut_bits";
  return &package == model.embeddings ? "lut_embeddings"
         : &package == model.lm_head  ? "lut_lmhead"
                                      : "lut_ffn";
}

}  // namespace anemone::ane
