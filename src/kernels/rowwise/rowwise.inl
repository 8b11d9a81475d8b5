// The family's code, once for all instruction sets: included behind one of lanes/*.h.
#include <cstring>

#include "kernels/lanes/math.inl"
#include "kernels/rowwise/rowwise.h"

namespace {

using anemone::kernels::AttentionRow;
using anemone::kernels::Reduction;

/// The last elements of a row; the other lanes hold `fill`.
template <typename T>
inline Lanes load_some(const T* p, int64_t count, float fill) {
  T some[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) some[i] = p[i];
  float values[kLanes];
  store(values, load(some));
  for (int64_t i = count; i < kLanes; ++i) values[i] = fill;
  return load(values);
}
template <typename T>
inline void store_some(T* p, Lanes values, int64_t count) {
  T some[kLanes];
  store(some, values);
  for (int64_t i = 0; i < count; ++i) p[i] = some[i];
}

struct Add {
  static constexpr float kNeutral = 0.0f;
  static Lanes join(Lanes a, Lanes b) { return a + b; }
};
struct Maximum {
  static constexpr float kNeutral = -__builtin_inff();
  static Lanes join(Lanes a, Lanes b) { return select_nan(a, a, max(a, b)); }
};
struct Minimum {
  static constexpr float kNeutral = __builtin_inff();
  static Lanes join(Lanes a, Lanes b) { return select_nan(a, a, min(a, b)); }
};

template <typename Join>
inline float fold(Lanes partial) {
  float values[2 * kLanes];
  store(values, partial);
  store(values + kLanes, broadcast(Join::kNeutral));
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    store(values, Join::join(load(values), load(values + half)));
  return values[0];
}

/// Joins map(x[k]) over the row.
template <typename Join, typename T, typename Map>
inline float reduce_row(const T* x, int64_t count, const Map& map) {
  Lanes partial = broadcast(Join::kNeutral);
  int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) partial = Join::join(partial, map(load(x + k)));
  if (k < count) {
    float last[kLanes];
    store(last, map(load_some(x + k, count - k, 0.0f)));
    partial = Join::join(partial, load_some(last, count - k, Join::kNeutral));
  }
  return fold<Join>(partial);
}

inline bool is_minus_infinity(float value) { return value == -__builtin_inff(); }
inline bool is_minus_infinity(uint16_t bits) { return bits == 0xfc00; }

/// kLanes elements, all of them minus infinity.
template <typename T>
inline bool all_hidden(const T* x) {
  constexpr uint64_t kHidden = sizeof(T) == 2 ? 0xfc00fc00fc00fc00u : 0xff800000ff800000u;
  uint64_t words[kLanes * sizeof(T) / sizeof(uint64_t)];
  std::memcpy(words, x, sizeof words);
  uint64_t differing = 0;
  for (const uint64_t word : words) differing |= word ^ kHidden;
  return differing == 0;
}

/// The first elements of a row, a multiple of kLanes or all; behind them all are minus infinity.
template <typename T>
inline int64_t count_visible(const T* x, int64_t count) {
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t k = whole; k < count; ++k)
    if (!is_minus_infinity(x[k])) return count;
  int64_t end = whole;
  while (end > 0 && all_hidden(x + end - kLanes)) end -= kLanes;
  return end;
}

/// What a mask hides at the end of a row is passed over: its exponential is 0, which changes no
/// sum. That is so wherever the highest is a number.
template <typename T>
void softmax(const void* from, void* to, int64_t count, float* scratch) noexcept {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const auto same = [](Lanes values) { return values; };
  const int64_t seen = count_visible(x, count);
  const float highest = reduce_row<Maximum>(x, seen, same);
  const int64_t end = highest > -__builtin_inff() ? seen : count;
  const Lanes top = broadcast(highest);
  int64_t k = 0;
  for (; k + kLanes <= end; k += kLanes) store(scratch + k, exp(load(x + k) - top));
  if (k < end) store_some(scratch + k, exp(load_some(x + k, end - k, 0.0f) - top), end - k);
  const Lanes sum = broadcast(reduce_row<Add>(scratch, end, same));
  for (k = 0; k + kLanes <= end; k += kLanes) store(y + k, load(scratch + k) / sum);
  if (k < end) store_some(y + k, load_some(scratch + k, end - k, 0.0f) / sum, end - k);
  const Lanes hidden = broadcast(0.0f) / sum;
  for (k = end; k + kLanes <= count; k += kLanes) store(y + k, hidden);
  if (k < count) store_some(y + k, hidden, count - k);
}

template <typename T>
inline Lanes rounded(Lanes values) {
  if constexpr (sizeof(T) == sizeof(uint16_t)) return round_fp16(values);
  return values;
}

/// Products as the function before softmax leaves them.
template <typename T>
inline Lanes masked(const AttentionRow& row, Lanes products, Lanes mask) {
  products = rounded<T>(products);
  if (row.scales) products = rounded<T>(products * broadcast(row.scale));
  return rounded<T>(products + mask);
}

/// 16 keys from `k` on, a multiple of 16, of which some are not used.
template <typename T>
inline Lanes masked_unused(const AttentionRow& row, int64_t k) {
  const T* mask = static_cast<const T*>(row.mask) + k;
  const int64_t left = row.count - k;
  const Lanes values = left >= kLanes ? load(mask) : load_some(mask, left, 0.0f);
  float products[kLanes];
  store(products, broadcast(row.unused));
  for (int64_t i = 0; i < row.used - k && i < kLanes; ++i) products[i] = row.row[k + i];
  const Lanes result = masked<T>(row, load(products), values);
  if (left >= kLanes) return result;
  float some[kLanes];
  store(some, result);
  return load_some(some, left, -__builtin_inff());
}

