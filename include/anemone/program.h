#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "anemone/result.h"
#include "anemone/tensor.h"

/// ML Programs as data: what a `.mlpackage` holds as protobuf and a `.mlmodelc` as text.
/// Names of ops, parameters and types are Core ML's own. Source: coremltools' MIL.proto (field
/// meaning) and the text emitted by Apple's compiler.
namespace anemone::mil {

/// dtype and shape of a tensor; dimensions may be kUnknownDim.
struct TensorType {
  DType dtype = DType::fp32;
  Shape shape;
  bool variable_rank = false;  ///< rank -1 in the file; `shape` is empty then.
  bool operator==(const TensorType&) const = default;
};

struct ValueType {
  enum class Kind : uint8_t { tensor, list, tuple, dictionary, state };
  Kind kind = Kind::tensor;
  TensorType tensor;                ///< kind tensor; for a state the type of its contents,
                                    ///< for a dictionary from an op that of its values.
  std::vector<ValueType> elements;  ///< list: [element]; tuple: all; dictionary: [key, value].
  int64_t list_length = kUnknownDim;
  bool operator==(const ValueType&) const = default;
  static ValueType of(DType dtype, Shape shape);
};
/// As the text form spells it: "tensor<fp16, [1, 4]>", "int32" for a scalar, "state<…>".
std::string to_string(const ValueType& type);

/// Where a constant lies in a weight file: `path` as written ("@model_path/weights/weight.bin"),
/// `offset_bytes` of the blob's metadata record.
struct BlobReference {
  std::string path;
  uint64_t offset_bytes = 0;
  bool operator==(const BlobReference&) const = default;
};

struct ValuePair;

/// A constant. Tensors from a weight file are views of the mapped file, never copies. A deferred
/// constant has a `blob` and an undefined tensor: its contents are fetched by whoever needs them.
struct Value {
  ValueType type;
  Tensor tensor;                              ///< kind tensor.
  std::vector<Value> elements;                ///< list and tuple.
  std::vector<ValuePair> entries;             ///< dictionary: keys with their values.
  std::shared_ptr<const BlobReference> blob;  ///< set when the tensor comes from a weight file.
};
struct ValuePair {
  Value first;
  Value second;
};
Value make_string(std::string text);
Value make_int32(int32_t value);
Value make_bool(bool value);

struct NamedType {
  std::string name;
  ValueType type;
};

/// What a parameter is bound to: the name of a value in scope, or an inline constant.
struct Binding {
  std::variant<std::string, Value> target;
  bool is_name() const { return target.index() == 0; }
  const std::string& name() const { return std::get<0>(target); }
  const Value& value() const { return std::get<1>(target); }
};

/// One parameter of an operation; variadic parameters (`values` of concat) hold several bindings.
struct Argument {
  std::string parameter;
  std::vector<Binding> bindings;
  bool is_tuple = false;  ///< written as `(a, b)` in text, or several bindings in protobuf.
};

struct Block;

struct Operation {
  std::string type;              ///< "conv", "const", …
  std::vector<Argument> inputs;  ///< sorted by parameter name.
  std::vector<NamedType> outputs;
  std::vector<Block> blocks;                              ///< nested blocks of cond and while_loop.
  std::vector<std::pair<std::string, Value>> attributes;  ///< sorted by name; `name`, `val`, …

  const Argument* find_input(std::string_view parameter) const;
  const Value* find_attribute(std::string_view name) const;
  /// Attribute `name` when present, else the first output's name, else the type.
  std::string_view display_name() const;
};

struct Block {
  std::vector<NamedType> inputs;  ///< nested blocks only.
  std::vector<std::string> outputs;
  std::vector<Operation> operations;
  std::vector<std::pair<std::string, Value>> attributes;
};

struct Function {
  std::string name;
  std::string opset;              ///< "CoreML8" in packages; "ios18" in text is kept as "CoreML8".
  std::vector<NamedType> inputs;  ///< states have kind `state`.
  Block block;
  std::vector<std::pair<std::string, Value>> attributes;
};

/// A whole program. Value semantics; copying shares constant bytes.
struct Program {
  int64_t version = 1;
  std::vector<Function> functions;  ///< sorted by name.
  std::string doc;
  std::vector<std::pair<std::string, Value>> attributes;

  const Function* find_function(std::string_view name) const;
};

/// A fault of a program, with the numbered constraint it breaks.
struct Diagnostic {
  std::string constraint;  ///< "conv_c3", "program_c2"; see docs of the verifier.
  std::string function;
  std::string operation;  ///< display name, empty when the fault is not of one operation.
  int64_t operation_index = -1;
  std::string message;
  std::string to_string() const;  ///< "main: op 12 'conv_3' (conv): …  [conv_c3]".
};
using Diagnostics = std::vector<Diagnostic>;

/// Checks every constraint of every operation and of the program; reports all faults.
/// An operation that is unknown to the op table is a fault of constraint "op_known".
Diagnostics verify(const Program& program);

/// The iOS opset number (15, 16, 17, 18, 26) of "CoreML5" … "CoreML9" or "ios15" …; 0 when unknown.
int opset_number(std::string_view opset);

/// Prints a program in the text form of `.mlmodelc` (dialect of specification >= 9). Constants from
/// weight files print as BLOBFILE references; others print in full when they have at most
/// `max_elements` elements (negative: no limit) and as `...` otherwise; only unlimited text parses.
std::string print(const Program& program, int64_t max_elements = -1);

/// Finds the bytes of a BLOBFILE reference while a program is read, checked against dtype and
/// shape.
using BlobLoader = std::function<Result<Tensor>(const BlobReference&, DType, const Shape&)>;

/// Parses the text form, liberally: both dialects and the spellings of third-party writers.
/// Errors: corrupt with line and column. Without `blobs` a BLOBFILE is an error.
Result<Program> parse(std::string_view text, const BlobLoader& blobs = {});

}  // namespace anemone::mil
