#pragma once

#include <string>
#include <vector>

#include "compress/spec.h"

namespace anemone::compress {

/// A constant of a function that may be compressed.
struct FoundWeight {
  size_t operation = 0;  ///< its `const` in the block.
  std::string name;
  Weight weight;
  Part part = Part::ffn;
  bool is_part_named = false;  ///< told by names, as the graph does not say it.
};

/// The matrices of linear maps and the embedding: constants of more than 2,048 elements that only
/// `conv`, `linear`, `matmul` and, for rows by token id, `gather` read, all along the same axes.
/// Norms, biases, masks and rotary tables are none. The part is told by the graph (ModelParts), and
/// where that says nothing by the constant's name and by `package`, the name of the file.
std::vector<FoundWeight> find_weights(const mil::Function& function, std::string_view package);

}  // namespace anemone::compress
