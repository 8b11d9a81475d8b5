#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "anemone/report.h"
#include "report/comparison_page.h"
#include "support/golden.h"
#include "support/scratch_folder.h"

namespace anemone::report {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

compare::Comparison golden(const std::vector<compare::Input>& more = {}) {
  const auto folder = test::source_folder() / "tests/golden/compare";
  std::vector<compare::Input> inputs = {{"fp16", folder / "fp16/results.json"}};
  inputs.insert(inputs.end(), more.begin(), more.end());
  inputs.push_back({"lut4", folder / "lut4/results.json"});
  compare::Options options;
  options.by_length = true;
  options.bootstrap.resamples = 200;
  auto found = compare::compare(inputs, options);
  EXPECT_TRUE(found.ok()) << found.error().to_string();
  return std::move(found).value();
}

/// Objects that state a number, with the places that they name.
void check_origins(const json& node, const json& sources, const std::string& place, size_t& seen) {
  if (node.is_array())
    for (size_t i = 0; i < node.size(); ++i)
      check_origins(node[i], sources, place + "/" + std::to_string(i), seen);
  if (!node.is_object()) return;
  for (const char* key : {"value", "difference", "interval", "p", "tested", "flips"}) {
    if (!node.contains(key) || node[key].is_null()) continue;
    if (key == std::string("flips") && node["tested"].is_null()) continue;
    ASSERT_TRUE(node.contains("origins")) << place << "/" << key;
    ASSERT_FALSE(node["origins"].empty()) << place << "/" << key;
    for (const json& origin : node["origins"]) {
      const json& source = sources.at(origin["source"].get<size_t>());
      EXPECT_EQ(source["kind"] == "samples", origin["key"] == "samples") << place;
      EXPECT_EQ(source["sha256"].get<std::string>().size(), 64U) << place;
    }
    ++seen;
  }
  for (const auto& [key, value] : node.items())
    check_origins(value, sources, place + "/" + key, seen);
}

TEST(ComparisonReport, EveryNumberOfTheJsonNamesItsPlaces) {
  const json document = json::parse(comparison_json(golden()));
  size_t seen = 0;
  for (const char* key : {"measures", "scores", "lengths"})
    check_origins(document[key], document["sources"], key, seen);
  EXPECT_GT(seen, 100U);
}

TEST(ComparisonReport, EveryNumberOfThePageNamesItsPlaces) {
  size_t seen = 0;
  for (const Section& section : comparison_page(golden()).sections)
    for (const Table& table : section.tables)
      for (const auto& row : table.rows)
        for (size_t i = 0; i < row.size(); ++i) {
          if (!table.columns[i].is_number || row[i].tone == Tone::missing) continue;
          EXPECT_THAT(row[i].origin, HasSubstr(": "))
              << section.title << ": " << table.columns[i].title << ": " << row[i].text;
          ++seen;
        }
  EXPECT_GT(seen, 200U);
}

TEST(ComparisonReport, DocumentsOfATestAreThoseWithTheMetric) {
  const Section scores = scores_section(golden());
  size_t rows = 0;
  for (const auto& row : scores.tables.at(0).rows) {
    if (!row[1].text.starts_with("over_correction_rate")) continue;
    EXPECT_EQ(row[7].text, "52");
    ++rows;
  }
  EXPECT_EQ(scores.tables[0].columns[7].title, "n");
  EXPECT_EQ(rows, 1U);
}

TEST(ComparisonReport, ScoresOfOtherDocumentsThanTheirDifferenceSayOfHowMany) {
  compare::Comparison found;
  found.subjects = {{"a", {}}, {"b", {}}};
  found.sources = {{"a.json", {}, {}, {}, {}, {}, {}, {}, false, {}}};
  compare::ScoreRow row{"t", "t", "acc", "none", true, false, {}, {}, {}};
  row.figures.resize(2);
  row.differences.resize(2);
  for (size_t i = 0; i < 2; ++i) {
    row.figures[i].value = 0.25;
    row.figures[i].origins = {{0, "/x"}};
  }
  row.differences[1].value = 0;
  row.differences[1].tested = 60;
  row.differences[1].scored_reference = 500;
  row.differences[1].scored_subject = 60;
  found.scores = {row};
  const Section scores = scores_section(found);
  EXPECT_EQ(scores.tables.at(0).rows.at(0)[7].text, "60 of 500 and 60");
  EXPECT_THAT(scores.paragraphs.back(), HasSubstr("of a is over a documents"));
  EXPECT_EQ(overview_section(found).tables.at(0).rows.at(0)[2].text,
            "0.2500 (0 over the 60 of both)");
  found.scores[0].differences[1].scored_reference = 60;
  EXPECT_EQ(scores_section(found).tables.at(0).rows.at(0)[7].text, "60");
  EXPECT_EQ(scores_section(found).paragraphs.size(), 1U);
  EXPECT_EQ(overview_section(found).tables.at(0).rows.at(0)[2].text, "0.2500 (0)");
}

TEST(ComparisonReport, DiagramsSpeakOfStandardErrorsWhereThereAreSome) {
  compare::Comparison found = golden();
  const auto errors_named = [&] {
    size_t count = scores_section(found).plots.at(0).title.ends_with("one standard error") ? 1 : 0;
    for (const Plot& plot : overview_section(found).plots)
      count += plot.y_title.ends_with("one standard error") ? 1U : 0U;
    return count;
  };
  EXPECT_EQ(errors_named(), 1 + overview_section(found).plots.size());
  for (compare::ScoreRow& row : found.scores)
    for (compare::Figure& figure : row.figures) figure.standard_error.reset();
  EXPECT_EQ(errors_named(), 0U);
  EXPECT_FALSE(overview_section(found).plots.empty());
}

TEST(ComparisonReport, TextsWithoutAnAnswerHaveNoColumnsOfAnswers) {
  size_t without = 0;
  for (const Table& table : samples_section(golden()).tables) {
    if (table.caption.find(" documents differ") == std::string::npos) continue;
    const bool is_text = table.caption.starts_with("prose ");
    EXPECT_EQ(table.columns.size(), is_text ? 3U : 5U) << table.caption;
    without += is_text ? 1U : 0U;
  }
  EXPECT_EQ(without, 1U);
}

TEST(ComparisonReport, WhatNoDocumentOfALengthHasIsNotAvailableInTheWordsOfItsDiagram) {
  compare::Comparison found;
  found.subjects = {{"a", {}}, {"b", {}}};
  compare::LengthTable table{"t", "acc", "none", "prompt", {}};
  for (int64_t from = 1; from < 3; ++from) {
    compare::LengthBucket bucket{from, from, 1, {{}, {}}, {{}, {}}};
    bucket.figures[0].value = 0.5;
    table.buckets.push_back(bucket);
  }
  found.lengths = {table};
  const Section section = lengths_section(found);
  ASSERT_EQ(section.plots.size(), 1U);
  EXPECT_THAT(section.plots[0].description, HasSubstr("1 to 1 words (1 documents) 0.5000 n/a; "));
}

TEST(ComparisonReport, PredictedNumbersAreDrawnAsSuch) {
  const test::ScratchFolder folder;
  folder.write("plan.json", R"({"anemone_figures": 1, "figures": [{"name": "weight_bytes",
      "value": 3000000, "unit": "bytes", "predicted": true, "source": "bits of the scheme"}]})");
  const auto scores = test::source_folder() / "tests/golden/compare/plain/results.json";
  const auto found = golden({{"plan", folder.path() / "plan.json"}, {"plan", scores}});
  const Section section = overview_section(found);
  ASSERT_FALSE(section.plots.empty());
  const Plot& plot = section.plots[0];
  ASSERT_EQ(plot.series.size(), 2U);
  EXPECT_FALSE(plot.series[0].is_predicted);
  EXPECT_TRUE(plot.series[1].is_predicted);
  ASSERT_EQ(plot.series[1].points.size(), 1U);
  EXPECT_EQ(plot.series[1].points[0].label, "plan predicted");
  EXPECT_THAT(plot.series[1].points[0].tip, HasSubstr("3.00 MB predicted"));
  EXPECT_THAT(plot.description, HasSubstr("3.00 MB predicted"));
  const std::string svg = to_svg(plot, "p");
  EXPECT_THAT(svg, HasSubstr("hollow s2"));
  EXPECT_THAT(svg, HasSubstr(">predicted</text>"));
  EXPECT_THAT(to_svg(overview_section(golden()).plots.at(0), "p"), Not(HasSubstr("predicted")));
}

}  // namespace
}  // namespace anemone::report
