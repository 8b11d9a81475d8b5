#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "anemone/result.h"

namespace anemone::coreml {

/// Whether Core ML's words say that the Neural Engine could not take the call now: it is refused
/// before the program begins, and may be made again.
bool is_busy(const Error& error);

struct Patience {
  int attempts = 4;
  std::chrono::milliseconds first_pause{50};
  int factor = 4;  ///< of each pause to the one before.
};

/// Makes a call until it succeeds, fails for another reason than is_busy, or `attempts` are spent;
/// pauses between them by `sleep`. The last error says how often it was tried; `repeats` counts the
/// repeated calls.
Status call_patiently(const Patience& patience, const std::function<Status()>& call,
                      const std::function<void(std::chrono::milliseconds)>& sleep,
                      uint64_t& repeats);

}  // namespace anemone::coreml
