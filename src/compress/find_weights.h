#pragma once

#include <optional>
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

/// A constant that products or gathers read, and that is not compressed.
struct LeftConstant {
  std::string name;
  std::string source;  ///< the same for the same contents: of the file, or empty.
  int64_t elements = 0;
  std::optional<Part> part;  ///< nothing where no product takes it: it may be no weight.
  std::string why;
  /// Of more than 2,048 elements, dense, and a product takes what is made of it: worth a warning.
  bool is_large_and_multiplied = false;
};

/// The matrices of linear maps and the embedding: constants of more than 2,048 elements that only
/// `conv`, `linear`, `matmul` and, for rows by token id, `gather` read, all along the same axes.
/// Norms, biases, masks and rotary tables are none. The part is told by the graph (ModelParts), and
/// where that says nothing by the constant's name and by `package`, the name of the file.
std::vector<FoundWeight> find_weights(const mil::Function& function, std::string_view package);

/// What find_weights does not give of all constants that products (recurrent layers among them) and
/// gathers read: as they are, after others have moved them (transpose, reshape, gather and so on),
/// or after a constant was made of them. Compressed ones are here too; those of 2,048 elements or
/// fewer where find_weights would give them else.
std::vector<LeftConstant> left_constants(const mil::Function& function, std::string_view package);

}  // namespace anemone::compress
