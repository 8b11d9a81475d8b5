#pragma once

#include "anemone/result.h"
#include "eval/value.h"

namespace anemone::compare {

/// Whether a document of bench can be one: its machine has a name, something is in its sweep, its
/// numbers lie where such numbers can, and medians are those of their samples. Errors: corrupt,
/// with the place, what is expected there and what stands there.
Status check_bench_document(const eval::Value& document);

}  // namespace anemone::compare
