#pragma once

// Small packages that tests write, each into a folder of its own.

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "anemone/package.h"
#include "support/scratch_folder.h"

namespace anemone::package {

inline mil::Operation constant(const std::string& name, mil::Value value) {
  mil::Operation operation;
  operation.type = "const";
  operation.outputs = {{name, value.type}};
  operation.attributes = {{"name", mil::make_string(name)}, {"val", std::move(value)}};
  return operation;
}

inline mil::Value held(Tensor tensor) {
  mil::Value value;
  value.type = mil::ValueType::of(tensor.dtype(), tensor.shape());
  value.tensor = std::move(tensor);
  return value;
}

inline mil::Value deferred(const std::string& key, DType dtype, const Shape& shape) {
  mil::Value value;
  value.type = mil::ValueType::of(dtype, shape);
  value.blob = std::make_shared<const mil::BlobReference>(mil::BlobReference{"@checkpoint/" + key});
  return value;
}

inline Tensor counting(DType dtype, const Shape& shape, int first = 0) {
  std::vector<int> values(static_cast<size_t>(shape.element_count()));
  std::iota(values.begin(), values.end(), first);
  return Tensor::from_values<int>(dtype, shape, values);
}

/// One function that returns its input fp16 [2, 8] plus the first constant of `values` and holds
/// the others.
inline mil::Function function_of(const std::string& name, std::vector<mil::Value> values) {
  const auto type = mil::ValueType::of(DType::fp16, {2, 8});
  mil::Function function;
  function.name = name;
  function.opset = "CoreML8";
  function.inputs = {{"x", type}};
  for (mil::Value& value : values)
    function.block.operations.push_back(
        constant("c" + std::to_string(function.block.operations.size()), std::move(value)));
  mil::Operation add;
  add.type = "add";
  add.inputs = {{"x", {{std::string("x")}}, false}, {"y", {{std::string("c0")}}, false}};
  add.outputs = {{"sum", type}};
  add.attributes = {{"name", mil::make_string("sum")}};
  function.block.operations.push_back(std::move(add));
  function.block.outputs = {"sum"};
  return function;
}

inline Package package_of(std::vector<mil::Function> functions) {
  Package package;
  package.program.functions = std::move(functions);
  for (const mil::Function& function : package.program.functions)
    package.functions.push_back(*describe(function));
  package.default_function = package.functions.front().name;
  return package;
}

inline Package package_of(std::vector<mil::Value> values) {
  std::vector<mil::Function> functions;
  functions.push_back(function_of("main", std::move(values)));
  return package_of(std::move(functions));
}

inline const mil::Value& value_of(const Package& package, size_t constant, size_t function = 0) {
  return *package.program.functions[function].block.operations[constant].find_attribute("val");
}

/// Writes into a folder of its own.
struct Writing {
  test::ScratchFolder folder;
  std::filesystem::path path = folder.path() / "m.mlpackage";

  std::string error(const Package& package, const WriteOptions& options = {}) const {
    const Status status = write(path, package, options);
    return status.ok()
               ? "ok"
               : std::string(to_string(status.error().code)) + ": " + status.error().to_string();
  }
  Package written(const Package& package, const WriteOptions& options = {}) const {
    EXPECT_EQ(error(package, options), "ok");
    auto opened = open(path);
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
    return opened.ok() ? std::move(*opened) : Package();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      found.push_back(entry.path().filename().string());
    return found;
  }
};

inline WriteOptions fetching(std::function<Result<Tensor>(const mil::BlobReference&)> fetch) {
  WriteOptions options;
  options.weights = whole_tensors(std::move(fetch));
  return options;
}

}  // namespace anemone::package
