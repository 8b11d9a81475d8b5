#include "bench/markdown.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace anemone::bench {

std::string number(const Series& series, double unit, int digits) {
  if (!series.summary) return kNone;
  return fmt::format("{:.{}f}", series.summary->median * unit, digits);
}

std::string with_interval(const Series& series, double unit, int digits) {
  if (!series.summary || !series.summary->interval) return number(series, unit, digits);
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", series.summary->median * unit, digits,
                     series.summary->interval->low * unit, digits,
                     series.summary->interval->high * unit, digits);
}

std::string megabytes(std::optional<uint64_t> bytes) {
  return bytes ? fmt::format("{:.1f}", static_cast<double>(*bytes) * 1e-6) : kNone;
}

std::string level(const Report& report) {
  return fmt::format("{:.4g} %", 100 * report.options.confidence);
}

std::string optional_number(const std::optional<double>& value, double unit, int digits) {
  return value ? fmt::format("{:.{}f}", *value * unit, digits) : kNone;
}

std::string label(const Configuration& one) {
  const auto shown = [](const std::optional<int64_t>& value) {
    return value ? std::to_string(*value) : std::string("own");
  };
  return fmt::format("{} / {} / {} / {} / {}{}{}", one.context_tokens,
                     shown(one.prefill_block_tokens), shown(one.chunks), one.compute_units,
                     one.threads, one.quantize.empty() ? "" : " / " + one.quantize,
                     one.outcome == Outcome::interrupted ? ", interrupted" : "");
}

void Reasons::add(const std::string& configuration, const char* what, const std::string& reason) {
  if (reason.empty()) return;
  const std::string line = fmt::format("{} n/a: {}", what, reason);
  auto found =
      std::ranges::find(lines_, line, &std::pair<std::string, std::vector<std::string>>::first);
  if (found == lines_.end()) found = lines_.insert(found, {line, {}});
  found->second.push_back(configuration);
}

std::string Reasons::text(size_t configurations) const {
  std::string out;
  for (const auto& [line, of] : lines_)
    out +=
        line + (of.size() < configurations ? fmt::format(" ({})", fmt::join(of, "; ")) : "") + "\n";
  return out.empty() ? out : out + "\n";
}

std::string MarkdownTable::text() const {
  std::vector<size_t> widths(rows_[0].size(), 3);
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t i = 0; i < widths.size(); ++i)
      out += fmt::format("| {:<{}} ", rows_[r][i], widths[i]);
    out += "|\n";
    if (r > 0) continue;
    for (const size_t width : widths) out += "|" + std::string(width + 2, '-');
    out += "|\n";
  }
  return out + "\n";
}

}  // namespace anemone::bench
