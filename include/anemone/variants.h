#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "anemone/result.h"

/// Packages of one model that differ in their number of tokens.
namespace anemone::package {

/// `model_seq{length}.mlpackage`, or the `.mlmodelc` compiled of it.
struct Variant {
  int64_t length = 0;
  std::filesystem::path path;
};

/// The variants of a folder, the shortest first; of a package and its compiled form the compiled
/// one. Looks at names alone. Errors: not_found (no such folder, or no variant in it), io.
Result<std::vector<Variant>> list_variants(const std::filesystem::path& folder);

/// The shortest variant that holds `tokens` tokens. Errors: out_of_range (names the longest).
Result<Variant> choose_variant(std::span<const Variant> variants, int64_t tokens);

}  // namespace anemone::package
