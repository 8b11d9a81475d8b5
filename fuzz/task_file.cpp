#include <cstddef>
#include <cstdint>
#include <string_view>

#include "eval/generation.h"
#include "eval/task_config.h"
#include "eval/yaml.h"

/// A task file is either refused or a task with a split to evaluate.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone::eval;
  const auto file = parse_yaml({reinterpret_cast<const char*>(data), size});
  if (!file.ok() || !file->is_object()) return 0;
  const auto parsed = parse_task(*file, {});
  if (!parsed.ok()) return 0;
  const TaskConfig& task = parsed->config;
  if (task.repeats < 1 || (!task.test_split && !task.validation_split)) __builtin_trap();
  (void)parse_generation(task.generation_kwargs).ok();
  return 0;
}
