#pragma once

#include <string>

#include "anemone/bench.h"
#include "base/json_document.h"

/// Documents of earlier runs, which nobody vouches for.
namespace anemone::bench {

/// Null where there is no object or no such key.
const Json* member(const Json& object, const char* key);

/// Empty where there is no text.
std::string text_of(const Json& object, const char* key);

/// Errors: corrupt (no document of bench), unsupported (of another version), mismatch (speeds of
/// another machine).
Status check_identity(const Json& document, const Machine& own);

}  // namespace anemone::bench
