#include "compress/find_weights.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "compress/part_of_model.h"

namespace anemone::compress {
namespace {

constexpr int64_t kMostUncompressed = 2048;  ///< as coremltools' weight_threshold.

struct Use {
  const mil::Operation* operation;
  std::string_view parameter;
};
using Uses = std::map<std::string_view, std::vector<Use>>;

/// Each operation before those of its own blocks. Blocks in each other are no more than the
/// messages of a file can be; operations that read each other are as many as there are.
void collect(const mil::Block& block, Uses& uses, std::vector<const mil::Operation*>& operations) {
  for (const mil::Operation& operation : block.operations) {
    operations.push_back(&operation);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name()) uses[binding.name()].push_back({&operation, argument.parameter});
    for (const mil::Block& nested : operation.blocks) collect(nested, uses, operations);
  }
  for (const std::string& output : block.outputs) uses[output].push_back({nullptr, {}});
}

using Constants = std::map<std::string_view, const mil::Value*>;

/// A flag of an operation, from a constant or inline.
bool is_set(const mil::Operation& operation, std::string_view parameter,
            const Constants& constants) {
  const mil::Argument* argument = operation.find_input(parameter);
  if (argument == nullptr || argument->bindings.empty()) return false;
  const mil::Binding& binding = argument->bindings[0];
  if (!binding.is_name())
    return binding.value().tensor.defined() && binding.value().tensor.at(0) != 0;
  const auto found = constants.find(binding.name());
  return found != constants.end() && found->second->tensor.defined() &&
         found->second->tensor.at(0) != 0;
}

/// The output axis of a weight that is read so, or nothing.
std::optional<size_t> output_axis(const Use& use, const Shape& shape, const Constants& constants) {
  if (use.operation == nullptr) return std::nullopt;
  const std::string& type = use.operation->type;
  if (type == "conv" && use.parameter == "weight") return 0;
  if (type == "linear" && use.parameter == "weight") return 0;
  if (type == "gather" && use.parameter == "x" && shape.rank() == 2) return 0;
  if (type != "matmul" || shape.rank() != 2) return std::nullopt;
  if (use.parameter == "y") return is_set(*use.operation, "transpose_y", constants) ? 0 : 1;
  return is_set(*use.operation, "transpose_x", constants) ? 1 : 0;
}

bool contains(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

bool is_attention_by_name(std::string_view name) { return contains(name, {"attn", "attention"}); }
bool is_ffn_by_name(std::string_view name) {
  return contains(name, {"mlp", "ffn", "feed_forward", "expert"});
}
bool is_layer_by_name(std::string_view name) {
  return is_attention_by_name(name) || is_ffn_by_name(name);
}

/// What the names say: the last resort.
Part part_by_name(std::string_view name, std::string_view package) {
  if (is_attention_by_name(name)) return Part::attn;
  if (is_ffn_by_name(name)) return Part::ffn;
  if (contains(name, {"head", "logit", "embed", "wte", "score"}) || contains(package, {"lm_head"}))
    return Part::head;
  return Part::ffn;
}

/// The indices of the gathers that read a weight that nothing else reads.
std::optional<std::string_view> indices_of(const std::vector<Use>& uses) {
  for (const Use& use : uses)
    if (use.operation->type != "gather") return std::nullopt;
  const mil::Argument* indices = uses[0].operation->find_input("indices");
  if (indices == nullptr || !indices->bindings[0].is_name()) return "";
  return indices->bindings[0].name();
}

bool is_recurrent(std::string_view type) {
  return type == "lstm" || type == "gru" || type == "rnn";
}

/// How the constants of a function are read.
class Reader {
 public:
  Reader(const mil::Function& function, std::string_view package)
      : function_(function), package_(package), parts_(function) {
    std::vector<const mil::Operation*> operations;
    collect(function.block, uses_, operations);
    for (const mil::Operation* operation : operations) add_fixed(*operation);
    for (size_t i = operations.size(); i-- > 0;) add_readings(*operations[i]);
    for (const mil::Operation& operation : function.block.operations)
      if (const mil::Value* value = operation.find_attribute("val");
          operation.type == "const" && value != nullptr)
        constants_[operation.outputs[0].name] = value;
  }

  /// A weight of any size, or nothing.
  std::optional<FoundWeight> weight(size_t place, const std::string& name,
                                    const mil::TensorType& type) const {
    const auto readers = uses_.find(name);
    if (!is_float(type.dtype) || type.shape.rank() < 2 || readers == uses_.end())
      return std::nullopt;
    const auto axis = output_axis(readers->second[0], type.shape, constants_);
    if (!axis || !std::ranges::all_of(readers->second, [&](const Use& use) {
          return output_axis(use, type.shape, constants_) == axis;
        }))
      return std::nullopt;
    FoundWeight weight{place, name, {type, *axis, mil::opset_number(function_.opset)}};
    if (const auto indices = indices_of(readers->second)) {
      if (!parts_.comes_from_ids(*indices)) return std::nullopt;
      weight.part = Part::embed;
      return weight;
    }
    const auto part = part_by_graph(name);
    weight.part = part.value_or(part_by_name(name, package_));
    weight.is_part_named = !part;
    return weight;
  }

  /// A constant, or what is compressed: why it is left, where a product or a gather reads it.
  std::optional<LeftConstant> left(size_t place, const mil::Operation& operation,
                                   bool is_inner) const {
    const mil::TensorType* type = tensor_type(operation);
    if (type == nullptr || !may_be_weight(type->dtype)) return std::nullopt;
    const bool is_compressed = operation.type != "const";
    LeftConstant left{.name = operation.outputs.back().name,
                      .source = source_of(operation),
                      .elements = type->shape.element_count()};
    const bool is_large = left.elements > kMostUncompressed;
    if (const auto known = is_inner ? std::nullopt : weight(place, left.name, *type)) {
      if (!is_compressed && is_large) return std::nullopt;
      left.part = known->part;
      left.why = is_compressed ? "compressed already" : "2,048 elements or fewer";
      return left;
    }
    if (!is_large) return std::nullopt;
    const auto known = readings_.find(left.name);
    const Reading reading = known == readings_.end() ? Reading() : known->second;
    if (!reading.is_gathered && !reading.is_multiplied) return std::nullopt;
    if (reading.is_multiplied)
      left.part = part_by_graph(left.name).value_or(part_by_name(left.name, package_));
    left.is_large_and_multiplied = reading.is_multiplied && !is_compressed;
    left.why = is_compressed         ? "compressed already"
               : is_inner            ? "in an inner block"
               : reading.is_gathered ? fmt::format("gathered by indices that are no token ids{}",
                                                   reading.is_multiplied ? ", then multiplied" : "")
                                     : why_not(left.name, type->shape);
    return left;
  }

  /// Of a constant or of what a compressed one makes; null for all else.
  static const mil::TensorType* tensor_type(const mil::Operation& operation) {
    const mil::Value* value = operation.find_attribute("val");
    const bool is_constant = operation.type == "const" && value != nullptr;
    if (operation.outputs.empty() || (!is_constant && !operation.type.starts_with("constexpr_")))
      return nullptr;
    const mil::ValueType& type = is_constant ? value->type : operation.outputs.back().type;
    return type.kind == mil::ValueType::Kind::tensor ? &type.tensor : nullptr;
  }

 private:
  /// What becomes of a value, as it is or after others have moved it or made other constants of it.
  struct Reading {
    bool is_gathered = false;
    bool is_multiplied = false;
  };

  /// Nothing where names are to be asked.
  std::optional<Part> part_by_graph(std::string_view name) const {
    const auto part = parts_.part_of(name);
    const bool is_doubtful = part == Part::head && !parts_.has_attention();
    return is_doubtful && is_layer_by_name(name) ? std::nullopt : part;
  }

  static bool is_float(DType dtype) { return dtype == DType::fp16 || dtype == DType::fp32; }

  /// Other operations make numbers of 8-bit integers that are stored as they are.
  static bool may_be_weight(DType dtype) {
    return is_float(dtype) || dtype == DType::int8 || dtype == DType::uint8;
  }

  static bool is_product(const Use& use) {
    const std::string& type = use.operation->type;
    return (is_recurrent(type) && use.parameter.starts_with("weight")) || type == "matmul" ||
           type == "einsum" ||
           ((type == "conv" || type == "conv_transpose" || type == "linear") &&
            use.parameter == "weight");
  }

  /// Computes something of constants alone; what is compressed are no operations to be followed.
  void add_fixed(const mil::Operation& operation) {
    if (!operation.blocks.empty() || operation.type.starts_with("constexpr_")) return;
    const auto is_fixed = [&](const mil::Binding& binding) {
      return !binding.is_name() || fixed_.contains(binding.name());
    };
    const bool is_made = std::ranges::all_of(operation.inputs, [&](const mil::Argument& argument) {
      return std::ranges::all_of(argument.bindings, is_fixed);
    });
    if (!is_made && operation.type != "const") return;
    for (const mil::NamedType& output : operation.outputs) fixed_.insert(output.name);
  }

  /// Makes a constant of constants, or moves what it reads, all of it or some.
  bool moves(const Use& use) const {
    if (!use.operation->outputs.empty() && fixed_.contains(use.operation->outputs[0].name))
      return true;
    constexpr std::string_view kMoving[] = {
        "cast",         "concat",         "expand_dims",   "identity",        "reshape",
        "reshape_like", "slice_by_index", "slice_by_size", "sliding_windows", "split",
        "squeeze",      "stack",          "tile",          "transpose"};
    return std::ranges::find(kMoving, use.operation->type) != std::end(kMoving) ||
           (use.operation->type.starts_with("gather") && use.parameter == "x");
  }

  /// What becomes of all that an operation reads, when that of all it makes is known.
  void add_readings(const mil::Operation& operation) {
    Reading made;
    for (const mil::NamedType& output : operation.outputs)
      if (const auto known = readings_.find(output.name); known != readings_.end()) {
        made.is_gathered |= known->second.is_gathered;
        made.is_multiplied |= known->second.is_multiplied;
      }
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings) {
        if (!binding.is_name()) continue;
        const Use use{&operation, argument.parameter};
        Reading& reading = readings_[binding.name()];
        reading.is_multiplied |= is_product(use);
        if (!moves(use)) continue;
        reading.is_gathered |= made.is_gathered || operation.type.starts_with("gather");
        reading.is_multiplied |= made.is_multiplied;
      }
  }

  /// Of a constant that products read, as it is or moved.
  std::string why_not(std::string_view name, const Shape& shape) const {
    const std::vector<Use>& readers = uses_.at(name);
    const auto mover = std::ranges::find_if(
        readers, [&](const Use& use) { return use.operation != nullptr && moves(use); });
    if (mover != readers.end()) return fmt::format("read by {} first", mover->operation->type);
    for (const Use& use : readers) {
      if (output_axis(use, shape, constants_)) continue;
      if (use.operation == nullptr) return "an output as well";
      const std::string& type = use.operation->type;
      return type == "matmul" ? fmt::format("of rank {}, read by {}", shape.rank(), type)
                              : fmt::format("read by {}", type);
    }
    return "multiplied along both axes";
  }

  /// Names the contents by the first of them that lies in a file.
  static std::string source_of(const mil::Operation& operation) {
    const auto of = [](const mil::Value& value) {
      return value.blob ? fmt::format("{}#{}", value.blob->path, value.blob->offset_bytes) : "";
    };
    for (const auto& [name, value] : operation.attributes)
      if (value.blob) return of(value);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name() && binding.value().blob) return of(binding.value());
    return "";
  }

