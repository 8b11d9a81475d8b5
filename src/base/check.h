#pragma once

#include <string_view>

namespace anemone::detail {

[[noreturn]] void check_failed(const char* condition, std::string_view why, const char* file,
                               int line);

}  // namespace anemone::detail

/// Aborts with the condition, the reason it must hold, and the place. For our own bugs only: a
/// CHECK that user input can reach is a bug.
#define ANEMONE_CHECK(condition, why)                                       \
  do {                                                                      \
    if (!(condition)) [[unlikely]]                                          \
      ::anemone::detail::check_failed(#condition, why, __FILE__, __LINE__); \
  } while (false)

#ifdef NDEBUG
#define ANEMONE_DCHECK(condition, why) \
  do {                                 \
  } while (false)
#else
#define ANEMONE_DCHECK(condition, why) ANEMONE_CHECK(condition, why)
#endif
