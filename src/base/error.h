#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "anemone/result.h"

namespace anemone {

/// fail(ErrorCode::corrupt, "blob at {}: sentinel {:#x}, expected 0xdeadbeef", offset, found)
template <typename... Args>
Error fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, fmt::format(format, std::forward<Args>(args)...), {}, {}};
}

inline Error with_hint(Error error, std::string hint) {
  error.hint = std::move(hint);
  return error;
}

}  // namespace anemone
