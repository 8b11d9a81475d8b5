#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace anemone::compress {

/// Points of `width` numbers, one after the other in planes: number j of point i is
/// `planes[j * count + i]`.
struct Points {
  std::span<const float> planes;
  int64_t count = 0;
  int64_t width = 0;
};

/// At most `count` centers [center, width]: k-means++ seeds (Arthur and Vassilvitskii, 2007) over a
/// sample, the best of a few tries, then Lloyd's steps over all points. The random numbers are
/// those of kClusterSeed; the result depends neither on threads nor on the machine.
inline constexpr uint64_t kClusterSeed = 20261121;
std::vector<float> cluster_vectors(const Points& points, int64_t count, int threads);

/// The nearest center of each point, the first of equals. Returns the squared distance.
double nearest_centers(const Points& points, std::span<const float> centers, int threads,
                       uint8_t* codes);

}  // namespace anemone::compress
