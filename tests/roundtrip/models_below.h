#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/shared.h"

namespace anemone::test {

/// Packages and compiled models below a folder of fixtures, except the broken ones, sorted.
inline std::vector<std::filesystem::path> models_below(const std::string& folder) {
  std::vector<std::filesystem::path> models;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(shared_folder() / "fixtures" / folder)) {
    const auto extension = entry.path().extension();
    if ((extension == ".mlpackage" || extension == ".mlmodelc") &&
        entry.path().string().find("broken") == std::string::npos)
      models.push_back(entry.path());
  }
  std::ranges::sort(models);
  return models;
}

}  // namespace anemone::test
