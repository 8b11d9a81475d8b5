#pragma once

#include "anemone/result.h"
#include "serve/documents/fields.h"

namespace anemone::serve {

/// What a schema of a client may ask of who compiles it. The time of one step of a pattern grows
/// with the square of its length and nothing interrupts it: 14 ms for 1,000 optional letters.
constexpr size_t kMostSchemaBytes = size_t{64} << 10;   ///< of all schemas of a request, as JSON.
constexpr size_t kMostPatternBytes = size_t{2} << 10;   ///< of one regular expression.
constexpr size_t kMostPatternsBytes = size_t{8} << 10;  ///< of all of them.

/// Adds schemas up.
class SchemaBounds {
 public:
  /// Errors: invalid_argument, what is too long.
  Status add(const Json& schema);

 private:
  Status add_patterns(const Json& schema);
  Status add_pattern(std::string_view pattern);

  size_t schema_bytes_ = 0;
  size_t pattern_bytes_ = 0;
};

}  // namespace anemone::serve
