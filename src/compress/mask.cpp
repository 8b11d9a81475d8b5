#include "compress/mask.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/float16.h"
#include "compress/words.h"

namespace anemone::compress {
namespace {

constexpr uint16_t kMagnitude = 0x7fff;

/// Zeros among `length` neighbours.
int64_t zeros_of(const SparseWords& words, int64_t length) {
  return words.zeros * length / words.of;
}

/// Clears the mask of the `zeros` smallest of `values`, the first of equals.
void clear_smallest(const Matrix& matrix, int64_t zeros, std::vector<uint8_t>& mask) {
  std::vector<int64_t> counts(kMagnitude + 1, 0);
  for (const uint16_t value : matrix.values()) ++counts[value & kMagnitude];
  size_t border = 0;
  int64_t below = 0;
  while (below + counts[border] <= zeros) below += counts[border++];
  int64_t equal = zeros - below;
  for (size_t i = 0; i < mask.size(); ++i) {
    const auto magnitude = static_cast<size_t>(matrix.values()[i] & kMagnitude);
    if (magnitude < border || (magnitude == border && equal-- > 0)) mask[i] = 0;
  }
}

/// The same inside each `of` input channels.
void clear_in_each(const Weight& weight, const Matrix& matrix, const SparseWords& words,
                   std::vector<uint8_t>& mask) {
  const int64_t inputs = weight.inputs();
  const int64_t kernel = weight.columns() / inputs;
  std::vector<std::pair<int, size_t>> order;
  for (int64_t row = 0; row < matrix.rows(); ++row)
    for (int64_t first = 0; first < inputs; first += words.of)
      for (int64_t k = 0; k < kernel; ++k) {
        order.clear();
        for (int64_t i = first; i < std::min(inputs, first + words.of); ++i) {
          const auto at = static_cast<size_t>(row * matrix.columns() + i * kernel + k);
          order.emplace_back(matrix.values()[at] & kMagnitude, at);
        }
        std::ranges::sort(order);
        const auto zeros = static_cast<size_t>(zeros_of(words, static_cast<int64_t>(order.size())));
        for (size_t i = 0; i < zeros; ++i) mask[order[i].second] = 0;
      }
}

}  // namespace

std::string SparseWords::text() const {
  return of == 0 ? fmt::format("sparse{}", percent) : fmt::format("sparse{}:{}", zeros, of);
}

Result<std::optional<SparseWords>> parse_sparse(const std::vector<std::string>& words) {
  constexpr int64_t kMostNeighbours = 64;
  const auto first = number_after("sparse", words[0]);
  if (!first) return std::optional<SparseWords>();
  if (words.size() == 1 && *first >= 1 && *first <= 99)
    return std::optional(SparseWords{.percent = *first});
  const auto of = words.size() == 2 ? number_after("", words[1]) : std::nullopt;
  if (of && *first >= 1 && *first < *of && *of <= kMostNeighbours)
    return std::optional(SparseWords{.zeros = *first, .of = *of});
  return with_hint(fail(ErrorCode::invalid_argument,
                        "zeros are given in percent, 1 to 99, or as N:M with N below M, at most {}",
                        kMostNeighbours),
                   words.size() == 1 ? "the nearest is sparse50" : "the nearest is sparse2:4");
}

int64_t kept_count(const Weight& weight, const SparseWords& words) {
  const int64_t count = weight.type.shape.element_count();
  constexpr int64_t kPercent = 100;
  if (words.of == 0)
    return count - count / kPercent * words.percent - count % kPercent * words.percent / kPercent;
  const int64_t inputs = weight.inputs();
  const int64_t zeros = inputs / words.of * words.zeros + zeros_of(words, inputs % words.of);
  return count / inputs * (inputs - zeros);
}

std::vector<uint8_t> mask_of(const Weight& weight, const Matrix& matrix, const SparseWords& words) {
  std::vector<uint8_t> mask(matrix.values().size(), 1);
  if (words.of == 0)
    clear_smallest(matrix, static_cast<int64_t>(mask.size()) - kept_count(weight, words), mask);
  else
    clear_in_each(weight, matrix, words, mask);
  return mask;
}

Result<std::optional<JointTerms>> parse_joint(const Terms& terms) {
  if (terms.size() != 2) return std::optional<JointTerms>();
  for (const size_t place : {size_t{1}, size_t{0}}) {
    ANEMONE_TRY(const auto sparse, parse_sparse(terms[place]));
    if (sparse) return std::optional(JointTerms{*sparse, terms[1 - place]});
  }
  return std::optional<JointTerms>();
}

std::vector<uint8_t> compacted(const Weight& weight, std::vector<uint8_t> values,
                               const std::vector<uint8_t>& mask) {
  values = in_stored_order(weight, std::move(values));
  const std::vector<uint8_t> stored_mask = in_stored_order(weight, mask);
  size_t kept = 0;
  for (size_t i = 0; i < values.size(); ++i)
    if (stored_mask[i] != 0) values[kept++] = values[i];
  values.resize(kept);
  return values;
}

Status check_joint_target(const Weight& weight, const SparseWords& words, std::string_view text) {
  constexpr int kFirstJoint = 18;
  if (weight.opset >= kFirstJoint) return {};
  return with_hint(
      fail(ErrorCode::unsupported, "{} needs iOS18, the program is for iOS{}", text, weight.opset),
      fmt::format("the nearest is {}", words.text()));
}

double dropped(const Matrix& matrix, const std::vector<uint8_t>& mask) {
  double sum = 0;
  for (size_t i = 0; i < mask.size(); ++i) {
    const auto value = static_cast<double>(fp16_to_float(matrix.values()[i]));
    if (mask[i] == 0) sum += value * value;
  }
  return sum;
}

}  // namespace anemone::compress
