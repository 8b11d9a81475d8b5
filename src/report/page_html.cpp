#include <fmt/format.h>

#include "base/sha256.h"
#include "report/page.h"

namespace anemone::report {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--raised:#f6f8fa;--line:#d0d7de;
--good:#0a6e4f;--bad:#a8331a;--predicted:#6a3fa0}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9da7b3;--paper:#0d1117;--raised:#161b22;
--line:#30363d;--good:#4cc38a;--bad:#ff8f70;--predicted:#c4a7f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:76rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.75rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
p{margin:.5rem 0;max-width:56rem;overflow-wrap:anywhere}
.subtitle{color:var(--dim);margin:0}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:separate;border-spacing:0;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.25rem 0 .5rem}
th,td{padding:.35rem .4rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{background:var(--raised);font-weight:600}
th,td{overflow-wrap:anywhere;min-width:12rem}th.k,td.k{white-space:nowrap;min-width:0}
th.k{white-space:normal;overflow-wrap:normal}
th:first-child,td:first-child{position:sticky;left:0;background:var(--paper);border-right:1px solid var(--line)}
th:first-child{background:var(--raised)}
@media (max-width:40rem){main{padding:1rem .75rem 3rem}table{font-size:.8125rem}th:first-child,td:first-child{min-width:0;
max-width:10.5rem;white-space:normal;overflow-wrap:break-word}td:first-child:not(.k){min-width:10.5rem}}
th.n,td.n{text-align:right}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}.missing{color:var(--dim)}
.predicted{color:var(--predicted);font-style:italic}
ul{padding-left:1.25rem;max-width:56rem}li{overflow-wrap:anywhere}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,32rem),1fr));gap:1.25rem;margin:1rem 0}
figure{margin:0;padding:.75rem;border:1px solid var(--line);border-radius:.5rem;background:var(--paper);min-width:0}
@media print{@page{size:landscape;margin:1cm}main{max-width:none;padding:0}.scroll{overflow:visible}
.plots{grid-template-columns:1fr 1fr}figure,tr{break-inside:avoid}table{width:100%;font-size:.625rem}th,td,th.k,td.k{min-width:0;white-space:normal;padding:.2rem}
th:first-child,td:first-child{position:static;width:auto;max-width:none}}
)";

/// Hexadecimal digits as base64, as Content-Security-Policy wants digests.
std::string base64_of_hex(std::string_view digits) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto value = [](char c) {
    return static_cast<uint32_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
  };
  std::string out;
  for (size_t at = 0; at < digits.size(); at += 6) {
    const std::string_view part = digits.substr(at, 6);
    uint32_t bits = 0;
    for (size_t i = 0; i < 6; ++i) bits = bits << 4U | (i < part.size() ? value(part[i]) : 0U);
    for (size_t i = 0; i < 4; ++i)
      out += i <= part.size() / 2 ? kLetters[bits >> (18 - 6 * i) & 63U] : '=';
  }
  return out;
}

const char* tone_class(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "good";
    case Tone::bad:
      return "bad";
    case Tone::missing:
      return "missing";
    case Tone::predicted:
      return "predicted";
  }
  return "";
}

/// Classes of a cell. Short words keep their line; long ones may break anywhere, which takes room
/// in the width.
std::string cell_classes(const std::string& text, bool is_number) {
  constexpr size_t kShort = 34;
  const std::string names = is_number ? "n" : "";
  return text.size() <= kShort ? names + (is_number ? " k" : "k") : names;
}

std::string cell_html(const Cell& cell, const Column& column) {
  std::string names = cell_classes(cell.text, column.is_number);
  if (cell.tone != Tone::plain)
    names += (names.empty() ? "" : " ") + std::string(tone_class(cell.tone));
  std::string attributes = names.empty() ? "" : fmt::format(" class=\"{}\"", names);
  if (!cell.origin.empty()) attributes += fmt::format(" title=\"{}\"", html_escaped(cell.origin));
  return fmt::format("<td{}>{}{}</td>", attributes, html_escaped(cell.text),
                     cell.tone == Tone::predicted ? " predicted" : "");
}

std::string table_html(const Table& table) {
  std::string text = "<div class=\"scroll\" tabindex=\"0\"><table>";
  if (!table.caption.empty()) text += "<caption>" + html_escaped(table.caption) + "</caption>";
  text += "<thead><tr>";
  for (const Column& column : table.columns)
    text += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>",
                        cell_classes(column.title, column.is_number), html_escaped(column.title));
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    text += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) text += cell_html(row[i], table.columns[i]);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string section_html(const Section& section, int& plots) {
  std::string text = "<section>\n<h2>" + html_escaped(section.title) + "</h2>\n";
  for (const std::string& paragraph : section.paragraphs)
    text += "<p>" + html_escaped(paragraph) + "</p>\n";
  if (!section.plots.empty()) {
    text += "<div class=\"plots\">\n";
    for (const Plot& plot : section.plots)
      text += "<figure>" + to_svg(plot, fmt::format("plot{}", ++plots)) + "</figure>\n";
    text += "</div>\n";
  }
  for (const Table& table : section.tables) text += table_html(table);
  if (!section.points.empty()) {
    text += "<ul>\n";
    for (const std::string& point : section.points)
      text += "<li>" + html_escaped(point) + "</li>\n";
    text += "</ul>\n";
  }
  return text + "</section>\n";
}

}  // namespace

std::string to_html(const Page& page) {
  const std::string style = std::string(kStyle) + plot_style();
  // The one style is allowed by its hash, so that no text of a result can bring another.
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n",
      base64_of_hex(sha256(style)), html_escaped(page.title), style, html_escaped(page.title));
  if (!page.subtitle.empty())
    text += "<p class=\"subtitle\">" + html_escaped(page.subtitle) + "</p>\n";
  int plots = 0;
  for (const Section& section : page.sections) text += section_html(section, plots);
  return text + "</main>\n</body>\n</html>\n";
}

}  // namespace anemone::report
