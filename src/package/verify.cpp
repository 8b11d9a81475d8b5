#include <algorithm>
#include <set>

#include "anemone/package.h"
#include "base/error.h"
#include "package/agreement.h"

namespace anemone::package {
namespace {

using mil::BlobReference;
using mil::Value;

struct ReferenceOrder {
  bool operator()(const BlobReference& left, const BlobReference& right) const {
    return std::tie(left.path, left.offset_bytes) < std::tie(right.path, right.offset_bytes);
  }
};
using References = std::set<BlobReference, ReferenceOrder>;

void collect(const Value& value, References& references) {
  if (value.blob) references.insert(*value.blob);
  for (const Value& element : value.elements) collect(element, references);
  for (const auto& [key, entry] : value.entries) {
    collect(key, references);
    collect(entry, references);
  }
}

void collect(const std::vector<std::pair<std::string, Value>>& attributes, References& references) {
  for (const auto& [name, value] : attributes) collect(value, references);
}

void collect(const mil::Block& block, References& references) {
  collect(block.attributes, references);
  for (const mil::Operation& operation : block.operations) {
    collect(operation.attributes, references);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (!binding.is_name()) collect(binding.value(), references);
    for (const mil::Block& nested : operation.blocks) collect(nested, references);
  }
}

void check_weights(const Package& package, mil::Diagnostics& faults) {
  const auto add = [&](const char* constraint, std::string message) {
    faults.push_back({.constraint = constraint,
                      .function = {},
                      .operation = {},
                      .operation_index = -1,
                      .message = std::move(message)});
  };
  const auto blobs = list_blobs(package.path);
  if (!blobs.ok()) return add("package_c9", blobs.error().to_string());
  References references;
  for (const mil::Function& function : package.program.functions) {
    collect(function.attributes, references);
    collect(function.block, references);
  }
  for (const BlobReference& reference : references) {
    const std::string_view name =
        std::string_view(reference.path)
            .substr(std::min(reference.path.find('/'), reference.path.size()));
    const bool listed = std::ranges::any_of(*blobs, [&](const BlobEntry& blob) {
      return blob.offset_bytes == reference.offset_bytes && ("/" + blob.file).ends_with(name);
    });
    if (!listed)
      add("package_c10", fmt::format("offset {} is none of the blobs of {}", reference.offset_bytes,
                                     reference.path));
  }
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
