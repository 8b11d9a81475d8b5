#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace anemone::report {

struct PlotPoint {
  double x = 0;
  double y = 0;
  std::optional<double> low, high;  ///< of y; an interval.
  std::string label;                ///< beside the point, in scatter plots.
  std::string tip;                  ///< shown when pointed at.
};

struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;
  bool is_predicted = false;  ///< drawn in dashes; its points are hollow.
};

struct PlotBar {
  std::string name;
  std::vector<std::optional<double>> values;     ///< one each series; stacked: parts in order.
  std::vector<std::optional<double>> low, high;  ///< empty, or one each series.

  /// The value of the next series, with its interval where there is one.
  void add(std::optional<double> value, std::optional<double> from, std::optional<double> to) {
    values.push_back(value);
    low.push_back(from);
    high.push_back(to);
  }
};

/// One diagram. Numbers are finite.
struct Plot {
  enum class Kind : uint8_t { lines, scatter, bars, stacked };
  Kind kind = Kind::lines;
  std::string title;
  std::string description;  ///< for those who cannot see it: what is shown, and the main numbers.
  std::string x_title, y_title;  ///< with units.
  bool y_from_zero = true;
  bool has_markers = true;         ///< of lines; without, for many points.
  std::vector<PlotSeries> series;  ///< lines and scatter.
  std::vector<std::string> parts;  ///< bars and stacked: names of the series.
  std::vector<PlotBar> bars;
};

/// The diagram as an SVG element for an HTML page, 560 wide in its own units; its colours are those
/// of the page's style. `id` is unique on the page.
std::string to_svg(const Plot& plot, const std::string& id);

/// The style that the diagrams need.
const char* plot_style();

/// Ticks of an axis: round numbers that cover [low, high], their text, and the axis' own ends.
struct Ticks {
  double low = 0, high = 1;
  std::vector<double> at;
  std::vector<std::string> text;
};
Ticks linear_ticks(double low, double high, int most);

/// Width of a text in a sans-serif font of this size, rather too large than too small.
double text_width(std::string_view text, double size);

}  // namespace anemone::report
