#pragma once

#include <optional>
#include <string>
#include <vector>

#include "anemone/program.h"

namespace anemone::probe {

/// A value of a function, and where its channels are.
struct Place {
  std::string value;
  std::optional<size_t> channel_axis;  ///< from the front; none: unknown.
};

/// A product with weights inside a branch: "q", "k", "v", "qkv", "out", "gate", "up", "down", or
/// "in0", "in1" … where a branch has others.
struct Product {
  std::string role;
  Place place;
};

/// What one addition adds to the residual stream. Its products are those that are computed from the
/// stream: positions and masks that a first layer makes for all are not its own.
struct Branch {
  bool is_attention = false;  ///< else what follows it: a gated product, a mixture of experts.
  std::optional<Place> norm;  ///< what the first product reads.
  std::vector<Product> products;
  Place sum;  ///< the residual stream afterwards.
};

/// What a function has of a decoder.
struct Structure {
  std::optional<Place> start;    ///< the residual stream before the first branch.
  std::vector<Branch> branches;  ///< in order.
  /// What products after the last branch read, before factors that are one number for all.
  std::optional<Place> head_input;
};

/// Finds the longest chain of additions `s' = s + f(s)`; names of values play no part.
Structure structure_of(const mil::Function& function);

}  // namespace anemone::probe
