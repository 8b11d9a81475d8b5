#include "report/canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/page.h"

namespace anemone::report {
namespace {

/// Forms of markers around the origin; a cycle that is no divisor of the colours' would repeat both
/// together only late.
constexpr std::array<const char*, 4> kMarkers = {"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
                                                 "M-3.6 -3.6h7.2v7.2h-7.2z",
                                                 "M0 -4.6L4.6 3.6H-4.6z", "M0 -5L5 0L0 5L-5 0z"};

/// Bold letters are so much wider.
constexpr double kBold = 1.15;

const char* anchor_word(Anchor anchor) {
  switch (anchor) {
    case Anchor::start:
      return "";
    case Anchor::middle:
      return " text-anchor=\"middle\"";
    case Anchor::end:
      return " text-anchor=\"end\"";
  }
  return "";
}

std::string sign(const Canvas::Key& key, double x, double y) {
  const size_t color = key.index % kSeriesColors + 1;
  using Sign = Canvas::Key::Sign;
  switch (key.sign) {
    case Sign::area:
      return fmt::format(
          "<rect class=\"f{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"10\"/>", color,
          x + 3, y - 9.5);
    case Sign::line:
    case Sign::dashed:
    case Sign::point:
    case Sign::hollow: {
      std::string text;
      if (key.sign == Sign::line || key.sign == Sign::dashed)
        text = fmt::format("<path class=\"s s{}{}\" d=\"M{:.1f} {:.1f}h20\"/>", color,
                           key.sign == Sign::dashed ? " dash" : "", x, y - 4.5);
      return text +
             fmt::format("<path class=\"{}{}\" transform=\"translate({:.1f} {:.1f})\" d=\"{}\"/>",
                         key.sign == Sign::hollow ? "hollow s" : "f", color, x + 10, y - 4.5,
                         kMarkers[key.index % kMarkers.size()]);
    }
  }
  return {};
}

}  // namespace

void Canvas::text(double x, double y, std::string_view words, Anchor anchor,
                  std::string_view style) {
  body_ += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n", style, x, y,
                       anchor_word(anchor), html_escaped(words));
}

void Canvas::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ += fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", style, x1, y1,
                       x2, y2);
}

void Canvas::marker(double x, double y, size_t index, std::string_view tip, bool is_predicted) {
  body_ += fmt::format(
      "<path class=\"{}{}\" transform=\"translate({:.1f} {:.1f})\" d=\"{}\"><title>{}</title>"
      "</path>\n",
      is_predicted ? "hollow s" : "p f", index % kSeriesColors + 1, x, y,
      kMarkers[index % kMarkers.size()], html_escaped(tip));
}

double Canvas::heading(const std::string& title, const std::vector<Key>& keys) {
  text(4, 18, fitted(title, kTitleSize * kBold, kPlotWidth - 8), Anchor::start, "tt");
  double y = 26;
  double x = 4;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string name = fitted(keys[i].name, kTextSize, kPlotWidth - 40);
    const double width = 26 + text_width(name, kTextSize) + 16;
    if (i == 0 || x + width > kPlotWidth) {
      x = 4;
      y += 18;
    }
    body_ += sign(keys[i], x, y);
    text(x + 26, y, name);
    x += width;
  }
  return y + 8;
}

std::string Canvas::finish(const Plot& plot, const std::string& id, double height) {
  return fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-labelledby=\"{}-t "
      "{}-d\">\n<title id=\"{}-t\">{}</title>\n<desc id=\"{}-d\">{}</desc>\n{}</svg>\n",
      kPlotWidth, height, id, id, id, html_escaped(plot.title), id, html_escaped(plot.description),
      body_);
}

std::string fitted(const std::string& text, double size, double width) {
  const std::string clean = printable(text);
  if (text_width(clean, size) <= width) return clean;
  double used = size;  // of the sign at the end
  size_t end = 0;
  while (end < clean.size()) {
    size_t next = end + 1;
    while (next < clean.size() && (static_cast<uint8_t>(clean[next]) & 0xC0U) == 0x80) ++next;
    used += text_width(std::string_view(clean).substr(end, next - end), size);
    if (used > width) break;
    end = next;
  }
  return clean.substr(0, end) + "…";
}

Scale::Scale(const Ticks& ticks, double from, double to)
    : low_(ticks.low), high_(ticks.high), from_(from), to_(to) {}

double Scale::operator()(double value) const {
  // Halves, so that no difference of finite numbers overflows.
  const double share = (value / 2 - low_ / 2) / (high_ / 2 - low_ / 2);
  return from_ + std::clamp(share, 0.0, 1.0) * (to_ - from_);
}

std::string to_svg(const Plot& plot, const std::string& id) {
  const bool has_bars = plot.kind == Plot::Kind::bars || plot.kind == Plot::Kind::stacked;
  return has_bars ? bars_svg(plot, id) : lines_svg(plot, id);
}

const char* plot_style() {
  return R"(
:root{--c1:#0072b2;--c2:#c24e00;--c3:#00805c;--c4:#a8467f;--c5:#8f6400;--c6:#5b5bd6;--c7:#57606a;--c8:#7a1f1f}
@media (prefers-color-scheme:dark){:root{--c1:#4da6e0;--c2:#ff8a4c;--c3:#2ec498;--c4:#e58bc0;--c5:#e6b422;
--c6:#a5a5ff;--c7:#9da7b3;--c8:#d98080}}
.plot{display:block;width:100%;height:auto;font:13px system-ui,sans-serif}
.t{fill:var(--ink);stroke:var(--paper);stroke-width:3px;paint-order:stroke}.tt{fill:var(--ink);font-size:15px;font-weight:600}.td{fill:var(--dim)}
.grid{stroke:var(--line);stroke-width:1;fill:none}.axis{stroke:var(--dim);stroke-width:1;fill:none}
.s{fill:none;stroke-width:2;stroke-linejoin:round}.dash{stroke-dasharray:6 4}
.hollow{fill:var(--paper);stroke-width:2}
.p{stroke:var(--paper);stroke-width:1}.band{opacity:.2}.w{stroke:var(--ink);stroke-width:1.25;fill:none}
.lead{stroke:var(--dim);stroke-width:.75;fill:none}
.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}.s8{stroke:var(--c8)}
.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}
.f5{fill:var(--c5)}.f6{fill:var(--c6)}.f7{fill:var(--c7)}.f8{fill:var(--c8)}
)";
}

}  // namespace anemone::report
