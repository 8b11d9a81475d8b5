// The family's code, once for all instruction sets: included behind one of lanes/*.h.
#include "kernels/elementwise/elementwise.h"
#include "kernels/lanes/math.inl"

namespace {

using anemone::kernels::Binary;
using anemone::kernels::Unary;

template <Unary kFunction>
inline Lanes apply(Lanes x, Lanes parameter) {
  const Lanes one = broadcast(1.0f);
  const Lanes half = broadcast(0.5f);
  if constexpr (kFunction == Unary::abs) return abs(x);
  if constexpr (kFunction == Unary::exp) return exp(x);
  if constexpr (kFunction == Unary::gelu_exact)
    return half * x * (one + erf(x * broadcast(0.707106781186547524f)));
  if constexpr (kFunction == Unary::gelu_sigmoid) return x * sigmoid(broadcast(1.702f) * x);
  if constexpr (kFunction == Unary::gelu_tanh) {
    const Lanes cubic = fma(x * x * x, broadcast(0.044715f), x);
    return half * x * (one + tanh(broadcast(0.797884560802865356f) * cubic));
  }
  // max gives its second operand for NaN, which must stay.
  if constexpr (kFunction == Unary::relu) return max(broadcast(0.0f), x);
  if constexpr (kFunction == Unary::rsqrt) return one / sqrt(x + parameter);
  if constexpr (kFunction == Unary::sigmoid) return sigmoid(x);
  if constexpr (kFunction == Unary::silu) return x * sigmoid(x);
  if constexpr (kFunction == Unary::sqrt) return sqrt(x);
  if constexpr (kFunction == Unary::square) return x * x;
  if constexpr (kFunction == Unary::tanh) return tanh(x);
}

template <Binary kFunction>
inline Lanes apply(Lanes a, Lanes b) {
  if constexpr (kFunction == Binary::add) return a + b;
  if constexpr (kFunction == Binary::sub) return a - b;
  if constexpr (kFunction == Binary::mul) return a * b;
  if constexpr (kFunction == Binary::div) return a / b;
  if constexpr (kFunction == Binary::maximum) return select_nan(a, a, max(a, b));
  if constexpr (kFunction == Binary::minimum) return select_nan(a, a, min(a, b));
}

/// The last elements of a run, in a full set of lanes.
template <typename T>
inline Lanes load_some(const T* p, int64_t count) {
  T some[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) some[i] = p[i];
  return load(some);
}
template <typename T>
inline void store_some(T* p, Lanes values, int64_t count) {
  T some[kLanes];
  store(some, values);
  for (int64_t i = 0; i < count; ++i) p[i] = some[i];
}

template <Unary kFunction, typename T>
void unary(const void* from, void* to, int64_t count, float parameter) noexcept {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const Lanes spread = broadcast(parameter);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, apply<kFunction>(load(x + i), spread));
  if (i < count)
    store_some(y + i, apply<kFunction>(load_some(x + i, count - i), spread), count - i);
}

template <typename T>
inline Lanes broadcast_element(const T* p) {
  T repeated[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) repeated[i] = *p;
  return load(repeated);
}

template <Binary kFunction, bool kSpreadA, bool kSpreadB, typename T>
void binary_run(const T* a, const T* b, T* y, int64_t count) {
  const Lanes a0 = broadcast_element(a);
  const Lanes b0 = broadcast_element(b);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    store(y + i, apply<kFunction>(kSpreadA ? a0 : load(a + i), kSpreadB ? b0 : load(b + i)));
  if (i < count)
    store_some(y + i,
               apply<kFunction>(kSpreadA ? a0 : load_some(a + i, count - i),
                                kSpreadB ? b0 : load_some(b + i, count - i)),
               count - i);
}

template <Binary kFunction, typename T>
void binary(const void* left, int64_t a_step, const void* right, int64_t b_step, void* to,
            int64_t count) noexcept {
  if (count == 0) return;
  const T* a = static_cast<const T*>(left);
  const T* b = static_cast<const T*>(right);
  T* y = static_cast<T*>(to);
  if (a_step == 0 && b_step == 0)
    binary_run<kFunction, true, true>(a, b, y, count);
  else if (a_step == 0)
    binary_run<kFunction, true, false>(a, b, y, count);
  else if (b_step == 0)
    binary_run<kFunction, false, true>(a, b, y, count);
  else
    binary_run<kFunction, false, false>(a, b, y, count);
}

template <typename From, typename To>
void convert(const From* x, To* y, int64_t count) noexcept {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, load(x + i));
  if (i < count) store_some(y + i, load_some(x + i, count - i), count - i);
}

#define ANEMONE_UNARY(name) \
  { unary<Unary::name, uint16_t>, unary<Unary::name, float> }
#define ANEMONE_BINARY(name) \
  { binary<Binary::name, uint16_t>, binary<Binary::name, float> }
constexpr anemone::kernels::ElementwiseKernels kElementwise{
    .unary = {ANEMONE_UNARY(abs), ANEMONE_UNARY(exp), ANEMONE_UNARY(gelu_exact),
              ANEMONE_UNARY(gelu_sigmoid), ANEMONE_UNARY(gelu_tanh), ANEMONE_UNARY(relu),
              ANEMONE_UNARY(rsqrt), ANEMONE_UNARY(sigmoid), ANEMONE_UNARY(silu),
              ANEMONE_UNARY(sqrt), ANEMONE_UNARY(square), ANEMONE_UNARY(tanh)},
    .binary = {ANEMONE_BINARY(add), ANEMONE_BINARY(sub), ANEMONE_BINARY(mul), ANEMONE_BINARY(div),
               ANEMONE_BINARY(maximum), ANEMONE_BINARY(minimum)},
    .to_fp32 = convert<uint16_t, float>,
    .to_fp16 = convert<float, uint16_t>,
};
#undef ANEMONE_UNARY
#undef ANEMONE_BINARY

}  // namespace
