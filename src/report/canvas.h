#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/plot.h"

namespace anemone::report {

inline constexpr double kPlotWidth = 560;
inline constexpr double kTextSize = 13;
inline constexpr double kTitleSize = 15;
inline constexpr size_t kSeriesColors = 8;

/// Where text may anchor.
enum class Anchor : uint8_t { start, middle, end };

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
  bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool inside(const Box& other) const {
    return left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom;
  }
};

/// The parts of an SVG element, in the order in which they are drawn.
class Canvas {
 public:
  void text(double x, double y, std::string_view words, Anchor anchor = Anchor::start,
            std::string_view style = "t");
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void raw(std::string_view markup) { body_ += markup; }
  /// A marker of series `index`: colour and form tell it apart. What is predicted is hollow.
  void marker(double x, double y, size_t index, std::string_view tip, bool is_predicted = false);

  /// Title and legend on top; returns the y below them. `dashed`: names drawn with a dashed line.
  struct Key {
    std::string name;
    enum class Sign : uint8_t { line, dashed, area, point, hollow } sign = Sign::line;
    size_t index = 0;
  };
  double heading(const std::string& title, const std::vector<Key>& keys);

  std::string finish(const Plot& plot, const std::string& id, double height);

 private:
  std::string body_;
};

/// `text` cut with "…" so that it is no wider.
std::string fitted(const std::string& text, double size, double width);

/// A place on an axis for a value.
class Scale {
 public:
  Scale(const Ticks& ticks, double from, double to);
  double operator()(double value) const;

 private:
  double low_, high_, from_, to_;
};

std::string lines_svg(const Plot& plot, const std::string& id);  // and scatter
std::string bars_svg(const Plot& plot, const std::string& id);   // and stacked

}  // namespace anemone::report
