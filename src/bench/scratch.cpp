#include "bench/scratch.h"

#include <cstdlib>
#include <string>
#include <system_error>

#include "base/error.h"

namespace anemone::bench {

namespace fs = std::filesystem;

Result<fs::path> make_scratch() {
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / "anemone-bench-XXXXXX").string();
  if (error || ::mkdtemp(pattern.data()) == nullptr)
    return fail(ErrorCode::io, "{}: no temporary folder can be made", pattern);
  return fs::path(pattern);
}

}  // namespace anemone::bench
