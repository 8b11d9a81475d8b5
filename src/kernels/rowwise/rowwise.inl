// The family's code, once for all instruction sets: included behind one of lanes/*.h.
#include "kernels/lanes/math.inl"
#include "kernels/rowwise/rowwise.h"

namespace {

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

template <typename T>
void softmax(const void* from, void* to, int64_t count, float* scratch) noexcept {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const Lanes top = broadcast(reduce_row<Maximum>(x, count, [](Lanes values) { return values; }));
  int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) store(scratch + k, exp(load(x + k) - top));
  if (k < count) store_some(scratch + k, exp(load_some(x + k, count - k, 0.0f) - top), count - k);
  const Lanes sum = broadcast(reduce_row<Add>(scratch, count, [](Lanes values) { return values; }));
  for (k = 0; k + kLanes <= count; k += kLanes) store(y + k, load(scratch + k) / sum);
  if (k < count) store_some(y + k, load_some(scratch + k, count - k, 0.0f) / sum, count - k);
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

#define ANEMONE_REDUCE(name) \
  { reduce<Reduction::name, uint16_t>, reduce<Reduction::name, float> }
constexpr anemone::kernels::RowwiseKernels kRowwise{
    .softmax = {softmax<uint16_t>, softmax<float>},
    .layer_norm = {layer_norm<uint16_t>, layer_norm<float>},
    .reduce = {ANEMONE_REDUCE(sum), ANEMONE_REDUCE(sum_square), ANEMONE_REDUCE(maximum),
               ANEMONE_REDUCE(minimum)},
};
#undef ANEMONE_REDUCE

}  // namespace
