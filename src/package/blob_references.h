#pragma once

#include <set>
#include <tuple>

#include "anemone/program.h"

namespace anemone::package {

struct ReferenceOrder {
  bool operator()(const mil::BlobReference& left, const mil::BlobReference& right) const {
    return std::tie(left.path, left.offset_bytes) < std::tie(right.path, right.offset_bytes);
  }
};
using BlobReferences = std::set<mil::BlobReference, ReferenceOrder>;

/// Everything that the constants and attributes of a program take from weight files.
BlobReferences blob_references(const mil::Program& program);

}  // namespace anemone::package
