#pragma once

#include "compress/matrix.h"

/// What the sparse schemes share.
namespace anemone::compress {

/// "sparse50": percent of the weight that are zeros. "sparse2:4": of each 4 input channels 2.
struct SparseWords {
  int64_t percent = 0;
  int64_t zeros = 0;  ///< of `of`; 0: `percent` says how many.
  int64_t of = 0;

  std::string text() const;
};
/// Nothing when the term is none. Errors: invalid_argument.
Result<std::optional<SparseWords>> parse_sparse(const std::vector<std::string>& words);

/// Elements that stay. The others are those of the smallest magnitude, the first of equals.
int64_t kept_count(const Weight& weight, const SparseWords& words);
/// For each element of the matrix 1 if it stays, else 0.
std::vector<uint8_t> mask_of(const Weight& weight, const Matrix& matrix, const SparseWords& words,
                             int threads);

/// A joint scheme is written in either order: the term that is sparse, and the other.
struct JointTerms {
  SparseWords sparse;
  std::vector<std::string> other;
};
Result<std::optional<JointTerms>> parse_joint(const Terms& terms);

/// `values` where the mask is set, in the order of the weight as it is stored.
std::vector<uint8_t> compacted(const Weight& weight, std::vector<uint8_t> values,
                               const std::vector<uint8_t>& mask);

struct SquaredSums {
  double dropped = 0;  ///< of what the mask drops.
  double all = 0;
};
SquaredSums squared_sums(const Matrix& matrix, const std::vector<uint8_t>& mask, int threads);

}  // namespace anemone::compress
