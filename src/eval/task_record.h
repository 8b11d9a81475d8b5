#pragma once

#include <span>
#include <string_view>

#include "eval/task_fields.h"

namespace anemone::eval {

/// The keys that a task file may have, in the order in which the harness records them.
std::span<const std::string_view> task_keys();

/// `configs[task]` of a results file: the keys of the file, those of `config` with its defaults.
Value task_record(const TaskFields& fields, const TaskConfig& config, const Value& fewshot,
                  const Value& metadata);

}  // namespace anemone::eval
