#pragma once

#include <map>
#include <memory>
#include <string>

#include "anemone/package.h"
#include "base/mapped_file.h"
#include "package/blob_references.h"
#include "package/read_model.h"

namespace anemone::package {

/// A package with the weight files that its program refers to, by path below the package.
struct OpenedPackage {
  Package package;
  std::map<std::string, std::shared_ptr<const MappedFile>> weight_files;
};

/// The weight files of an open package that `references` name, by the name that they give
/// ("@model_path/weights/weight.bin"). Does not read the program again.
/// Errors: as of WeightFolder.
Result<std::map<std::string, std::shared_ptr<const MappedFile>>> referenced_files(
    const Package& package, const BlobReferences& references);

/// Reads any of the forms, without holding description and program against each other.
Result<OpenedPackage> open_package(const std::filesystem::path& path);

}  // namespace anemone::package
