#include "mil/ops/resampling.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace anemone::mil {

std::optional<SamplingMode> parse_sampling_mode(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS",
                                                      "STRICT_ALIGN_CORNERS", "UNALIGN_CORNERS"};
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<SamplingMode>(found - kNames.begin());
}

double sampling_point(SamplingMode mode, int64_t i, double in, int64_t out) {
  const auto index = static_cast<double>(i);
  const auto count = static_cast<double>(out);
  switch (mode) {
    case SamplingMode::align_corners:
      return out == 1 ? (in - 1) / 2 : index * (in - 1) / (count - 1);
    case SamplingMode::default_:
      return index * in / count;
    case SamplingMode::offset_corners:
      return (index + 0.5) * std::max(1.0, in - 1) / count;
    case SamplingMode::strict_align_corners:
      return out == 1 ? 0 : index * (in - 1) / (count - 1);
    case SamplingMode::unalign_corners:
      break;
  }
  return (index + 0.5) * in / count - 0.5;
}

Tap linear_tap(double point, int64_t length) {
  const double clamped = std::clamp(point, 0.0, static_cast<double>(length - 1));
  const auto first = static_cast<int64_t>(std::floor(clamped));
  return {first, std::min(first + 1, length - 1), clamped - static_cast<double>(first)};
}

Tap nearest_tap(double point, int64_t length) {
  const double clamped = std::clamp(point, 0.0, static_cast<double>(length - 1));
  const auto nearest = static_cast<int64_t>(std::ceil(clamped - 0.5));
  return {nearest, nearest, 0};
}

std::vector<Tap> linear_taps(SamplingMode mode, int64_t in, int64_t out) {
  std::vector<Tap> taps;
  for (int64_t i = 0; i < out; ++i)
    taps.push_back(linear_tap(sampling_point(mode, i, static_cast<double>(in), out), in));
  return taps;
}

std::vector<Tap> nearest_taps(SamplingMode mode, int64_t in, int64_t out) {
  std::vector<Tap> taps;
  for (int64_t i = 0; i < out; ++i)
    taps.push_back(nearest_tap(sampling_point(mode, i, static_cast<double>(in), out), in));
  return taps;
}

std::vector<Tap> floor_taps(int64_t in, int64_t out) {
  std::vector<Tap> taps;
  for (int64_t i = 0; i < out; ++i) taps.push_back({i * in / out, i * in / out, 0});
  return taps;
}

void resample_last_axes(const Tensor& x, const std::vector<std::vector<Tap>>& taps, Tensor& out) {
  Shape shape = x.shape();
  std::vector<double> values(static_cast<size_t>(x.element_count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = x.at(static_cast<int64_t>(i));
  for (size_t t = 0; t < taps.size(); ++t) {
    const size_t axis = shape.rank() - taps.size() + t;
    const auto inner = static_cast<size_t>(shape.stride(axis));
    const auto length = static_cast<size_t>(shape[axis]);
    const size_t outer = length * inner == 0 ? 0 : values.size() / (length * inner);
    std::vector<double> sampled;
    sampled.reserve(outer * taps[t].size() * inner);
    for (size_t row = 0; row < outer; ++row)
      for (const Tap& tap : taps[t])
        for (size_t i = 0; i < inner; ++i) {
          const size_t start = row * length * inner + i;
          const double first = values[start + static_cast<size_t>(tap.first) * inner];
          const double second = values[start + static_cast<size_t>(tap.second) * inner];
          sampled.push_back(tap.weight == 0 ? first
                                            : first * (1 - tap.weight) + second * tap.weight);
        }
    values = std::move(sampled);
    shape[axis] = static_cast<int64_t>(taps[t].size());
  }
  for (size_t i = 0; i < values.size(); ++i) out.set(static_cast<int64_t>(i), values[i]);
}

}  // namespace anemone::mil
