// Runs a fuzz target without libFuzzer: on each file of a folder, and on each file cut short at
// every byte (at 2048 places for longer files). A fault shows as an abort or a sanitizer's report.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  constexpr size_t kMaxCuts = 2048;
  size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const size_t step = std::max<size_t>(1, bytes.size() / kMaxCuts);
    for (size_t size = bytes.size() % step; size <= bytes.size(); size += step, ++inputs) {
      // A copy of exactly this size lets the address sanitizer see reads past the end.
      const std::vector<uint8_t> cut(bytes.begin(),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(size));
      LLVMFuzzerTestOneInput(cut.data(), cut.size());
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0 ? 1 : 0;
}
