#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "report/canvas.h"

namespace anemone::report {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

struct Ranges {
  Range x, y;
};

Ranges ranges_of(const Plot& plot) {
  Ranges ranges;
  for (const PlotSeries& series : plot.series)
    for (const PlotPoint& point : series.points) {
      ranges.x.add(point.x);
      ranges.y.add(point.y);
      if (point.low) ranges.y.add(*point.low);
      if (point.high) ranges.y.add(*point.high);
    }
  return ranges;
}

Ticks ticks_of(Range range, bool from_zero, int most) {
  if (from_zero && range.low > 0) range.low = 0;
  const Ticks ticks = linear_ticks(range.low, range.high, most);
  // No axis goes below 0 for shares, speeds and times.
  if (range.low < 0 || ticks.low >= 0) return ticks;
  return linear_ticks(0, range.high > 0 ? range.high : 1, most);
}

bool have_room(const Ticks& ticks, double width) {
  const Scale scale(ticks, 0, width);
  for (size_t i = 1; i < ticks.at.size(); ++i) {
    const double room = scale(ticks.at[i]) - scale(ticks.at[i - 1]);
    const double need =
        (text_width(ticks.text[i], kTextSize) + text_width(ticks.text[i - 1], kTextSize)) / 2 + 8;
    if (room < need) return false;
  }
  return true;
}

/// The places of few points themselves, such as the contexts that were measured.
std::optional<Ticks> ticks_at_points(const Plot& plot, const Range& range, double width) {
  std::set<double> places;
  for (const PlotSeries& series : plot.series)
    for (const PlotPoint& point : series.points) places.insert(point.x);
  if (places.size() < 2 || places.size() > 8) return std::nullopt;
  const double margin = (range.high - range.low) * 0.04;
  Ticks ticks{range.low - margin, range.high + margin, {}, {}};
  for (const double place : places) {
    ticks.at.push_back(place);
    ticks.text.push_back(fmt::format("{:.6g}", place));
  }
  return std::isfinite(margin) && have_room(ticks, width) ? std::optional(ticks) : std::nullopt;
}

/// As many ticks as have room beside each other.
Ticks fitting_ticks(const Range& range, double width) {
  for (int most = 9; most > 2; --most) {
    Ticks ticks = ticks_of(range, false, most);
    if (have_room(ticks, width)) return ticks;
  }
  return ticks_of(range, false, 2);
}

void draw_axes(const Box& area, const Ticks& x_ticks, const Ticks& y_ticks, const Scale& x,
               const Scale& y, Canvas& canvas) {
  for (size_t i = 0; i < y_ticks.at.size(); ++i) {
    const double at = y(y_ticks.at[i]);
    canvas.line(area.left, at, area.right, at, "grid");
    canvas.text(area.left - 8, at + 4.5, y_ticks.text[i], Anchor::end, "td");
  }
  canvas.line(area.left, area.bottom, area.right, area.bottom, "axis");
  for (size_t i = 0; i < x_ticks.at.size(); ++i) {
    const double at = x(x_ticks.at[i]);
    canvas.line(at, area.bottom, at, area.bottom + 5, "axis");
    canvas.text(at, area.bottom + 20, x_ticks.text[i], Anchor::middle, "td");
  }
}

void draw_band(const PlotSeries& series, size_t index, const Scale& x, const Scale& y,
               Canvas& canvas) {
  std::string upper;
  std::string lower;
  for (const PlotPoint& point : series.points) {
    if (!point.low || !point.high) return;
    upper += fmt::format("{}{:.1f} {:.1f}", upper.empty() ? "M" : "L", x(point.x), y(*point.high));
    lower = fmt::format("L{:.1f} {:.1f}", x(point.x), y(*point.low)) + lower;
  }
  if (series.points.size() > 1)
    canvas.raw(fmt::format("<path class=\"band f{}\" d=\"{}{}z\"/>\n", index % kSeriesColors + 1,
                           upper, lower));
}

void draw_whisker(const PlotPoint& point, const Scale& x, const Scale& y, Canvas& canvas) {
  if (!point.low || !point.high) return;
  const double at = x(point.x);
  const double top = y(*point.high);
  const double bottom = y(*point.low);
  canvas.raw(fmt::format(
      "<path class=\"w\" d=\"M{:.1f} {:.1f}V{:.1f}M{:.1f} {:.1f}h6M{:.1f} {:.1f}h6\"/>\n", at, top,
      bottom, at - 3, top, at - 3, bottom));
}

void draw_line(const PlotSeries& series, size_t index, const Scale& x, const Scale& y,
               Canvas& canvas) {
  std::string path;
  for (const PlotPoint& point : series.points)
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(point.x), y(point.y));
  canvas.raw(fmt::format("<path class=\"s s{}{}\" d=\"{}\"/>\n", index % kSeriesColors + 1,
                         series.is_predicted ? " dash" : "", path));
}

