#include "report/page.h"

#include <gmock/gmock.h>

#include <limits>

#include "anemone/report.h"
#include "base/sha256.h"
#include "report/canvas.h"
#include "report/number_text.h"

namespace anemone::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(Ticks, AreRoundAndCoverTheRange) {
  const Ticks small = linear_ticks(0.264, 0.281, 6);
  EXPECT_LE(small.low, 0.264);
  EXPECT_GE(small.high, 0.281);
  EXPECT_THAT(small.text, ElementsAre("0.260", "0.265", "0.270", "0.275", "0.280", "0.285"));
  EXPECT_THAT(linear_ticks(0, 900, 6).text, ElementsAre("0", "200", "400", "600", "800", "1000"));
  EXPECT_THAT(linear_ticks(-0.5, 2.4, 5).text, ElementsAre("-1", "0", "1", "2", "3"));
}

TEST(Ticks, NumbersWithoutAGridHaveTheirEnds) {
  const double most = std::numeric_limits<double>::max();
  for (const auto& [low, high] :
       {std::pair{1.0, 1.0}, {0.0, 0.0}, {-most, most}, {1e-300, 2e-300}, {1.0, 1.0 + 1e-15}}) {
    const Ticks ticks = linear_ticks(low, high, 6);
    EXPECT_LE(ticks.low, low);
    EXPECT_GE(ticks.high, high);
    EXPECT_LT(ticks.low, ticks.high);
    EXPECT_EQ(ticks.at.size(), ticks.text.size());
    EXPECT_LE(ticks.at.size(), 12U);
  }
}

TEST(Escape, TextOfResultsIsNoMarkupAndNoControl) {
  EXPECT_EQ(html_escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
  EXPECT_EQ(printable("a\x1b[31mb\nc"), "a\xEF\xBF\xBD[31mb c");
  EXPECT_EQ(printable("\xff\xe6\x97\xa5"), "\xEF\xBF\xBD\xE6\x97\xA5");
  // A mark that turns the reading direction.
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\xEF\xBF\xBD");
}

TEST(Numbers, HaveThreeDigitsAndTheirUnit) {
  using compare::Unit;
  EXPECT_EQ(number_text(12103296, Unit::bytes), "12.1 MB");
  EXPECT_EQ(number_text(0.00523, Unit::seconds), "5.23 ms");
  EXPECT_EQ(number_text(75.4, Unit::seconds), "75.4 s");
  EXPECT_EQ(number_text(2141.7, Unit::tokens_per_second), "2142 tokens/s");
  EXPECT_EQ(number_text(0.3504, Unit::share), "35.0 %");
  EXPECT_EQ(number_text(0.000156, Unit::share), "0.0156 %");
  EXPECT_EQ(number_text(0, Unit::share), "0.0 %");
  EXPECT_EQ(number_text(0.271875, Unit::none), "0.2719");
  EXPECT_EQ(signed_text(-0.00625), "−0.0063");
  EXPECT_EQ(signed_text(0), "0");
  EXPECT_EQ(p_text(0.00003), "< 0.0001");
}

TEST(Plot, ATextThatIsTooLongIsCut) {
  Plot plot;
  plot.kind = Plot::Kind::bars;
  plot.title = std::string(300, 'm');
  plot.bars = {{"日本語" + std::string(300, 'w'), {1.0, std::nullopt}, {}, {}}};
  plot.parts = {"a", "b"};
  const std::string svg = to_svg(plot, "p");
  EXPECT_THAT(svg, HasSubstr("…</text>"));
  EXPECT_THAT(svg, HasSubstr("n/a</text>"));
  EXPECT_THAT(svg, HasSubstr("role=\"img\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Plot, ATextIsCutBetweenItsCharacters) {
  std::string name;
  for (int i = 0; i < 12; ++i) name += "日本語の設定";
  const std::string cut = fitted(name, 10, 105);
  EXPECT_EQ(cut, "日本語の設定日本語…");
  EXPECT_EQ(fitted("日本語", 10, 30), "日本語");
  EXPECT_EQ(fitted("日本語", 10, 5), "…");
  // A name as long as a file may hold takes no time that shows.
  EXPECT_LT(fitted(std::string(8'000'000, 'w'), 10, 500).size(), 60U);
}

TEST(Plot, ALineOfOnePointAndNumbersFarApartAreDrawn) {
  Plot plot;
  plot.series = {{"one", {{1, 1e308, -1e308, 1e308, "", "tip"}}, false}};
  const std::string svg = to_svg(plot, "p");
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_EQ(count(svg, "<title>tip</title>"), 1U);
}

TEST(Plot, SharesThatAreAllZeroHaveNoAxisBelowIt) {
  Plot plot;
  plot.kind = Plot::Kind::scatter;
  plot.y_from_zero = false;
  plot.series = {{"one", {{10, 0, {}, {}, "a", "tip"}, {20, 0, 0.0, 0.01, "b", "tip"}}, false}};
  EXPECT_THAT(to_svg(plot, "p"), Not(HasSubstr(">-0")));
  plot.series[0].points.resize(1);
  EXPECT_THAT(to_svg(plot, "p"), Not(HasSubstr(">-")));
  plot.series[0].points[0].y = -3;
  EXPECT_THAT(to_svg(plot, "p"), HasSubstr(">-3"));
}

TEST(Plot, BarsThatAreAllZeroHaveNoAxisBelowIt) {
  Plot plot;
  plot.kind = Plot::Kind::bars;
  plot.bars = {{"a", {0.0}, {}, {}}, {"b", {0.0}, {}, {}}};
  EXPECT_THAT(to_svg(plot, "p"), Not(HasSubstr(">-")));
  plot.bars[0].values[0] = -0.5;
  EXPECT_THAT(to_svg(plot, "p"), HasSubstr(">-"));
}

TEST(Page, ItsTablesScrollBelowAFirstColumnThatStays) {
  const std::string html =
      to_html({"t", "", {{"s", {}, {}, {{"", {{"name"}, {"n", true}}, {{{"a"}, {"1"}}}}}, {}}}});
  EXPECT_THAT(html, HasSubstr("<div class=\"scroll\" tabindex=\"0\"><table>"));
  EXPECT_THAT(html, HasSubstr(".scroll{overflow-x:auto"));
  EXPECT_THAT(html, HasSubstr("th:first-child,td:first-child{position:sticky;left:0"));
  // On paper nothing scrolls, and nothing may lie beyond the edge.
  const std::string print = html.substr(html.find("@media print"));
  EXPECT_THAT(print, HasSubstr("size:landscape"));
  EXPECT_THAT(print, HasSubstr(".scroll{overflow:visible}"));
  EXPECT_THAT(print, HasSubstr("position:static"));
}

TEST(Page, ItsOnlyStyleIsAllowedByItsHash) {
  const std::string html = to_html({"t", "", {{"s", {"p"}, {}, {}, {}}}});
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_EQ(count(html, "<style>"), 1U);
  EXPECT_EQ(count(html, "<script"), 0U);
  EXPECT_EQ(count(html, "style="), 0U);
  const size_t begin = html.find("<style>") + 7;
  const std::string style = html.substr(begin, html.find("</style>") - begin);
  // The first digits of the digest, as base64 has them: 6 hexadecimal digits are 4 letters.
  const unsigned bits = static_cast<unsigned>(std::stoul(sha256(style).substr(0, 6), nullptr, 16));
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string first;
  for (const unsigned shift : {18U, 12U, 6U, 0U}) first += letters[bits >> shift & 63U];
  EXPECT_THAT(html, HasSubstr("style-src 'sha256-" + first));
}

}  // namespace
}  // namespace anemone::report
