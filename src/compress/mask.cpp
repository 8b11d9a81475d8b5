#include "compress/mask.h"

#include <algorithm>
#include <functional>
#include <span>

#include "base/error.h"
#include "base/float16.h"
#include "compress/threads.h"
#include "compress/words.h"

namespace anemone::compress {
namespace {

constexpr uint16_t kMagnitude = 0x7fff;
constexpr uint16_t kSign = 0x8000;
constexpr int64_t kSlice = 1 << 18;  // elements

/// How many elements fall to each 16-bit number that `key(value, place)` gives.
template <typename Key>
std::vector<int64_t> count_values(std::span<const uint16_t> values, int threads, const Key& key) {
  constexpr size_t kKeys = 1 << 16;
  const auto slices = std::max<int64_t>(
      1, std::min<int64_t>(threads, static_cast<int64_t>(values.size()) / kSlice));
  std::vector<std::vector<int64_t>> counts(static_cast<size_t>(slices));
  for_each_index(slices, threads, [&](int64_t slice) {
    std::vector<int64_t>& mine = counts[static_cast<size_t>(slice)];
    mine.assign(kKeys, 0);
    const size_t begin = values.size() * static_cast<size_t>(slice) / static_cast<size_t>(slices);
    const size_t end = values.size() * static_cast<size_t>(slice + 1) / static_cast<size_t>(slices);
    for (size_t i = begin; i < end; ++i) ++mine[static_cast<size_t>(key(values[i], i))];
  });
  for (size_t slice = 1; slice < counts.size(); ++slice)
    std::ranges::transform(counts[0], counts[slice], counts[0].begin(), std::plus());
  return counts[0];
}

/// Zeros among `length` neighbours.
int64_t zeros_of(const SparseWords& words, int64_t length) {
  return words.zeros * length / words.of;
}

/// Clears the mask of the `zeros` smallest of `values`, the first of equals.
void clear_smallest(const Matrix& matrix, int64_t zeros, int threads, std::vector<uint8_t>& mask) {
  const std::vector<int64_t> counts = count_values(
      matrix.values(), threads, [](uint16_t value, size_t) { return value & kMagnitude; });
  uint16_t border = 0;
  int64_t below = 0;
  while (below + counts[border] <= zeros) below += counts[border++];
  const std::span<const uint16_t> values = matrix.values();
  for_each_range(matrix.rows() * matrix.columns(), kSlice, threads,
                 [&](int64_t begin, int64_t end) {
                   for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
                     mask[i] = (values[i] & kMagnitude) >= border ? 1 : 0;
                 });
  size_t at = 0;
  for (int64_t equal = zeros - below; equal > 0; ++at)
    if ((values[at] & kMagnitude) == border) {
      mask[at] = 0;
      --equal;
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

std::vector<uint8_t> mask_of(const Weight& weight, const Matrix& matrix, const SparseWords& words,
                             int threads) {
  std::vector<uint8_t> mask(matrix.values().size(), 1);
  if (words.of == 0)
    clear_smallest(matrix, static_cast<int64_t>(mask.size()) - kept_count(weight, words), threads,
                   mask);
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
  for (size_t i = 0; i < values.size(); ++i) {
    values[kept] = values[i];
    kept += stored_mask[i];
  }
  values.resize(kept);
  return values;
}

SquaredSums squared_sums(const Matrix& matrix, const std::vector<uint8_t>& mask, int threads) {
  // Those that stay are counted as the negative ones.
  const std::vector<int64_t> counts =
      count_values(matrix.values(), threads, [&](uint16_t value, size_t place) {
        return (value & kMagnitude) | (mask[place] != 0 ? kSign : 0);
      });
  SquaredSums sums;
  for (uint16_t magnitude = 0; magnitude < kSign; ++magnitude) {
    const auto value = static_cast<double>(fp16_to_float(magnitude));
    const int64_t dropped = counts[magnitude];
    const int64_t kept = counts[magnitude | kSign];
    if (dropped + kept == 0) continue;  // also what is infinite
    sums.dropped += static_cast<double>(dropped) * value * value;
    sums.all += static_cast<double>(dropped + kept) * value * value;
  }
  return sums;
}

}  // namespace anemone::compress