/// Puts labels where they touch neither a point nor another label, with a line to the point where
/// they stand apart. One without room is left out: its tip and the table have the name.
class Labels {
 public:
  explicit Labels(const Box& area) : area_(area) {}
  void keep_free(double x, double y) { taken_.push_back({x - 7, y - 7, x + 7, y + 7}); }
  void keep_free(const Box& box) { taken_.push_back(box); }

  void place(double x, double y, const std::string& label, Canvas& canvas) {
    const std::string words = fitted(label, kTextSize, 220);
    const double width = text_width(words, kTextSize);
    for (double distance = 10; distance < 120; distance += 8)
      for (int turn = 0; turn < 16; ++turn) {
        const double angle = (turn % 2 == 0 ? turn : -turn - 1) * M_PI / 16;
        const double at_x = x + distance * std::cos(angle);
        const double at_y = y + distance * std::sin(angle);
        const double left = std::cos(angle) < -0.3  ? at_x - width
                            : std::cos(angle) > 0.3 ? at_x
                                                    : at_x - width / 2;
        const Box box{left - 2, at_y - 9, left + width + 2, at_y + 9};
        if (!box.inside(area_) ||
            std::ranges::any_of(taken_, [&](const Box& other) { return box.overlaps(other); }))
          continue;
        taken_.push_back(box);
        if (distance > 20) canvas.line(x, y, std::clamp(x, box.left, box.right), at_y, "lead");
        canvas.text(left, at_y + 4.5, words);
        return;
      }
  }

 private:
  Box area_;
  std::vector<Box> taken_;
};

}  // namespace

std::string lines_svg(const Plot& plot, const std::string& id) {
  const bool is_scatter = plot.kind == Plot::Kind::scatter;
  Canvas canvas;
  std::vector<Canvas::Key> keys;
  using Sign = Canvas::Key::Sign;
  const auto is_predicted = [](const PlotSeries& series) { return series.is_predicted; };
  if (plot.series.size() > 1 || !is_scatter || std::ranges::any_of(plot.series, is_predicted))
    for (size_t i = 0; i < plot.series.size(); ++i)
      keys.push_back({plot.series[i].name,
                      is_scatter ? (plot.series[i].is_predicted ? Sign::hollow : Sign::point)
                                 : (plot.series[i].is_predicted ? Sign::dashed : Sign::line),
                      i});
  const double top = canvas.heading(plot.title, keys);
  canvas.text(4, top + 12, fitted(plot.y_title, kTextSize, kPlotWidth - 8), Anchor::start, "td");

  const Ranges ranges = ranges_of(plot);
  const Ticks y_ticks = ticks_of(ranges.y, plot.y_from_zero, 6);
  double widest = 0;
  for (const std::string& text : y_ticks.text)
    widest = std::max(widest, text_width(text, kTextSize));
  Box area{widest + 14, top + 26, kPlotWidth - 26, top + 26 + 220};
  const Range x_range = [&] {
    // Points of a scatter plot keep off the borders, where their labels have no room.
    Range range = ranges.x;
    if (is_scatter) {
      const double margin = (range.high - range.low) * 0.08;
      if (std::isfinite(margin)) {
        range.low = range.low >= 0 ? std::max(0.0, range.low - margin) : range.low - margin;
        range.high += margin;
      }
    }
    return range;
  }();
  const double width = area.right - area.left;
  const auto at_points = is_scatter ? std::nullopt : ticks_at_points(plot, x_range, width);
  const Ticks x_ticks = at_points ? *at_points : fitting_ticks(x_range, width);
  // The last tick's text stands half behind the axis' end.
  if (!x_ticks.text.empty())
    area.right =
        std::min(area.right, kPlotWidth - text_width(x_ticks.text.back(), kTextSize) / 2 - 2);
  const Scale x(x_ticks, area.left, area.right);
  const Scale y(y_ticks, area.bottom, area.top);
  draw_axes(area, x_ticks, y_ticks, x, y, canvas);
  Labels labels(area);
  for (size_t i = 0; i < plot.series.size(); ++i) {
    const PlotSeries& series = plot.series[i];
    if (!is_scatter) {
      draw_band(series, i, x, y, canvas);
      draw_line(series, i, x, y, canvas);
    }
    for (const PlotPoint& point : series.points) {
      if (is_scatter || series.points.size() == 1) draw_whisker(point, x, y, canvas);
      if (plot.has_markers)
        canvas.marker(x(point.x), y(point.y), i, point.tip, series.is_predicted);
      labels.keep_free(x(point.x), y(point.y));
      if (point.low && point.high)
        labels.keep_free(Box{x(point.x) - 4, y(*point.high), x(point.x) + 4, y(*point.low)});
    }
  }
  for (const PlotSeries& series : plot.series)
    for (const PlotPoint& point : series.points)
      if (!point.label.empty()) labels.place(x(point.x), y(point.y), point.label, canvas);
  canvas.text((area.left + area.right) / 2, area.bottom + 40,
              fitted(plot.x_title, kTextSize, area.right - area.left), Anchor::middle, "td");
  return canvas.finish(plot, id, area.bottom + 50);
}

}  // namespace anemone::report
