#pragma once

#include <optional>
#include <string>

#include "compress/find_weights.h"

namespace anemone::compress {

/// What is known of single weights beforehand.
class WeightPlan {
 public:
  virtual ~WeightPlan() = default;
  /// How the weight is stored in place of what the spec says of its part; null: as it is.
  /// Errors: mismatch (the plan was made for a model without this weight).
  virtual anemone::Result<const Scheme*> scheme(std::string_view package, const FoundWeight& weight,
                                                const Scheme* of_part) const = 0;
  /// The contents of its parts that were made before, or nothing. Errors: io.
  virtual Result<std::optional<Encoded>> encoded(const Weight& weight, const Scheme& scheme,
                                                 const Tensor& dense) const = 0;
  /// What the result says of itself in place of the spec, if that does not say it.
  virtual std::string text() const { return {}; }
};

}  // namespace anemone::compress
