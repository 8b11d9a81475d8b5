#include "lm/anemone_manifest.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

/// A manifest that is accepted names a package, or stages in every pass, and not too many.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone;
  const auto manifest = lm::parse_anemone_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest.ok() || !manifest->model.empty()) return 0;
  size_t total = 0;
  for (const auto& [name, stages] : manifest->passes) {
    if (stages.empty()) __builtin_trap();
    total += stages.size();
    for (const auto& stage : stages)
      if (stage.package.empty() || stage.function.empty()) __builtin_trap();
  }
  if (total > 1000) __builtin_trap();
  return 0;
}
