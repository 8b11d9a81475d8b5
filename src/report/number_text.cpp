#include "report/number_text.h"

#include <fmt/format.h>

#include <cmath>

namespace anemone::report {
using compare::Unit;

std::string three_digits(double value) {
  const double size = std::abs(value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return size >= 1e9 || (size < 0.005 && size > 0) ? fmt::format("{:.2e}", value)
                                                   : fmt::format("{:.{}f}", value, decimals);
}

namespace {

std::string bytes_text(double bytes) {
  const double size = std::abs(bytes);
  if (size >= 1e9) return three_digits(bytes / 1e9) + " GB";
  if (size >= 1e6) return three_digits(bytes / 1e6) + " MB";
  if (size >= 1e3) return three_digits(bytes / 1e3) + " kB";
  return fmt::format("{:.0f} B", bytes);
}

std::string seconds_text(double seconds) {
  const double size = std::abs(seconds);
  if (size >= 1 || size == 0) return three_digits(seconds) + " s";
  if (size >= 1e-3) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds * 1e6) + " µs";
}

/// Shares that a tenth of a percent does not show have three digits.
std::string share_text(double share) {
  const double percent = share * 100;
  return std::abs(percent) < 0.1 && percent != 0 ? fmt::format("{:.3g} %", percent)
                                                 : fmt::format("{:.1f} %", percent);
}

std::string plain_text(double value) {
  const double size = std::abs(value);
  if (size == std::floor(size) && size < 1e6) return fmt::format("{:.0f}", value);
  if (size >= 1e6 || (size < 1e-4 && size > 0)) return fmt::format("{:.3e}", value);
  return fmt::format("{:.4f}", value);
}

}  // namespace

std::string number_text(double value, Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return bytes_text(value);
    case Unit::seconds:
      return seconds_text(value);
    case Unit::tokens_per_second:
      return three_digits(value) + " tokens/s";
    case Unit::share:
      return share_text(value);
    case Unit::joules:
      return three_digits(value) + " J";
    case Unit::nats:
      return fmt::format("{:.4g} nats", value);
    case Unit::none:
      return plain_text(value);
  }
  return plain_text(value);
}

std::string signed_text(double value) {
  const std::string size = plain_text(std::abs(value));
  return value == 0 ? "0" : (value < 0 ? "−" : "+") + size;
}

std::string p_text(double p) {
  if (p < 0.0001) return "< 0.0001";
  return fmt::format("{:.4f}", p);
}

std::string ratio_text(double ratio) {
  return fmt::format("{:.{}f}×", ratio, ratio >= 9.995 ? 1 : 2);
}

std::string interval_text(const statistics::Interval& interval, bool with_signs) {
  if (!with_signs) return fmt::format("[{:.4g}, {:.4g}]", interval.low, interval.high);
  return fmt::format("[{}, {}]", signed_text(interval.low), signed_text(interval.high));
}

Cell missing_cell() { return {"n/a", "", Tone::missing}; }

std::string origin_text(const std::vector<compare::Origin>& origins,
                        const std::vector<compare::Source>& sources) {
  std::string text;
  for (const compare::Origin& origin : origins)
    text += (text.empty() ? "" : "; ") + sources[origin.source].path.string() + ": " + origin.key;
  return text;
}

Cell traced_cell(std::string text, const std::vector<compare::Origin>& origins,
                 const std::vector<compare::Source>& sources, Tone tone) {
  return {std::move(text), origin_text(origins, sources), tone};
}

Cell figure_cell(const compare::Figure& figure, Unit unit,
                 const std::vector<compare::Source>& sources) {
  if (!figure.value) return missing_cell();
  return traced_cell(number_text(*figure.value, unit), figure.origins, sources,
                     figure.predicted ? Tone::predicted : Tone::plain);
}

}  // namespace anemone::report
