#include "probe/outliers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "probe/point_names.h"

namespace anemone::probe {
namespace {

/// A point stands out when its error grew this many times more than is usual for its kind, and is
/// at least `kLeast`.
constexpr double kUsualTimes = 4;
constexpr double kLeast = 5e-3;

using Parts = std::span<const std::string_view>;
constexpr std::array<std::string_view, 4> kReadAttentionNorm = {"attention.q", "attention.k",
                                                                "attention.v", "attention.qkv"};
constexpr std::array<std::string_view, 2> kReadMlpNorm = {"mlp.gate", "mlp.up"};

bool is_in(Parts parts, std::string_view part) {
  return std::ranges::find(parts, part) != parts.end();
}

/// Of two values in the middle the larger, or the smaller.
double median_of(std::vector<double> values, bool larger) {
  if (values.empty()) return 0;
  const size_t place = larger ? values.size() / 2 : (values.size() - 1) / 2;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Products that read what a norm gives: in the first layer that is nearly exact, and off by what
/// has added up in all others.
bool reads_norm(std::string_view part) {
  return is_in(kReadAttentionNorm, part) || is_in(kReadMlpNorm, part) || part.starts_with("mlp.in");
}

/// Whether both are products of the same norm. Numbered ones are not known to be: those that end an
/// expert read others of them.
bool read_the_same(std::string_view part, std::string_view other) {
  return (is_in(kReadAttentionNorm, part) && is_in(kReadAttentionNorm, other)) ||
         (is_in(kReadMlpNorm, part) && is_in(kReadMlpNorm, other));
}

/// What is known of the same point of the other layers.
struct OtherLayers {
  std::vector<double> growth;
  std::vector<double> added;
  std::vector<double> whole;
};

class Outliers {
 public:
  Outliers(const std::vector<PointError>& points, const std::vector<double>& added)
      : points_(points), added_(added) {
    for (const PointError& point : points) names_.push_back(split_point(point.name));
    for (const PointName& name : names_)
      if (name.layer) first_layer_ = std::min(first_layer_.value_or(*name.layer), *name.layer);
  }

  bool contain(size_t i) const {
    const PointError& point = points_[i];
    if (!point.growth || !(point.relative_l2 >= kLeast)) return false;
    const OtherLayers others = others_of(i);
    if (!(*point.growth > kUsualTimes * std::max(1.0, median_of(others.growth, true))))
      return false;
    if (names_[i].layer != first_layer_ || !reads_norm(names_[i].part)) return true;
    return added_[i] > kUsualTimes * median_of(others.added, false) &&
           added_[i] > median_of(others.whole, false) && is_off_alone(i);
  }

 private:
  OtherLayers others_of(size_t i) const {
    OtherLayers others;
    for (size_t other = 0; other < points_.size(); ++other) {
      if (!points_[other].growth || other == i || names_[other].part != names_[i].part) continue;
      others.growth.push_back(*points_[other].growth);
      others.added.push_back(added_[other]);
      others.whole.push_back(points_[other].relative_l2);
    }
    return others;
  }

  /// Of the products that read the same: a palette puts all of them off, a wrong weight one.
  bool is_off_alone(size_t i) const {
    for (size_t other = 0; other < points_.size(); ++other)
      if (other != i && names_[other].layer == names_[i].layer &&
          read_the_same(names_[i].part, names_[other].part) &&
          added_[i] <= kUsualTimes * added_[other])
        return false;
    return true;
  }

  const std::vector<PointError>& points_;
  const std::vector<double>& added_;
  std::vector<PointName> names_;
  std::optional<int64_t> first_layer_;
};

}  // namespace

void mark_outliers(std::vector<PointError>& points, const std::vector<double>& added) {
  const Outliers outliers(points, added);
  for (size_t i = 0; i < points.size(); ++i) points[i].stands_out = outliers.contain(i);
}

}  // namespace anemone::probe
