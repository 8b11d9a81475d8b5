#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "anemone/result.h"
#include "anemone/tensor.h"

/// Apple's framework as C++ sees it: everything that speaks Objective-C stands behind this header.
/// Errors are `unsupported` (what it does not load or compile) or `io` (a call that it fails), with
/// the framework's own words, domain and code; what it raises becomes such an error.
namespace anemone::coreml {

/// The system's version, which changes whenever its compiler may.
std::string system_version();

/// Compiles a `.mlpackage` or `.mlmodel`; gives a temporary `.mlmodelc`.
Result<std::filesystem::path> compile(const std::filesystem::path& package);

/// Contents of a function's states where Core ML keeps them. One prediction at a time.
class StateBuffers {
 public:
  struct Handle;
  explicit StateBuffers(std::unique_ptr<Handle> handle);
  ~StateBuffers();
  /// Copies a state out or in. The tensor has its dtype and element count.
  Status read(const std::string& name, Tensor& tensor) const;
  Status write(const std::string& name, const Tensor& tensor);
  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

/// A function of a compiled model that Core ML has loaded for some units. Calls and new_states of
/// one function wait for each other: Apple asks that an MLModel be used by one thread at a time.
class Function {
 public:
  struct Handle;
  /// `name`: empty for the one function of a package that has no functions.
  static Result<std::shared_ptr<Function>> load(const std::filesystem::path& compiled,
                                                runtime::ComputeUnits units,
                                                const std::string& name);
  explicit Function(std::unique_ptr<Handle> handle);
  ~Function();
  /// Zeroed.
  Result<std::unique_ptr<StateBuffers>> new_states() const;
  runtime::ComputeUnits units() const;
  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

/// A call of a function on buffers that stay where they are: Core ML reads the inputs' bytes and is
/// asked to write into the outputs' bytes; where it does not, they are copied. A result that comes
/// in another shape than its tensor has gets a tensor of that shape, and bytes of its own for ever.
class Call {
 public:
  struct Handle;
  /// Every output names what is wanted; where its tensor is undefined, `run` defines it with
  /// the shape that came, of the dtype given here.
  struct Output {
    std::string name;
    DType dtype = DType::fp16;
    Tensor tensor;
  };
  static Result<std::unique_ptr<Call>> make(std::shared_ptr<const Function> function,
                                            std::vector<NamedTensor> inputs,
                                            std::vector<Output> outputs);
  explicit Call(std::unique_ptr<Handle> handle);
  ~Call();
  Status run(StateBuffers* states);
  std::vector<NamedTensor>& inputs();
  const std::vector<Output>& outputs() const;

 private:
  std::unique_ptr<Handle> handle_;
};

/// One op of a compute plan.
struct PlannedOperation {
  std::string type;  ///< without the opset.
  std::vector<std::string> outputs;
  std::string preferred;  ///< "cpu", "gpu", "neural_engine"; empty: none.
  std::vector<std::string> supported;
  std::optional<double> cost;
};
struct PlannedFunction {
  std::string name;
  std::vector<PlannedOperation> operations;
};
/// What Core ML would do with a compiled ML Program, functions by name. `function`: which one it is
/// to load of several; empty: the package's default.
Result<std::vector<PlannedFunction>> load_plan(const std::filesystem::path& compiled,
                                               runtime::ComputeUnits units,
                                               const std::string& function);

}  // namespace anemone::coreml
