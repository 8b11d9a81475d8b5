#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace anemone::detail {

void check_failed(const char* condition, std::string_view why, std::source_location location) {
  std::fprintf(stderr, "anemone: internal error at %s:%u: CHECK(%s): %.*s\n", location.file_name(),
               static_cast<unsigned>(location.line()), condition, static_cast<int>(why.size()),
               why.data());
  std::abort();
}

}  // namespace anemone::detail
