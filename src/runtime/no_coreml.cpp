#include "anemone/coreml.h"
#include "base/error.h"
#include "runtime/coreml.h"

namespace anemone::runtime {

bool has_coreml() { return false; }

Result<std::string> compute_plan(const std::filesystem::path&, ComputeUnits) {
  return with_hint(
      fail(ErrorCode::unsupported,
           "compute plans are Core ML's and need macOS 14.4; this build has no Core ML"),
      "write one on a Mac: docs/compute-plan.md");
}

Result<std::shared_ptr<Model>> load_coreml(const package::Package&, const Options&) {
  return with_hint(fail(ErrorCode::unsupported,
                        "the Core ML backend needs macOS; this build has the CPU executor only"),
                   "leave out --backend");
}

}  // namespace anemone::runtime
