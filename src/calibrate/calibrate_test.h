#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include "anemone/calibrate.h"
#include "support/part_of_checkpoint.h"
#include "support/shared.h"

namespace anemone::calibrate {

namespace fs = std::filesystem;

/// The contents of all files below a folder, by name.
inline std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().lexically_relative(folder).string()] = {
        std::istreambuf_iterator<char>(file), {}};
  }
  return contents;
}

/// Prose of our own, long enough for a few windows.
inline std::string prose() {
  const char* const kSentences[] = {
      "The river rose after three days of rain, and the old bridge was closed. ",
      "People carried their chairs to the hill and waited for the water to fall. ",
      "A teacher read to the children from a book about ships and islands. ",
      "In the morning the road was dry, but the mill stood without its wheel. ",
      "What the town had lost in one night it built again in two summers. "};
  std::string text;
  for (int i = 0; i < 120; ++i) text += kSentences[(i * i + i / 7) % 5];
  return text;
}

/// Whole lines of the beginning of a packed text.
inline std::string gunzipped(const fs::path& path, size_t most_bytes) {
  std::string text(most_bytes, '\0');
  const gzFile file = gzopen(path.c_str(), "rb");
  const int count = gzread(file, text.data(), static_cast<unsigned>(most_bytes));
  gzclose(file);
  text.resize(static_cast<size_t>(std::max(count, 0)));
  return text.substr(0, text.rfind('\n') + 1);
}

/// The model that the repository holds, converted, and what tunes its compression.
class Calibrated : public ::testing::Test {
 protected:
  void SetUp() override {
    make_folder();
    convert_from(test::source_folder() / "models/anemone-tiny");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void make_folder() {
    std::string pattern = (fs::temp_directory_path() / "calibrate_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void convert_from(const fs::path& source) {
    const auto converted = anemone::convert(source, dense(), {.context = 128});
    ASSERT_TRUE(converted.ok()) << converted.error().to_string();
  }

  fs::path dense() const { return folder_ / "dense"; }

  Options tuning(int64_t windows) const {
    Options options;
    options.text = prose();
    options.windows = windows;
    options.runtime.threads = 2;
    return options;
  }

  Result<CompressionReport> compress(const std::string& out, const std::string& quantize,
                                     const Options& options, int threads = 2) const {
    return calibrate::compress_model(dense(), folder_ / out,
                                     {.quantize = quantize, .threads = threads}, options);
  }

  fs::path folder_;
};

}  // namespace anemone::calibrate
