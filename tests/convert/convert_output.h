#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

/// Conversions of a small model into a folder of their own.
namespace anemone::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline std::map<std::string, std::string> files_below(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[std::filesystem::relative(entry.path(), folder).string()] = read_file(entry.path());
  return files;
}

class ConvertOutput : public ::testing::Test {
 protected:
  std::filesystem::path checkpoint() const { return source_folder() / "models/anemone-tiny"; }
  std::filesystem::path out() const { return scratch_.path() / "out"; }
  std::vector<std::filesystem::path> left() const {
    std::vector<std::filesystem::path> names;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_.path()))
      names.push_back(entry.path().filename());
    return names;
  }
  const ConvertOptions small_{.context = 64, .prefill = {8}};
  ScratchFolder scratch_;
};

}  // namespace anemone::test
