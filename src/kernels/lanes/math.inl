// Elementary functions on Lanes, the same operations and so the same bits on every instruction set.
// Coefficients: minimax polynomials of the Cephes library's single precision functions (S.
// Moshier).

namespace {

inline Lanes polynomial(Lanes, Lanes sum) { return sum; }
/// (… (c0 x + c1) x + c2 …) with fused steps.
template <typename... Rest>
inline Lanes polynomial(Lanes x, Lanes sum, float next, Rest... rest) {
  return polynomial(x, fma(sum, x, broadcast(next)), rest...);
}

/// Below this an exponential is 0. The lanes of masked attention end here, so they must not pass
/// through subnormal numbers, which are slow.
constexpr float kVanishing = -104.0f;

/// Error < 2 ULP, also of subnormal results; NaN stays NaN.
inline Lanes exp(Lanes x) {
  const Lanes vanishing = broadcast(kVanishing);
  const Lanes zero = broadcast(0.0f);
  const Lanes clamped = min(select_less(x, vanishing, zero, x), broadcast(89.0f));
  const Lanes n = round_even(clamped * broadcast(1.44269504088896341f));
  // ln 2 in two parts; n times the first is exact.
  Lanes r = fma(n, broadcast(-0.693359375f), clamped);
  r = fma(n, broadcast(2.12194440e-4f), r);
  const Lanes tail = polynomial(r, broadcast(1.9875691500e-4f), 1.3981999507e-3f, 8.3334519073e-3f,
                                4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f);
  const Lanes value = fma(r * r, tail, r) + broadcast(1.0f);
  const Lanes half = round_even(n * broadcast(0.5f));
  const Lanes result = value * power_of_two(half) * power_of_two(n - half);
  return select_nan(x, x, select_less(x, vanishing, zero, result));
}

/// Error < 4 ULP, also of subnormal results.
inline Lanes sigmoid(Lanes x) {
  const Lanes one = broadcast(1.0f);
  const Lanes zero = broadcast(0.0f);
  const Lanes power = exp(zero - abs(x));
  return select_less(x, zero, power, one) / (one + power);
}

/// Error < 3 ULP.
inline Lanes tanh(Lanes x) {
  const Lanes one = broadcast(1.0f);
  const Lanes magnitude = abs(x);
  const Lanes square = x * x;
  const Lanes series = polynomial(square, broadcast(-5.70498872745e-3f), 2.06390887954e-2f,
                                  -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f);
  const Lanes near = fma(x * square, series, x);
  const Lanes far = copy_sign(one - broadcast(2.0f) / (exp(magnitude + magnitude) + one), x);
  return select_nan(x, x, select_less(magnitude, broadcast(0.625f), near, far));
}

/// Error function; absolute error < 3e-7.
inline Lanes erf(Lanes x) {
  const Lanes one = broadcast(1.0f);
  const Lanes magnitude = abs(x);
  const Lanes square = x * x;
  const Lanes near =
      x * polynomial(square, broadcast(7.853861353153693e-5f), -8.010193625184903e-4f,
                     5.188327685732524e-3f, -2.685381193529856e-2f, 1.128358514861418e-1f,
                     -3.761262582423300e-1f, 1.128379165726710f);
  const Lanes inverse = one / max(magnitude, one);
  const Lanes inverse_square = inverse * inverse;
  const Lanes middle = polynomial(
      inverse_square, broadcast(2.326819970068386e-2f), -1.387039388740657e-1f,
      3.687424674597105e-1f, -5.824733027278666e-1f, 6.210004621745983e-1f, -4.944515323274145e-1f,
      3.404879937665872e-1f, -2.741127028184656e-1f, 5.638259427386472e-1f);
  const Lanes outer =
      polynomial(inverse_square, broadcast(-1.047766399936249e+1f), 1.297719955372516e+1f,
                 -7.495518717768503e+0f, 2.921019019210786e+0f, -1.015265279202700e+0f,
                 4.218463358204948e-1f, -2.820767439740514e-1f, 5.641895067754075e-1f);
  const Lanes series = select_less(magnitude, broadcast(2.0f), middle, outer);
  const Lanes tail = exp(broadcast(0.0f) - square) * inverse * series;
  const Lanes far = copy_sign(one - tail, x);
  return select_nan(x, x, select_less(magnitude, one, near, far));
}

}  // namespace
