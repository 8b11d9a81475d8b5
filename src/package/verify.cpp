#include "anemone/package.h"
#include "base/error.h"
#include "package/agreement.h"
#include "package/open_package.h"
#include "package/weight_file.h"

namespace anemone::package {
namespace {

/// Holds the program's references against the records that the weight files list.
void check_weights(const Package& package, mil::Diagnostics& faults) {
  const auto add = [&](const char* constraint, std::string message) {
    faults.push_back({.constraint = constraint,
                      .function = {},
                      .operation = {},
                      .operation_index = -1,
                      .message = std::move(message)});
  };
  BlobReferences unlisted = blob_references(package.program);
  const auto files = referenced_files(package, unlisted);
  if (!files.ok()) return add("package_c9", files.error().to_string());
  for (const auto& [name, file] : *files) {
    const Status status = for_each_blob(file->bytes(), [&, &name = name](const BlobRecord& record) {
      unlisted.erase({name, record.offset_bytes});
    });
    if (!status.ok()) return add("package_c9", Status(status).in(name).error().to_string());
  }
  for (const mil::BlobReference& reference : unlisted)
    add("package_c10", fmt::format("offset {} is none of the blobs of {}", reference.offset_bytes,
                                   reference.path));
}

}  // namespace

mil::Diagnostics verify(const Package& package) {
  mil::Diagnostics faults = mil::verify(package.program);
  const mil::Diagnostics disagreements = check_agreement(package);
  faults.insert(faults.end(), disagreements.begin(), disagreements.end());
  if (!package.path.empty()) check_weights(package, faults);
  return faults;
}

}  // namespace anemone::package