template <typename T>
void attention(const AttentionRow& row) noexcept {
  float* const values = row.row;
  const T* mask = static_cast<const T*>(row.mask);
  const int64_t whole = row.used / kLanes * kLanes;
  const int64_t known = (row.used + kLanes - 1) / kLanes * kLanes;
  Lanes highest = broadcast(Maximum::kNeutral);
  for (int64_t k = 0; k < whole; k += kLanes) {
    const Lanes some = masked<T>(row, load(values + k), load(mask + k));
    store(values + k, some);
    highest = Maximum::join(highest, some);
  }
  if (whole < known) {
    const Lanes some = masked_unused<T>(row, whole);
    store(values + whole, some);
    highest = Maximum::join(highest, some);
  }
  float top = fold<Maximum>(highest);
  float rest[kLanes];
  store(rest, masked<T>(row, broadcast(row.unused), broadcast(row.rest_mask)));
  const bool seen = known < row.count && !(rest[0] - top < kVanishing);
  if (seen) {
    for (int64_t k = known; k < row.count; k += kLanes)
      highest = Maximum::join(highest, masked_unused<T>(row, k));
    top = fold<Maximum>(highest);
  }
  Lanes sums = broadcast(0.0f);
  for (int64_t k = 0; k < known; k += kLanes) {
    const Lanes power = exp(load(values + k) - broadcast(top));
    store(values + k, power);
    sums = sums + power;
  }
  if (seen)
    for (int64_t k = known; k < row.count; k += kLanes)
      sums = sums + exp(masked_unused<T>(row, k) - broadcast(top));
  const Lanes sum = broadcast(fold<Add>(sums));
  for (int64_t k = 0; k < known; k += kLanes) store(values + k, rounded<T>(load(values + k) / sum));
  for (int64_t k = row.used; k < known; ++k) values[k] = 0;
  for (int64_t k = known; k < row.end; k += kLanes) store(values + k, broadcast(0.0f));
}

template <typename T>
void layer_norm(const void* from, const float* gamma, const float* beta, float epsilon, void* to,
                int64_t count) noexcept {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const float size = static_cast<float>(count);
  const Lanes mean =
      broadcast(reduce_row<Add>(x, count, [](Lanes values) { return values; }) / size);
  const float variance = reduce_row<Add>(x, count,
                                         [&](Lanes values) {
                                           const Lanes centred = values - mean;
                                           return centred * centred;
                                         }) /
                         size;
  const Lanes scale = broadcast(1.0f) / sqrt(broadcast(variance) + broadcast(epsilon));
  const auto normalise = [&](Lanes values, int64_t k, int64_t some) {
    Lanes result = (values - mean) * scale;
    const bool whole = some == kLanes;
    if (gamma != nullptr)
      result = result * (whole ? load(gamma + k) : load_some(gamma + k, some, 0.0f));
    if (beta != nullptr)
      result = result + (whole ? load(beta + k) : load_some(beta + k, some, 0.0f));
    return result;
  };
  int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) store(y + k, normalise(load(x + k), k, kLanes));
  if (k < count)
    store_some(y + k, normalise(load_some(x + k, count - k, 0.0f), k, count - k), count - k);
}

template <Reduction kReduction, typename T>
float reduce(const void* from, int64_t count) noexcept {
  const T* x = static_cast<const T*>(from);
  const auto same = [](Lanes values) { return values; };
  if constexpr (kReduction == Reduction::sum) return reduce_row<Add>(x, count, same);
  if constexpr (kReduction == Reduction::sum_square)
    return reduce_row<Add>(x, count, [](Lanes values) { return values * values; });
  if constexpr (kReduction == Reduction::maximum) return reduce_row<Maximum>(x, count, same);
  if constexpr (kReduction == Reduction::minimum) return reduce_row<Minimum>(x, count, same);
}

/// Plain arithmetic, of which compilers make vectors.
inline double power_of_e(double x) {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  constexpr double kLn2High = 0x1.62e42fefa38p-1;  // times a small integer it is exact
  constexpr double kLn2Low = 0x1.ef35793c7673p-45;
  constexpr double kToInteger = 0x1.8p52;  // the last bits of such a sum are the integer
  x = x < -700.0 ? -700.0 : x;
  const double shifted = x * kLog2E + kToInteger;
  const double n = shifted - kToInteger;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;
  double power;
  std::memcpy(&power, &bits, sizeof power);
  return sum * power;
}

double sum_powers(const float* x, int64_t count, double highest) noexcept {
  double sums[kLanes] = {};
  int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes)
    for (int64_t j = 0; j < kLanes; ++j)
      sums[j] += power_of_e(static_cast<double>(x[k + j]) - highest);
  for (int64_t j = 0; k + j < count; ++j)
    sums[j] += power_of_e(static_cast<double>(x[k + j]) - highest);
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

#define ANEMONE_REDUCE(name) \
  { reduce<Reduction::name, uint16_t>, reduce<Reduction::name, float> }
constexpr anemone::kernels::RowwiseKernels kRowwise{
    .softmax = {softmax<uint16_t>, softmax<float>},
    .layer_norm = {layer_norm<uint16_t>, layer_norm<float>},
    .attention = {attention<uint16_t>, attention<float>},
    .reduce = {ANEMONE_REDUCE(sum), ANEMONE_REDUCE(sum_square), ANEMONE_REDUCE(maximum),
               ANEMONE_REDUCE(minimum)},
    .sum_powers = sum_powers,
};
#undef ANEMONE_REDUCE

}  // namespace
