#include "compress/cluster_vectors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>

#include "compress/threads.h"

namespace anemone::compress {
namespace {

constexpr int64_t kLanes = 4;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Codes = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

constexpr int64_t kRange = 1 << 14;  ///< points whose sums are added up in one go.
constexpr int64_t kSample = 1 << 15;
constexpr int kTries = 3;
constexpr int kSampleSteps = 20;
constexpr int kSteps = 12;
constexpr double kGain = 1e-4;  ///< less of it ends the steps.

Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

/// Codes and distances of points [begin, end).
double code_range(const Points& points, std::span<const float> centers, int64_t begin, int64_t end,
                  uint8_t* codes) {
  const int64_t count = static_cast<int64_t>(centers.size()) / points.width;
  double total = 0;
  int64_t at = begin;
  for (; at + kLanes <= end; at += kLanes) {
    Lanes least = Lanes{} + std::numeric_limits<float>::infinity();
    Codes code = {};
    for (int64_t center = 0; center < count; ++center) {
      Lanes distance = {};
      for (int64_t j = 0; j < points.width; ++j) {
        const Lanes gap = load(points.planes.data() + j * points.count + at) -
                          centers[static_cast<size_t>(center * points.width + j)];
        distance += gap * gap;
      }
      const Codes nearer = distance < least;
      least = nearer ? distance : least;
      code = nearer ? Codes{} + static_cast<int32_t>(center) : code;
    }
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      codes[at + lane] = static_cast<uint8_t>(code[lane]);
      total += static_cast<double>(least[lane]);
    }
  }
  for (; at < end; ++at) {
    float least = std::numeric_limits<float>::infinity();
    for (int64_t center = 0; center < count; ++center) {
      float distance = 0;
      for (int64_t j = 0; j < points.width; ++j) {
        const float gap = points.planes[static_cast<size_t>(j * points.count + at)] -
                          centers[static_cast<size_t>(center * points.width + j)];
        distance += gap * gap;
      }
      if (distance < least) {
        least = distance;
        codes[at] = static_cast<uint8_t>(center);
      }
    }
    total += static_cast<double>(least);
  }
  return total;
}

/// Sums of the points by center, and how many there are, in one range.
struct Sums {
  std::vector<double> sums;
  std::vector<int64_t> counts;
  double error = 0;
};

/// One step of Lloyd's: centers become means. Returns the error before the step.
double step(const Points& points, std::vector<float>& centers, int threads, uint8_t* codes) {
  const size_t width = static_cast<size_t>(points.width);
  const size_t count = centers.size() / width;
  std::vector<Sums> ranges(static_cast<size_t>((points.count + kRange - 1) / kRange));
  for_each_range(points.count, kRange, threads, [&](int64_t begin, int64_t end) {
    Sums& range = ranges[static_cast<size_t>(begin / kRange)];
    range.sums.assign(centers.size(), 0);
    range.counts.assign(count, 0);
    range.error = code_range(points, centers, begin, end, codes);
    for (int64_t i = begin; i < end; ++i) {
      ++range.counts[codes[i]];
      for (size_t j = 0; j < width; ++j)
        range.sums[codes[i] * width + j] += static_cast<double>(
            points.planes[j * static_cast<size_t>(points.count) + static_cast<size_t>(i)]);
    }
  });
  Sums all{std::vector<double>(centers.size(), 0), std::vector<int64_t>(count, 0)};
  for (const Sums& range : ranges) {
    for (size_t i = 0; i < centers.size(); ++i) all.sums[i] += range.sums[i];
    for (size_t i = 0; i < count; ++i) all.counts[i] += range.counts[i];
    all.error += range.error;
  }
  for (size_t i = 0; i < centers.size(); ++i)
    if (all.counts[i / width] > 0)
      centers[i] = static_cast<float>(all.sums[i] / static_cast<double>(all.counts[i / width]));
  return all.error;
}

double refine(const Points& points, std::vector<float>& centers, int steps, int threads) {
  std::vector<uint8_t> codes(static_cast<size_t>(points.count));
  double before = std::numeric_limits<double>::infinity();
  for (int i = 0; i < steps; ++i) {
    const double error = step(points, centers, threads, codes.data());
    if (before - error <= kGain * error) return error;
    before = error;
  }
  return before;
}

/// Each next center is a point, with a chance that grows with its squared distance to the nearest.
std::vector<float> seeds(const Points& points, int64_t count, std::mt19937_64& random) {
  std::vector<float> centers;
  std::vector<double> nearest(static_cast<size_t>(points.count),
                              std::numeric_limits<double>::infinity());
  // Made from the bits: distributions of the standard library differ between machines.
  const auto share = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  int64_t chosen = static_cast<int64_t>(share() * static_cast<double>(points.count));
  while (true) {
    for (int64_t j = 0; j < points.width; ++j)
      centers.push_back(points.planes[static_cast<size_t>(j * points.count + chosen)]);
    if (static_cast<int64_t>(centers.size()) == count * points.width) return centers;
    const float* center = &centers[centers.size() - static_cast<size_t>(points.width)];
    double sum = 0;
    for (int64_t i = 0; i < points.count; ++i) {
      double distance = 0;
      for (int64_t j = 0; j < points.width; ++j) {
        const auto gap = static_cast<double>(
            points.planes[static_cast<size_t>(j * points.count + i)] - center[j]);
        distance += gap * gap;
      }
      double& least = nearest[static_cast<size_t>(i)];
      least = std::min(least, distance);
      sum += least;
    }
    if (sum == 0) return centers;
    double rest = share() * sum;
    chosen = 0;
    for (int64_t i = 0; i < points.count; ++i) {
      if (nearest[static_cast<size_t>(i)] == 0) continue;
      chosen = i;
      rest -= nearest[static_cast<size_t>(i)];
      if (rest <= 0) break;
    }
  }
}

}  // namespace

double nearest_centers(const Points& points, std::span<const float> centers, int threads,
                       uint8_t* codes) {
  std::vector<double> errors(static_cast<size_t>((points.count + kRange - 1) / kRange));
  for_each_range(points.count, kRange, threads, [&](int64_t begin, int64_t end) {
    errors[static_cast<size_t>(begin / kRange)] = code_range(points, centers, begin, end, codes);
  });
  double sum = 0;
  for (const double error : errors) sum += error;
  return sum;
}

std::vector<float> cluster_vectors(const Points& points, int64_t count, int threads) {
  std::mt19937_64 random(kClusterSeed);
  Points sample = points;
  std::vector<float> sampled;
  if (points.count > kSample) {
    sample.count = kSample;
    for (int64_t j = 0; j < points.width; ++j)
      for (int64_t i = 0; i < kSample; ++i)
        sampled.push_back(points.planes[static_cast<size_t>(
            j * points.count + static_cast<int64_t>(static_cast<double>(points.count) *
                                                    static_cast<double>(i) / kSample))]);
    sample.planes = sampled;
  }
  std::vector<float> best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i) {
    std::vector<float> centers = seeds(sample, count, random);
    const double error = refine(sample, centers, kSampleSteps, threads);
    if (error < least) {
      least = error;
      best = std::move(centers);
    }
  }
  refine(points, best, kSteps, threads);
  return best;
}

}  // namespace anemone::compress
