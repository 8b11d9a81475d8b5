#include "package/manifest.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

/// The root item is one of those that were reported, and no path is empty.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace anemone;
  std::set<std::string> items;
  const auto root = package::parse_manifest({reinterpret_cast<const char*>(data), size},
                                            [&](const std::string& path) -> Status {
                                              if (path.empty()) __builtin_trap();
                                              items.insert(path);
                                              return {};
                                            });
  if (root.ok() && !items.contains(*root)) __builtin_trap();
  return 0;
}
