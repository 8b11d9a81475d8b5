#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Core ML models as bytes, written by hand so that every lie can be told.
namespace anemone::test {

inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

/// A length-delimited field.
inline std::string field(uint32_t number, std::string_view contents) {
  return varint(uint64_t{number} << 3 | 2) + varint(contents.size()).append(contents);
}
inline std::string field(uint32_t number, const char* contents) {
  return field(number, std::string_view(contents));
}
/// A varint field.
inline std::string field(uint32_t number, int64_t value) {
  return varint(uint64_t{number} << 3) + varint(static_cast<uint64_t>(value));
}
inline std::string field(uint32_t number, int value) { return field(number, int64_t{value}); }

inline std::string map_entry(uint32_t number, std::string_view key, std::string_view value) {
  return field(number, field(1, key) + field(2, value));
}

template <typename T>
std::string little_endian(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (values.size() > 0) std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

// Numbers of MILSpec.DataType.
inline constexpr int kBool = 1, kString = 2, kFp16 = 10, kFp32 = 11, kInt8 = 21, kInt32 = 23,
                     kInt64 = 24, kInt4 = 25, kUint8 = 31, kUint32 = 33, kUint64 = 34, kUint4 = 35,
                     kUint3 = 39;
// Numbers of ArrayFeatureType.ArrayDataType.
inline constexpr int kArrayFp16 = 65552, kArrayFp32 = 65568, kArrayInt32 = 131104;

/// ValueType of a tensor; a dimension of -1 is unknown. `rank` is written as given when it is set.
inline std::string tensor_type(int dtype, const std::vector<int64_t>& dims, int64_t rank = -2) {
  std::string tensor =
      field(1, dtype) + field(2, rank == -2 ? static_cast<int64_t>(dims.size()) : rank);
  for (const int64_t dim : dims)
    tensor += field(3, dim < 0 ? field(2, "") : field(1, field(1, dim)));
  return field(1, tensor);
}
inline std::string state_type(const std::string& wrapped) { return field(5, field(1, wrapped)); }
inline std::string named_type(std::string_view name, const std::string& type) {
  return field(1, name) + field(2, type);
}

// Lists of a TensorValue.
inline constexpr uint32_t kFloats = 1, kInts = 2, kBools = 3, kStrings = 4, kLongInts = 5,
                          kDoubles = 6, kBytes = 7;
/// Value of a tensor with an immediate list: `values` is the contents of the list's field 1.
inline std::string immediate(const std::string& type, uint32_t list, std::string_view values) {
  return field(2, type) + field(3, field(1, field(list, field(1, values))));
}
inline std::string string_value(std::string_view text) {
  return immediate(tensor_type(kString, {}), kStrings, text);
}
inline std::string blob_value(const std::string& type, uint64_t offset,
                              std::string_view file = "@model_path/weights/weight.bin") {
  return field(2, type) + field(5, field(1, file) + field(2, static_cast<int64_t>(offset)));
}

using Attributes = std::vector<std::pair<std::string, std::string>>;
/// An Operation without inputs.
inline std::string operation(std::string_view type, const std::string& inputs,
                             const std::string& outputs, const Attributes& attributes) {
  std::string bytes = field(1, type) + inputs + outputs;
  for (const auto& [name, value] : attributes) bytes += map_entry(5, name, value);
  return bytes;
}
inline std::string constant(std::string_view name, const std::string& type,
                            const std::string& value) {
  return operation("const", "", field(3, named_type(name, type)),
                   {{"name", string_value(name)}, {"val", value}});
}
/// The input `parameter` bound to the value `name`.
inline std::string input(std::string_view parameter, std::string_view name) {
  return map_entry(2, parameter, field(1, field(1, name)));
}
inline std::string binary(std::string_view type, std::string_view x, std::string_view y,
                          std::string_view name, const std::string& result) {
  return operation(type, input("x", x) + input("y", y), field(3, named_type(name, result)),
                   {{"name", string_value(name)}});
}

struct FunctionParts {
  std::vector<std::string> inputs;  ///< NamedValueType each.
  std::vector<std::string> operations;
  std::vector<std::string> outputs;
  std::string opset = "CoreML8";
};
inline std::string function(const FunctionParts& parts) {
  std::string bytes;
  for (const auto& input : parts.inputs) bytes += field(1, input);
  bytes += field(2, parts.opset);
  std::string block;
  for (const auto& output : parts.outputs) block += field(2, output);
  for (const auto& operation : parts.operations) block += field(3, operation);
  return bytes + map_entry(3, parts.opset, block);
}
inline std::string program(std::initializer_list<std::pair<std::string, std::string>> functions) {
  std::string bytes = field(1, 1);
  for (const auto& [name, contents] : functions) bytes += map_entry(2, name, contents);
  return bytes;
}

/// FeatureDescription of a multi-array (field 5 of its type) or a state (field 8).
inline std::string array(int dtype, const std::vector<int64_t>& dims) {
  std::string shape;
  for (const int64_t dim : dims) shape += varint(static_cast<uint64_t>(dim));
  return (shape.empty() ? "" : field(1, shape)) + field(2, dtype);
}
inline std::string array_feature(std::string_view name, const std::string& array_type) {
  return field(1, name) + field(3, field(5, array_type));
}
inline std::string state_feature(std::string_view name, const std::string& array_type) {
  return field(1, name) + field(3, field(8, field(1, array_type)));
}

inline std::string model(const std::string& description, const std::string& program_bytes) {
  return field(1, 9) + field(2, description) + field(502, program_bytes);
}

/// y = x + weight, fp16 [2, 8], the weight at offset 64 of the weight file.
inline std::string small_model() {
  const std::string type = tensor_type(kFp16, {2, 8});
  FunctionParts main;
  main.inputs = {named_type("x", type)};
  main.operations = {constant("weight", type, blob_value(type, 64)),
                     binary("add", "x", "weight", "y", type)};
  main.outputs = {"y"};
  const std::string feature = array(kArrayFp16, {2, 8});
  return model(field(1, array_feature("x", feature)) + field(10, array_feature("y", feature)),
               program({{"main", function(main)}}));
}

/// One record of a weight file and its data, to follow 64 bytes of header at `offset`.
inline std::string blob(uint32_t type, std::string_view data, uint64_t offset,
                        uint64_t padding_bits = 0) {
  std::string bytes = little_endian<uint32_t>({0xdeadbeef, type}) +
                      little_endian<uint64_t>({data.size(), offset + 64, padding_bits, 0, 0, 0, 0});
  return bytes.append(data);
}
inline std::string weight_header(uint32_t count, uint32_t version = 2) {
  return little_endian<uint32_t>({count, version}) + std::string(56, '\0');
}
/// The weight file of `small_model`: 16 fp16 values.
inline std::string small_weights() { return weight_header(1) + blob(1, std::string(32, '\1'), 64); }

inline std::string manifest(std::string_view model_path = "com.apple.CoreML/model.mlmodel",
                            std::string_view weights_path = "com.apple.CoreML/weights") {
  const auto item = [](std::string_view identifier, std::string_view path) {
    return "\"" + std::string(identifier) +
           "\": {\"author\": \"a\", \"description\": \"d\", \"name\": \"n\", \"path\": \"" +
           std::string(path) + "\"}";
  };
  return "{\"fileFormatVersion\": \"1.0.0\", \"itemInfoEntries\": {" + item("one", model_path) +
         ", " + item("two", weights_path) + "}, \"rootModelIdentifier\": \"one\"}";
}

}  // namespace anemone::test
