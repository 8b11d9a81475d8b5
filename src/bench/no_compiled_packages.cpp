#include "bench/no_compiled_packages.h"

#include <cstdlib>
#include <system_error>
#include <utility>

#include "bench/scratch.h"
#include "runtime/coreml.h"

namespace anemone::bench {

Result<NoCompiledPackages> NoCompiledPackages::make() {
  ANEMONE_TRY(auto folder, make_scratch());
  return NoCompiledPackages(std::move(folder));
}

NoCompiledPackages::NoCompiledPackages(std::filesystem::path folder) : folder_(std::move(folder)) {
  if (const char* value = std::getenv(runtime::kCompiledCacheVariable)) before_ = value;
  ::setenv(runtime::kCompiledCacheVariable, folder_.c_str(), 1);
}

NoCompiledPackages::~NoCompiledPackages() {
  if (folder_.empty()) return;
  if (before_)
    ::setenv(runtime::kCompiledCacheVariable, before_->c_str(), 1);
  else
    ::unsetenv(runtime::kCompiledCacheVariable);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

NoCompiledPackages::NoCompiledPackages(NoCompiledPackages&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), before_(std::move(other.before_)) {}

bool NoCompiledPackages::has_compiled() const {
  std::error_code ignored;
  return !std::filesystem::is_empty(folder_, ignored);
}

}  // namespace anemone::bench
