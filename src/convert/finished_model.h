#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "anemone/convert.h"
#include "compress/spec.h"

namespace anemone::converter {

/// A finished model that is to be compressed, and where to.
struct FinishedModel {
  std::filesystem::path path;
  std::filesystem::path out;
  bool is_package = false;
  compress::Spec spec;
  std::vector<std::filesystem::path> packages;  ///< below a folder, sorted.
  std::vector<std::filesystem::path> files;     ///< of a folder, outside of packages.
};

/// Whether `file`, a meta.yaml of the model with the text `meta`, is ANEMLL's and not somebody
/// else's of that name: it can be read as such, or looks so beside packages that have ANEMLL's
/// names.
bool is_of_anemll(const FinishedModel& model, const std::filesystem::path& file,
                  const std::string& meta);

/// What has to be known before any weight is read. Errors: not_found (no such model),
/// invalid_argument (all that compress_model says of options, model and `out`), io.
Result<FinishedModel> check_compression(const std::filesystem::path& path,
                                        const std::filesystem::path& out,
                                        const CompressOptions& options);

}  // namespace anemone::converter
