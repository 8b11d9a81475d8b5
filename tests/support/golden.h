#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "support/shared.h"

namespace anemone::test {

inline std::string read_source_file(const std::string& name) {
  std::ifstream file(source_folder() / name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file of tests/golden, which its script made with the reference libraries.
inline nlohmann::json golden_file(const std::string& name) {
  return nlohmann::json::parse(read_source_file("tests/golden/" + name + ".json"));
}

}  // namespace anemone::test
