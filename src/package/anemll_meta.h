#pragma once

#include <string>
#include <string_view>

#include "anemone/package.h"

namespace anemone::package {

/// What meta.yaml says; no paths. Every version is read: keys that a version lacks stay at 0 or
/// empty. Errors: corrupt (YAML, with the line), mismatch (missing keys and wrong values, all by
/// name), limit (size).
Result<AnemllDirectory> parse_anemll_meta(std::string_view yaml);

}  // namespace anemone::package
