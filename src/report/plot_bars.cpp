#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/canvas.h"
#include "report/page.h"

namespace anemone::report {
namespace {

constexpr double kBar = 18;
constexpr double kLine = 20;

std::string short_number(double value) {
  const double size = std::abs(value);
  if (size >= 1000 && size < 1e7) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

double sum_of(const PlotBar& bar) {
  double sum = 0;
  for (const auto& value : bar.values) sum += value.value_or(0);
  return sum;
}

struct Reach {
  double low = 0, high = 0;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

Reach reach_of(const Plot& plot) {
  Reach reach;
  for (const PlotBar& bar : plot.bars) {
    if (plot.kind == Plot::Kind::stacked) reach.add(sum_of(bar));
    for (const auto* list : {&bar.values, &bar.low, &bar.high})
      for (const auto& value : *list)
        if (value) reach.add(*value);
  }
  return reach;
}

/// Room for the numbers behind the bars.
double widest_number(const Plot& plot) {
  double widest = 40;
  const auto add = [&](double value) {
    widest = std::max(widest, text_width(short_number(value), kTextSize));
  };
  for (const PlotBar& bar : plot.bars) {
    if (plot.kind == Plot::Kind::stacked) add(sum_of(bar));
    for (const auto& value : bar.values)
      if (value) add(*value);
  }
  return widest;
}

void draw_rectangle(double from, double to, double y, size_t index, const std::string& tip,
                    Canvas& canvas) {
  canvas.raw(fmt::format(
      "<rect class=\"p f{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}"
      "</title></rect>\n",
      index % kSeriesColors + 1, std::min(from, to), y, std::abs(to - from), kBar - 2, tip));
}

class Bars {
 public:
  Bars(const Plot& plot, const Scale& x, Canvas& canvas) : plot_(plot), x_(x), canvas_(canvas) {}

  /// One bar for each series; returns the y below them.
  double grouped(const PlotBar& bar, double y) {
    for (size_t i = 0; i < bar.values.size(); ++i, y += kLine) {
      if (!bar.values[i]) {
        canvas_.text(x_(0) + 6, y + 13, "n/a", Anchor::start, "td");
        continue;
      }
      const double value = *bar.values[i];
      const std::string number = short_number(value);
      draw_rectangle(x_(0), x_(value), y, i, escaped(bar.name, i, number), canvas_);
      double end = x_(std::max(value, 0.0));
      if (i < bar.low.size() && i < bar.high.size() && bar.low[i] && bar.high[i]) {
        const double low = x_(*bar.low[i]);
        const double high = x_(*bar.high[i]);
        const double middle = y + kBar / 2 - 1;
        canvas_.raw(fmt::format(
            "<path class=\"w\" d=\"M{:.1f} {:.1f}H{:.1f}M{:.1f} {:.1f}v6M{:.1f} {:.1f}v6\"/>\n",
            low, middle, high, low, middle - 3, high, middle - 3));
        end = std::max(end, high);
      }
      canvas_.text(end + 6, y + 13, number);
    }
    return y;
  }

  double stacked(const PlotBar& bar, double y) {
    double sum = 0;
    for (size_t i = 0; i < bar.values.size(); ++i) {
      if (!bar.values[i] || *bar.values[i] <= 0) continue;
      draw_rectangle(x_(sum), x_(sum + *bar.values[i]), y, i,
                     escaped(bar.name, i, short_number(*bar.values[i])), canvas_);
      sum += *bar.values[i];
    }
    canvas_.text(x_(sum) + 6, y + 13, short_number(sum));
    return y + kLine;
  }

 private:
  std::string escaped(const std::string& name, size_t part, const std::string& number) const {
    const std::string of = part < plot_.parts.size() ? plot_.parts[part] + ", " : "";
    return html_escaped(of + name + ": " + number);
  }

  const Plot& plot_;
  const Scale& x_;
  Canvas& canvas_;
};

}  // namespace

std::string bars_svg(const Plot& plot, const std::string& id) {
  const bool is_stacked = plot.kind == Plot::Kind::stacked;
  Canvas canvas;
  std::vector<Canvas::Key> keys;
  if (plot.parts.size() > 1)
    for (size_t i = 0; i < plot.parts.size(); ++i)
      keys.push_back({plot.parts[i], Canvas::Key::Sign::area, i});
  const double top = canvas.heading(plot.title, keys) + 4;

  Reach reach = reach_of(plot);
  if (reach.low == 0 && reach.high == 0) reach.high = 1;  // bars begin at 0, and none lies below it
  const double left = reach.low < 0 ? 24 : 8;
  const double right = kPlotWidth - 16 - widest_number(plot);
  Ticks ticks;
  for (int most = 7; most > 1; --most) {
    ticks = linear_ticks(reach.low, reach.high, most);
    double widest = 0;
    for (const std::string& text : ticks.text)
      widest = std::max(widest, text_width(text, kTextSize) + 10);
    if (widest * static_cast<double>(ticks.at.size()) < right - left) break;
  }
  const Scale x(ticks, left, right);
  double height = 0;
  for (const PlotBar& bar : plot.bars)
    height += 20 + (is_stacked ? 1.0 : static_cast<double>(bar.values.size())) * kLine + 6;
  const double bottom = top + height;
  for (const double at : ticks.at) canvas.line(x(at), top, x(at), bottom, "grid");
  canvas.line(x(0), top, x(0), bottom, "axis");
  double y = top;
  Bars bars(plot, x, canvas);
  for (const PlotBar& bar : plot.bars) {
    canvas.text(x(0) + 6, y + 14, fitted(bar.name, kTextSize, kPlotWidth - x(0) - 14));
    y = (is_stacked ? bars.stacked(bar, y + 20) : bars.grouped(bar, y + 20)) + 6;
  }
  for (size_t i = 0; i < ticks.at.size(); ++i)
    canvas.text(x(ticks.at[i]), bottom + 16, ticks.text[i],
                i == 0 && reach.low >= 0 ? Anchor::start : Anchor::middle, "td");
  canvas.text((left + right) / 2, bottom + 36, fitted(plot.x_title, kTextSize, right - left),
              Anchor::middle, "td");
  return canvas.finish(plot, id, bottom + 46);
}

}  // namespace anemone::report
