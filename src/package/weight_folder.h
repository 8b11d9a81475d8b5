#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "anemone/program.h"
#include "anemone/result.h"
#include "base/mapped_file.h"

namespace anemone::package {

/// The weight files that a program names, mapped when first used.
class WeightFolder {
 public:
  /// `root` is the package, which no name may leave; `model_folder` the folder inside it that
  /// "@model_path" stands for.
  WeightFolder(std::filesystem::path root, std::filesystem::path model_folder)
      : root_(std::move(root)), model_folder_(std::move(model_folder)) {}

  /// Errors: corrupt (name, record), not_found, io, mismatch (dtype, size).
  Result<Tensor> load(const mil::BlobReference& reference, DType dtype, const Shape& shape);

  /// The file that `name` ("@model_path/…") means. Errors: corrupt (name, header), not_found, io.
  Result<std::shared_ptr<const MappedFile>> file(const std::string& name);

  /// The files used so far, by path below the package.
  const std::map<std::string, std::shared_ptr<const MappedFile>>& files() const { return files_; }

 private:
  std::filesystem::path root_;
  std::filesystem::path model_folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace anemone::package
