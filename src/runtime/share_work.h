#pragma once

#include <cstddef>
#include <functional>

#include "anemone/model.h"

namespace anemone::runtime {

/// Calls body(i) for each i below `count` once, on the threads that run `runner`, and returns when
/// all have returned; on the caller's alone where the Runner is none of ours. `body` must not
/// throw.
void share_work(Runner& runner, size_t count, const std::function<void(size_t)>& body);

}  // namespace anemone::runtime
