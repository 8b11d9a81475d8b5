#include "probe/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace anemone::probe {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// Both are NaN or the same infinity.
bool equally_infinite(double r, double m) { return r == m || (std::isnan(r) && std::isnan(m)); }

PointError broken() {
  PointError error;
  error.max_abs = error.mean_abs = error.mse = error.relative = error.relative_l2 = kInfinite;
  error.psnr_db = -kInfinite;
  error.cosine = 0;
  error.over = true;
  return error;
}

}  // namespace

PointError difference(std::span<const float> reference, std::span<const float> model, double scale,
                      const Tolerance& tolerance) {
  ANEMONE_CHECK(reference.size() == model.size(), "values of one shape");
  PointError error;
  double largest = 0;
  double sum_abs = 0;
  double squares = 0;
  double rr = 0;
  double mm = 0;
  double rm = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto r = static_cast<double>(reference[i]);
    const double m = static_cast<double>(model[i]) / scale;
    if (!std::isfinite(r) || !std::isfinite(m)) {
      if (equally_infinite(r, m)) continue;
      return broken();
    }
    const double d = std::fabs(m - r);
    largest = std::max(largest, std::fabs(r));
    error.max_abs = std::max(error.max_abs, d);
    sum_abs += d;
    squares += d * d;
    rr += r * r;
    mm += m * m;
    rm += r * m;
  }
  const auto count = static_cast<double>(std::max<size_t>(reference.size(), 1));
  const auto share = [](double part, double whole) {
    return whole > 0 ? part / whole : (part > 0 ? kInfinite : 0.0);
  };
  error.mean_abs = sum_abs / count;
  error.mse = squares / count;
  error.relative = share(error.mean_abs, largest);
  error.relative_l2 = share(std::sqrt(squares), std::sqrt(rr));
  if (error.mse > 0)
    error.psnr_db = largest > 0 ? 20 * std::log10(largest / std::sqrt(error.mse)) : -kInfinite;
  if (rr > 0 && mm > 0)
    error.cosine = rm / std::sqrt(rr * mm);
  else
    error.cosine = rr == mm ? 1 : 0;
  error.over = !(error.relative <= tolerance.relative && error.mse <= tolerance.mse);
  return error;
}

}  // namespace anemone::probe
