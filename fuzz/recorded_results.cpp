#include "anemone/recorded_results.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// A results file is either refused or holds finite scores.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone::eval;
  const auto results =
      parse_results({reinterpret_cast<const char*>(data), size}, "eval_model_0.4.13_02_task");
  if (!results.ok()) return 0;
  for (const auto* tasks : {&results->tasks, &results->groups})
    for (const RecordedTask& task : *tasks)
      for (const Score& score : task.scores)
        if (!std::isfinite(score.value.value_or(0))) __builtin_trap();
  return 0;
}
