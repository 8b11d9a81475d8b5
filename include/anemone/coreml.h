#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "anemone/result.h"

/// What concerns Core ML beside running a model: its variables, its plan.
namespace anemone::runtime {

/// A variable of the environment that Core ML or what stands around it is said to read.
struct CoremlVariable {
  std::string name;
  std::string wanted;
  std::string found;  ///< empty: not set.
  std::string effect;
  bool concerns_coreml = false;
  bool is_set() const { return found == wanted; }
};
/// All of them, as they are now. Any build.
std::vector<CoremlVariable> coreml_variables();
/// Gives those that are not set at all their wanted values: hints, of which no document of Apple
/// says what they do. The backend does it before its first call of Core ML; a value that the user
/// set stays. Call it while no other thread reads the environment.
void set_coreml_variables();

/// Where Core ML would run each op of a package, as the JSON document of docs/compute-plan.md. It
/// compiles the package where needed, and loading the plan compiles for the Neural Engine: seconds
/// to minutes. Errors: unsupported (this build has no Core ML; no ML Program; Core ML's words), and
/// those of compiling. May be called from several threads.
Result<std::string> compute_plan(const std::filesystem::path& package, ComputeUnits units);

}  // namespace anemone::runtime
