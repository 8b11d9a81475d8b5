#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anemone/model.h"

namespace anemone::stand_in {

/// A package that stands behind a "compiled" folder, run by the CPU executor.
class Program {
 public:
  /// Null, with the reason, where the folder is neither what compile_folder made nor a compiled
  /// model.
  static std::unique_ptr<Program> open(const std::string& compiled, std::string& reason);

  bool has_function(const std::string& name) const;
  bool has_named_functions() const;
  const std::string& default_function() const;
  runtime::State new_state() const { return model_->new_state(); }
  /// Outputs, or none with the reason.
  std::vector<NamedTensor> predict(const std::string& function,
                                   const std::vector<NamedTensor>& inputs, runtime::State* state,
                                   std::string& reason) const;
  const mil::Program& program() const { return model_->package().program; }

 private:
  std::shared_ptr<runtime::Model> model_;
};

/// What the stand-in's compiler does: copies the package into a new `.mlmodelc` and says so there.
/// Empty, with the reason, where it is no package.
std::string compile_folder(const std::string& package, std::string& reason);

}  // namespace anemone::stand_in
