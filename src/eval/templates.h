#pragma once

#include "eval/task.h"

namespace anemone::eval {

/// Renders task templates in the harness' Jinja dialect; each is compiled once. The function may be
/// copied and belongs to one thread at a time.
RenderTemplate task_templates();

}  // namespace anemone::eval
