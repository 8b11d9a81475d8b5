#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "anemone/program.h"
#include "base/error.h"

/// What the table of ops knows of each op: parameters, constraints, type inference and the readable
/// reference evaluation, which is also the constant folder and the oracle of the fast kernels.
namespace anemone::mil {

/// A set of element types.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;
  constexpr DTypeSet(std::initializer_list<DType> types) {
    for (const DType type : types) bits_ |= 1u << static_cast<unsigned>(type);
  }
  constexpr DTypeSet operator|(DTypeSet other) const {
    DTypeSet result;
    result.bits_ = bits_ | other.bits_;
    return result;
  }
  constexpr bool contains(DType type) const { return (bits_ >> static_cast<unsigned>(type)) & 1u; }

 private:
  uint32_t bits_ = 0;
};

inline constexpr DTypeSet kFloat{DType::fp16, DType::fp32};
inline constexpr DTypeSet kBool{DType::bool_};
inline constexpr DTypeSet kString{DType::string};
inline constexpr DTypeSet kInt32{DType::int32};
inline constexpr DTypeSet kAnyInt{DType::int8,  DType::uint8,  DType::int16, DType::uint16,
                                  DType::int32, DType::uint32, DType::int64, DType::uint64};
inline constexpr DTypeSet kSubByte{DType::int4,  DType::uint1, DType::uint2,
                                   DType::uint3, DType::uint4, DType::uint6};
inline constexpr DTypeSet kNumber = kFloat | kAnyInt;
inline constexpr DTypeSet kAny =
    kNumber | kBool | kString | kSubByte | DTypeSet{DType::fp64, DType::bf16};

enum class Presence : uint8_t {
  required,
  optional,  ///< absent means the default that the op documents.
};
enum class BindingRule : uint8_t {
  any,       ///< a run-time value or a constant.
  constant,  ///< must be known when the program is loaded.
  variadic,  ///< one or several bindings.
};

struct Parameter {
  std::string_view name;
  DTypeSet types;
  Presence presence = Presence::required;
  BindingRule binding = BindingRule::any;
  /// tensor, or list or state of `types`.
  ValueType::Kind kind = ValueType::Kind::tensor;
};

/// One bound input: its type, and its value where that is known (constants; everything at run
/// time). The value of a list is one tensor of shape [length, element…].
struct Operand {
  const ValueType* type = nullptr;
  const Tensor* value = nullptr;
  /// Known when the program is loaded. A large constant expression is constant although nobody has
  /// computed its value while types are inferred.
  bool constant = false;
};

/// An operation's inputs by parameter index (the order of OpDef::parameters).
class Operands {
 public:
  /// `offsets` has parameters + 1 entries: operands of parameter p are [offsets[p], offsets[p +
  /// 1]).
  Operands(std::span<const Operand> operands, std::span<const uint32_t> offsets, int opset)
      : operands_(operands), offsets_(offsets), opset_(opset) {}

  bool has(size_t p) const { return count(p) > 0; }
  size_t count(size_t p) const { return offsets_[p + 1] - offsets_[p]; }
  const Operand& at(size_t p, size_t i = 0) const { return operands_[offsets_[p] + i]; }
  const TensorType& type(size_t p, size_t i = 0) const { return at(p, i).type->tensor; }
  DType dtype(size_t p, size_t i = 0) const { return type(p, i).dtype; }
  const Shape& shape(size_t p, size_t i = 0) const { return type(p, i).shape; }
  /// The value, or null when it is not known (yet) or the parameter is absent.
  const Tensor* value(size_t p, size_t i = 0) const { return has(p) ? at(p, i).value : nullptr; }

  /// Scalar parameters with a default for an absent one, for an empty tensor and for a constant
  /// whose value is not computed while types are inferred. Only for constant parameters.
  int64_t integer(size_t p, int64_t absent) const;
  double number(size_t p, double absent) const;
  bool boolean(size_t p, bool absent) const;
  std::string_view text(size_t p, std::string_view absent) const;
  /// A vector parameter as integers; nothing when absent or its value is not known.
  std::optional<std::vector<int64_t>> integers(size_t p) const;

  /// iOS opset of the enclosing function: 15 … 18, 26.
  int opset() const { return opset_; }

 private:
  const Tensor* scalar(size_t p) const;

  std::span<const Operand> operands_;
  std::span<const uint32_t> offsets_;
  int opset_;
};

/// A constraint that does not hold: `id` is the suffix ("c3" of "conv_c3").
struct Violation {
  std::string id;
  std::string message;
};

/// Types of the outputs, or the constraint that is broken.
/// Dimensions that depend on unknown values or unknown dimensions are kUnknownDim. With every
/// operand's shape and value known, every output dimension is known.
using Inferred = std::variant<std::vector<ValueType>, Violation>;

template <typename... Args>
Violation violates(std::string_view id, fmt::format_string<Args...> format, Args&&... args) {
  return Violation{std::string(id), fmt::format(format, std::forward<Args>(args)...)};
}

enum class OpKind : uint8_t {
  plain,
  constant,  ///< `const`.
  state,     ///< read_state, write_state: the executor's own.
  control,   ///< cond, while_loop: the executor's own.
};

/// How many outputs an op can have; which of them it has, `infer` says.
struct OutputCount {
  size_t least = 1;
  size_t most = 1;
};
inline constexpr OutputCount kAnyOutputs{0, SIZE_MAX};  ///< as many as the operation declares.

struct OpDef {
  std::string_view name;
  int first_opset = 15;
  std::span<const Parameter> parameters;
  OutputCount outputs;
  /// `output_count` is what the operation declares.
  Inferred (*infer)(const Operands& inputs, size_t output_count) = nullptr;
  /// Computes all outputs. They are allocated with the inferred shapes (zero-filled) and the dtype
  /// in which the value is stored, which is fp32 in place of fp16 when nothing is to be rounded:
  /// read with `at`, write with `set`, ask the tensor for its dtype. Every input value is known.
  /// Sums run in fp32 or wider. May only fail for values that no type can exclude (an index outside
  /// its axis).
  Status (*eval)(const Operands& inputs, std::span<Tensor> outputs) = nullptr;
  OpKind kind = OpKind::plain;
  std::string_view doc;  ///< one sentence.
};

/// The op of that name, or null. One definition serves all opsets; what differs asks
/// `Operands::opset`.
const OpDef* find_op(std::string_view name);
/// All ops, sorted by name.
std::span<const OpDef* const> all_ops();

}  // namespace anemone::mil
