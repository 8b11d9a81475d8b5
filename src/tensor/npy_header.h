#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

namespace anemone {

/// The dictionary at the head of a `.npy` file.
struct NpyHeader {
  std::string descr;  ///< "<f2", "|b1", "<U5" …
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

/// Parses the Python dict literal, strictly: exactly the keys descr, fortran_order and shape.
/// Errors: corrupt with the column, unsupported (structured types).
Result<NpyHeader> parse_npy_header(std::string_view text);

/// The literal as NumPy writes it, without padding.
std::string print_npy_header(const NpyHeader& header);

}  // namespace anemone
