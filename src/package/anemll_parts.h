#pragma once

#include "anemone/package.h"

namespace anemone::package {

/// Finds the packages of the directory `model.path` by its listing and fills in their paths and the
/// number of chunks. File names in meta.yaml are preferences, not facts: published ones name files
/// that do not exist. For each part `.mlmodelc` goes before `.mlpackage`.
/// Errors: not_found (the missing part by name), mismatch (more than one candidate, or another
/// number of chunks than meta.yaml says), io.
Status find_anemll_parts(AnemllDirectory& model);

}  // namespace anemone::package
