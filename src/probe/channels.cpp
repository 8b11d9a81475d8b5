#include "probe/channels.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace anemone::probe {
namespace {

/// Fewer channels have no distribution to stand out of.
constexpr size_t kFewestChannels = 16;
/// A channel is astray when its error is at least so many times the median, which counts as one
/// rounding to fp16 at least, and so many times the 95th percentile. Sound packages of fp16, int8
/// and palettes of 4 and 6 bits of 14 checkpoints reach 10 times and 4.5 times.
constexpr double kRounding = 5e-4;
constexpr double kTimesMedian = 12;
constexpr double kTimesTail = 6;
/// An error that the same channel had before by this share of it is no news.
constexpr double kShareBefore = 0.3;

double quantile(std::vector<double> values, double share) {
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

}  // namespace

std::vector<double> channel_errors(const Tensor& reference, const Tensor& model, double scale) {
  ANEMONE_CHECK(reference.shape() == model.shape(), "values of one shape");
  const auto channels = static_cast<size_t>(reference.shape()[1]);
  const auto r = reference.values<float>();
  const auto m = model.values<float>();
  std::vector<double> errors(channels);
  std::vector<double> sizes(channels);
  for (size_t i = 0; i < r.size(); ++i) {
    const auto value = static_cast<double>(r[i]);
    const double error = static_cast<double>(m[i]) / scale - value;
    errors[i % channels] += error * error;
    sizes[i % channels] += value * value;
  }
  for (double& size : sizes) size = std::sqrt(size);
  if (channels == 0) return {};
  const double usual = quantile(sizes, 0.5);
  for (size_t i = 0; i < channels; ++i) {
    const double size = sizes[i] + usual;
    errors[i] = size > 0 ? std::sqrt(errors[i]) / size : 0;
    if (!std::isfinite(errors[i]) || !std::isfinite(size)) return {};
  }
  return errors;
}

std::optional<int64_t> stray_channel(const std::vector<double>& errors,
                                     const std::vector<double>& before) {
  if (errors.size() < kFewestChannels) return std::nullopt;
  const double least = std::max(kTimesMedian * std::max(quantile(errors, 0.5), kRounding),
                                kTimesTail * quantile(errors, 0.95));
  std::optional<size_t> worst;
  for (size_t i = 0; i < errors.size(); ++i) {
    const bool is_old = before.size() == errors.size() && before[i] > kShareBefore * errors[i];
    if (errors[i] < least || is_old) continue;
    if (!worst || errors[i] > errors[*worst]) worst = i;
  }
  if (!worst) return std::nullopt;
  return static_cast<int64_t>(*worst);
}

}  // namespace anemone::probe
