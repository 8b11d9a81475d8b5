#pragma once

// The recorded runs of lm-evaluation-harness 0.4.13, below fixtures/lm_eval.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "eval/gzip.h"
#include "eval/value.h"
#include "support/shared.h"

#define NEED_GOLDEN(run, data)                  \
  ANEMONE_NEED_SHARED("fixtures/lm_eval/" run); \
  ANEMONE_NEED_SHARED("data/benchmarks/" data)

namespace anemone::eval {

inline std::filesystem::path golden_folder() { return test::shared_folder() / "fixtures/lm_eval"; }

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The lines of a recorded .jsonl.gz file, as JSON.
inline std::vector<Value> read_lines(const std::filesystem::path& path) {
  const std::string packed = read_file(path);
  const auto bytes = gunzip(std::as_bytes(std::span(packed)), size_t{1} << 30);
  EXPECT_TRUE(bytes.ok()) << path;
  std::vector<Value> lines;
  for (size_t begin = 0; begin < bytes->size();) {
    const size_t end = std::min(bytes->find('\n', begin), bytes->size());
    lines.push_back(Value::parse(bytes->substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

}  // namespace anemone::eval