  const mil::Function& function_;
  std::string_view package_;
  ModelParts parts_;
  Uses uses_;
  Constants constants_;
  std::set<std::string_view> fixed_;  ///< constants, and what is made of them alone.
  std::map<std::string_view, Reading> readings_;
};

void add_left(const mil::Block& block, const Reader& reader, bool is_inner,
              std::vector<LeftConstant>& left) {
  for (size_t i = 0; i < block.operations.size(); ++i) {
    const mil::Operation& operation = block.operations[i];
    if (auto constant = reader.left(i, operation, is_inner)) left.push_back(*std::move(constant));
    for (const mil::Block& nested : operation.blocks) add_left(nested, reader, true, left);
  }
}

}  // namespace

std::vector<FoundWeight> find_weights(const mil::Function& function, std::string_view package) {
  const Reader reader(function, package);
  std::vector<FoundWeight> found;
  for (size_t i = 0; i < function.block.operations.size(); ++i) {
    const mil::Operation& operation = function.block.operations[i];
    if (operation.type != "const") continue;
    const mil::TensorType* type = Reader::tensor_type(operation);
    if (type == nullptr || type->shape.element_count() <= kMostUncompressed) continue;
    if (auto weight = reader.weight(i, operation.outputs[0].name, *type))
      found.push_back(*std::move(weight));
  }
  return found;
}

std::vector<LeftConstant> left_constants(const mil::Function& function, std::string_view package) {
  std::vector<LeftConstant> left;
  add_left(function.block, Reader(function, package), false, left);
  return left;
}

}  // namespace anemone::compress
