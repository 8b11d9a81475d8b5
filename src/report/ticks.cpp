#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/plot.h"

namespace anemone::report {
namespace {

std::string tick_text(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (size >= 1e7 || step < 1e-5) return fmt::format("{:.3g}", value);
  int decimals = 0;
  for (double unit = step; decimals < 6 && std::abs(unit - std::round(unit)) > 1e-6 * unit;
       unit *= 10)
    ++decimals;
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  return text == "-0" ? "0" : text;
}

}  // namespace

Ticks linear_ticks(double low, double high, int most) {
  if (!(high > low)) {
    const double half = low == 0 ? 0.5 : std::abs(low) * 0.1;
    low -= half;
    high += half;
  }
  // Numbers so far apart or so near each other that no grid lies between them.
  const double range = high - low;
  if (!std::isfinite(range) || range < 1e-12 * std::max(std::abs(low), std::abs(high)))
    return {low, high, {low, high}, {fmt::format("{:.6g}", low), fmt::format("{:.6g}", high)}};
  const double rough = range / std::max(1, most - 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.5, 2.0, 1.0})
    if (factor * power >= rough * (1 - 1e-9)) step = factor * power;
  Ticks ticks;
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  ticks.low = first * step;
  ticks.high = last * step;
  for (double i = first; i <= last; ++i) {
    ticks.at.push_back(i * step);
    ticks.text.push_back(tick_text(i * step, step));
  }
  return ticks;
}

double text_width(std::string_view text, double size) {
  // Widths of DejaVu Sans, which is wider than the other fonts that browsers take for sans-serif.
  double width = 0;
  for (const char c : text) {
    if ((static_cast<uint8_t>(c) & 0xC0U) == 0x80) continue;
    if (static_cast<uint8_t>(c) >= 0x80)
      width += 1.0;
    else if (std::string_view("ijl.,:;'|! ").find(c) != std::string_view::npos)
      width += 0.34;
    else if (std::string_view("ftr()[]/-").find(c) != std::string_view::npos)
      width += 0.42;
    else if (std::string_view("mwMW%@").find(c) != std::string_view::npos)
      width += 1.0;
    else if (std::string_view("+=<>~_").find(c) != std::string_view::npos)
      width += 0.85;
    else if (c >= 'A' && c <= 'Z')
      width += 0.75;
    else
      width += 0.645;
  }
  return width * size;
}

}  // namespace anemone::report
