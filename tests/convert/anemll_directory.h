#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "anemone/package.h"

/// Holding a directory in ANEMLL's form against one that ANEMLL made.
namespace anemone::test {

inline std::string feature_text(const package::Feature& feature) {
  std::string text = feature.name + " " + std::string(to_string(feature.dtype)) + " " +
                     std::to_string(static_cast<int>(feature.kind));
  const auto add = [&](const std::vector<int64_t>& shape) {
    text += " [";
    for (const int64_t dim : shape) text += std::to_string(dim) + ",";
    text += "]";
  };
  add(feature.shape);
  for (const auto& shape : feature.enumerated_shapes) add(shape);
  return text;
}

/// One line for each input, output and state of each function.
inline std::vector<std::string> interface_of(const package::Package& package) {
  std::vector<std::string> lines{"default " + package.default_function};
  for (const auto& function : package.functions)
    for (const auto& [role, features] : {std::pair{" in ", &function.inputs},
                                         {" out ", &function.outputs},
                                         {" state ", &function.states}})
      for (const auto& feature : *features)
        lines.push_back(function.name + role + feature_text(feature));
  std::ranges::sort(lines);
  return lines;
}

/// The keys of a YAML file of plain mappings, with their depth.
inline std::vector<std::string> keys_of(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::vector<std::string> keys;
  for (std::string line; std::getline(stream, line);) {
    const size_t colon = line.find(':');
    const size_t begin = line.find_first_not_of(' ');
    if (colon == std::string::npos || line[begin] == '#') continue;
    if (begin == 4 && !std::islower(static_cast<unsigned char>(line[begin]))) continue;
    keys.push_back(line.substr(0, colon));
  }
  std::ranges::sort(keys);
  return keys;
}

/// The same packages with the same interfaces and metadata, and a meta.yaml of the same keys.
inline void expect_same_directory(const std::filesystem::path& out,
                                  const std::filesystem::path& known) {
  int packages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(known)) {
    if (entry.path().extension() != ".mlpackage") continue;
    const std::filesystem::path name = entry.path().filename();
    ASSERT_TRUE(std::filesystem::exists(out / name)) << name;
    const auto theirs = package::open(entry.path());
    const auto ours = package::open(out / name);
    ASSERT_TRUE(theirs.ok());
    ASSERT_TRUE(ours.ok()) << ours.error().to_string();
    EXPECT_EQ(interface_of(*ours), interface_of(*theirs)) << name;
    EXPECT_EQ(ours->specification_version, theirs->specification_version);
    for (const auto& [key, value] : theirs->metadata) {
      if (!key.starts_with("com.anemll.")) continue;
      ASSERT_TRUE(ours->metadata.contains(key)) << key;
      if (key == "com.anemll.info") continue;
      EXPECT_EQ(ours->metadata.at(key), value) << key;
    }
    ++packages;
  }
  for (const auto& entry : std::filesystem::directory_iterator(out))
    packages -= entry.path().extension() == ".mlpackage" ? 1 : 0;
  EXPECT_EQ(packages, 0) << "one side has more packages";

  const auto theirs = package::open_anemll(known);
  const auto ours = package::open_anemll(out);
  ASSERT_TRUE(theirs.ok());
  ASSERT_TRUE(ours.ok()) << ours.error().to_string();
  EXPECT_EQ(ours->parameters, theirs->parameters);
  EXPECT_EQ(ours->architecture, theirs->architecture);
  EXPECT_EQ(ours->version, theirs->version);
  EXPECT_EQ(ours->name, theirs->name);
  EXPECT_EQ(keys_of(out / "meta.yaml"), keys_of(known / "meta.yaml"));
}

}  // namespace anemone::test
