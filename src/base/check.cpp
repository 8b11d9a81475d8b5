#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace anemone::detail {

void check_failed(const char* condition, std::string_view why, const char* file, int line) {
  std::fprintf(stderr, "anemone: internal error at %s:%d: CHECK(%s): %.*s\n", file, line, condition,
               static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace anemone::detail
