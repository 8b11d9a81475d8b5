#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "coreml/compiled_cache.h"
#include "coreml/framework.h"

namespace anemone::coreml {

/// A package that Core ML runs. Functions are loaded when they are first prepared, each once, for
/// the same units; those that Core ML refuses on these, for its CPU.
class CoremlModel final : public runtime::Model, public std::enable_shared_from_this<CoremlModel> {
 public:
  /// Compiles what is not compiled yet and loads the default function. Errors: unsupported.
  static Result<std::shared_ptr<runtime::Model>> open(package::Package package,
                                                      const runtime::Options& options);
  CoremlModel(package::Package package, const runtime::Options& options, CompiledCache cache);

  const package::Package& package() const override { return package_; }
  const runtime::Options& options() const override { return options_; }
  runtime::Execution execution() const override;
  runtime::State new_state() const override;
  Result<std::unique_ptr<runtime::Runner>> prepare(std::string_view function,
                                                   std::span<const InputShape> shapes) override;
  Result<std::vector<NamedTensor>> predict(std::string_view function,
                                           std::span<const NamedTensor> inputs,
                                           runtime::State* state) override;
  /// The unit that Core ML's plan prefers for each op.
  Result<std::vector<runtime::KernelChoice>> kernels(std::string_view function) override;

  /// A call that was repeated because the Neural Engine was busy.
  void count_repeats(uint64_t repeats);

 private:
  Result<CompiledCache::Entry> compiled();
  Result<std::shared_ptr<Function>> function_of(const package::FunctionDescription& description);
  std::shared_ptr<Function> known_function(const std::string& name) const;
  Result<std::shared_ptr<Function>> load(const package::FunctionDescription& description);
  Result<std::shared_ptr<Function>> load_from(const std::filesystem::path& compiled,
                                              const package::FunctionDescription& description);
  /// The name that Core ML knows a function by.
  std::string coreml_name(const package::FunctionDescription& description) const;
  /// Function::load, again after pauses where the Neural Engine is busy.
  Result<std::shared_ptr<Function>> load_on(const std::filesystem::path& compiled,
                                            runtime::ComputeUnits units, const std::string& name);
  /// Zeros within the memory limit.
  Result<Tensor> buffer(const std::string& name, DType dtype, const Shape& shape) const;
  /// Shapes of the results for a key of result_shapes_, if they are known.
  std::vector<Shape> known_shapes(const std::string& key) const;
  /// Runs once, so that the results have their shapes, unless many shapes were tried before.
  Status show_shapes(const std::string& key, runtime::Runner& runner);

  package::Package package_;
  runtime::Options options_;
  CompiledCache cache_;
  std::mutex loading_;  ///< held while Core ML compiles and loads, which may take minutes.
  CompiledCache::Entry compiled_;  ///< guarded by loading_, as are the notes of execution_.
  runtime::Execution execution_;
  mutable std::mutex mutex_;  ///< guards what follows.
  std::vector<std::string> notes_;
  std::map<std::string, std::shared_ptr<Function>, std::less<>> functions_;
  /// Of results, by function and input shapes, where a run had to show them.
  std::map<std::string, std::vector<Shape>> result_shapes_;
  uint64_t repeats_ = 0;
};

}  // namespace anemone::coreml
