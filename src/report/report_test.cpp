#include "anemone/report.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

#include "report/number_text.h"
#include "support/golden.h"

namespace anemone::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string bench_document() { return test::read_source_file("fuzz/corpus/result_document/bench"); }

TEST(BenchReport, APageHasTheNumbersOfItsDocument) {
  const auto page = bench(bench_document(), "bench.json", Format::html);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  const auto document = nlohmann::json::parse(bench_document());
  const auto& first = document["configurations"][0];
  const double speed = first["decode_tokens_per_second"]["summary"]["median"];
  EXPECT_THAT(*page, HasSubstr(number_text(speed, compare::Unit::tokens_per_second)));
  EXPECT_THAT(*page,
              HasSubstr("bench.json: /configurations/0/decode_tokens_per_second/summary/median"));
  EXPECT_THAT(*page, HasSubstr("not available: Core ML runs on a Mac"));
  EXPECT_THAT(*page, HasSubstr("tokens/s predicted"));
  EXPECT_THAT(*page, HasSubstr("Stages of a request"));
  EXPECT_THAT(*page, HasSubstr("regressed"));
}

TEST(BenchReport, AnInterruptedConfigurationIsShownAndSaidToBeOne) {
  auto document = nlohmann::json::parse(bench_document());
  document["complete"] = false;
  document["configurations"][0]["status"] = "interrupted";
  const std::string id = document["configurations"][0]["id"];
  const auto page = bench(document.dump(), "bench.json", Format::markdown);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  EXPECT_THAT(*page, HasSubstr(id + ", interrupted"));
  EXPECT_THAT(*page, HasSubstr("The run was stopped."));
  EXPECT_THAT(*bench(bench_document(), "b", Format::markdown), Not(HasSubstr("stopped")));
}

TEST(BenchReport, QualityThatWasNotAskedForTakesNoColumn) {
  auto document = nlohmann::json::parse(bench_document());
  const auto whole = bench(document.dump(), "bench.json", Format::markdown);
  ASSERT_TRUE(whole.ok());
  EXPECT_THAT(*whole, HasSubstr("word error rate"));
  for (auto& one : document["configurations"]) one["quality"] = nullptr;
  const auto without = bench(document.dump(), "bench.json", Format::markdown);
  ASSERT_TRUE(without.ok()) << without.error().to_string();
  EXPECT_THAT(*without, Not(HasSubstr("word error rate")));
  EXPECT_THAT(*without, Not(HasSubstr("perplexity")));
  EXPECT_THAT(*without, HasSubstr("answers repeat"));
}

TEST(BenchReport, QualityThatWasAskedForKeepsItsColumnsAndSaysWhatDidNotFit) {
  auto document = nlohmann::json::parse(bench_document());
  document["settings"]["quality"] = {"typos"};
  auto& one = document["configurations"][0];
  for (auto& each : document["configurations"]) each["quality"] = nullptr;
  one["quality"] = {{"perplexity", nullptr},
                    {"tasks", nlohmann::json::object()},
                    {"typos", {{"exact", nullptr}, {"wer", nullptr}, {"f05", nullptr}, {"n", 0}}},
                    {"truncated_requests", {{"typo_correction", 40}}}};
  const auto page = bench(document.dump(), "b", Format::html);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  for (const char* column : {"typos, exact", "word error rate", "F0.5"})
    EXPECT_THAT(*page, HasSubstr(column));
  EXPECT_THAT(*page, Not(HasSubstr("perplexity")));
  EXPECT_THAT(*page, HasSubstr("typo_correction: 40 requests did not fit the context and lost"));
}

TEST(BenchReport, FunctionsByThemselvesAreShownWithTheirOps) {
  auto document = nlohmann::json::parse(bench_document());
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), Not(HasSubstr("Functions by")));
  const nlohmann::json times = {{"samples", {1.5e6}},
                                {"summary",
                                 {{"n", 1},
                                  {"mean", 1.5e6},
                                  {"median", 1.25e6},
                                  {"stddev", nullptr},
                                  {"min", 1e6},
                                  {"max", 2e6}}}};
  document["configurations"][0]["functions"] = {
      {{"package", "ffn.mlpackage"},
       {"function", "infer"},
       {"load_ns", times},
       {"predict_ns", times},
       {"operations", {{{"name", "y"}, {"type", "conv"}, {"unit", "ane"}, {"median_ns", 5e5}}}},
       {"reason", "no plan"}}};
  for (const Format format : {Format::html, Format::markdown}) {
    const auto page = bench(document.dump(), "b", format);
    ASSERT_TRUE(page.ok()) << page.error().to_string();
    for (const char* part : {"Functions by themselves", "ffn.mlpackage", "infer", "1.2500",
                             "y: conv on ane, 0.5000 ms", "ops n/a: no plan"})
      EXPECT_THAT(*page, HasSubstr(part));
  }
  document["configurations"][0]["functions"] = nlohmann::json::array();
  document["configurations"][0]["functions_reason"] = "zeros overflow";
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), HasSubstr("zeros overflow"));
}

TEST(BenchReport, ABaselineThatWasNotLookedAtSaysWhy) {
  auto document = nlohmann::json::parse(bench_document());
  document["baseline"] = nullptr;
  document["baseline_reason"] = "the run was stopped";
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), HasSubstr("n/a: the run was stopped"));
}

/// Titles of sections that nothing stands below.
std::vector<std::string> bare_headings(const std::string& markdown) {
  std::vector<std::string> bare;
  std::string heading;
  std::istringstream lines(markdown + "\n## end\n");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      if (!heading.empty()) bare.push_back(heading);
      heading = line;
    } else if (!line.empty()) {
      heading.clear();
    }
  }
  return bare;
}

TEST(BenchReport, NoHeadingStandsAlone) {
  auto document = nlohmann::json::parse(bench_document());
  EXPECT_THAT(bare_headings(*bench(document.dump(), "b", Format::markdown)), ElementsAre());
  document.erase("scaling");
  const auto markdown = bench(document.dump(), "b", Format::markdown);
  EXPECT_THAT(bare_headings(*markdown), ElementsAre());
  EXPECT_THAT(*markdown, Not(HasSubstr("Speed against context")));
  EXPECT_THAT(*bench(document.dump(), "b", Format::text), Not(HasSubstr("Speed against context")));
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), HasSubstr("Speed against context"));
}

TEST(BenchReport, ConfigurationsThatWereVisitedMoreOftenAreNotAllOfThem) {
  auto document = nlohmann::json::parse(bench_document());
  auto& configurations = document["configurations"];
  const auto measured = std::ranges::find(configurations, "measured", [](const auto& one) {
    return one["status"].template get<std::string>();
  });
  ASSERT_NE(measured, configurations.end());
  const auto visits = [](int count) {
    auto list = nlohmann::json::array();
    for (int i = 0; i < count; ++i) list.push_back({{"requests", 2}});
    return list;
  };
  for (auto& one : configurations) one["visits"] = visits(4);
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), HasSubstr("measured in 4 visits"));
  auto other = *measured;
  other["visits"] = visits(12);
  configurations.push_back(other);
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), HasSubstr("measured in 4 to 12 visits"));
}

TEST(BenchReport, IntervalsHaveTheConfidenceOfTheRun) {
  auto document = nlohmann::json::parse(bench_document());
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), HasSubstr("95 % interval"));
  document["settings"]["confidence"] = 0.5;
  const auto page = bench(document.dump(), "b", Format::html);
  EXPECT_THAT(*page, Not(HasSubstr("95 %")));
  EXPECT_THAT(*page, HasSubstr("with their 50 % intervals"));
  EXPECT_THAT(*page, HasSubstr("median with 50 % interval"));
}

TEST(BenchReport, WhatABaselineMissesAndWhatFailedBesideAMeasurementAreNamed) {
  auto document = nlohmann::json::parse(bench_document());
  document["baseline"]["missing"] = {"context=7"};
  document["baseline"]["lost"] = {"context=9"};
  document["configurations"][0]["quality_reason"] = "no data";
  document["configurations"][0]["outputs"]["reference_reason"] = "too short";
  const auto page = bench(document.dump(), "b", Format::markdown);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  for (const char* part : {"context=7: in the baseline, not measured here",
                           "context=9: was asked for; the gate fails", "no data", "too short"})
    EXPECT_THAT(*page, HasSubstr(part));
}

TEST(BenchReport, MediansBesideABaselineHaveTheirUnitsAndTheVerdictsTheirMeaning) {
  auto document = nlohmann::json::parse(bench_document());
  document["baseline"]["rule"] = "Slower: above 5 %.";
  auto& compared = document["baseline"]["compared"];
  compared[0]["baseline_visits_mean"] = 948.8371;
  compared[1]["metric"] = "first_token_ns.warm";
  compared[1]["baseline_visits_mean"] = 51e6;
  compared[1]["visits_mean"] = 3.328e6;
  for (const Format format : {Format::html, Format::markdown}) {
    const auto page = bench(document.dump(), "b", format);
    ASSERT_TRUE(page.ok()) << page.error().to_string();
    for (const char* part : {"949 tokens/s", "3.33 ms", "51.0 ms", "Slower: above 5 %."})
      EXPECT_THAT(*page, HasSubstr(part));
    EXPECT_THAT(*page, Not(HasSubstr("e+06")));
  }
}

TEST(BenchReport, SlowdownsBesideABaselineAreOfOneKindAndABoundMayBeMissing) {
  auto document = nlohmann::json::parse(bench_document());
  auto& one = document["baseline"]["compared"][0];
  one["slowdown"] = 0.938;
  one["slowdown_ci95"] = {0.711, 0.722};
  one["visits_slowdown"] = 1.1988;
  one["machine_slowdown"] = 0.963;
  one["adjusted_slowdown"] = 1.2449;
  one["adjusted_ci95"] = {0.5634, nullptr};
  document["baseline"]["remarks"] = {"With 2 threads they differ."};
  document["baseline"]["other_sizes"] = {
      {{"id", "context=3"}, {"baseline_weight_bytes", 800}, {"weight_bytes", 790}}};
  for (const Format format : {Format::html, Format::markdown}) {
    const auto page = bench(document.dump(), "b", format);
    ASSERT_TRUE(page.ok()) << page.error().to_string();
    for (const char* part :
         {"1.199", "0.963", "1.245 (0.563 to no bound)", "With 2 threads they differ.",
          "context=3: other packages, of 790 bytes of weights, not 800."})
      EXPECT_THAT(*page, HasSubstr(part));
    for (const char* other : {"0.938", "0.711"}) EXPECT_THAT(*page, Not(HasSubstr(other)));
  }
}

TEST(BenchReport, EveryCurveOfMemoryIsShownOrNamed) {
  auto document = nlohmann::json::parse(bench_document());
  const auto one = document["configurations"][0];
  document["configurations"] = nlohmann::json::array();
  for (int context = 1; context <= 10; ++context) {
    document["configurations"].push_back(one);
    auto& added = document["configurations"].back();
    added["id"] = "context=" + std::to_string(context);
    added["memory"]["series"] = {{{"at_ns", 0}, {"rss_bytes", 10e6}},
                                 {{"at_ns", 1e9}, {"rss_bytes", 30e6 + context * 1e6}},
                                 {{"at_ns", 2e9}, {"rss_bytes", 20e6}}};
  }
  const auto page = bench(document.dump(), "b", Format::html);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  EXPECT_THAT(*page, HasSubstr("context=8: 20 MB after 2 s, at most 38 MB"));
  EXPECT_THAT(*page, Not(HasSubstr("context=9: 20 MB after")));
  EXPECT_THAT(*page, HasSubstr("the curves of the first 8 configurations, as many as have colours "
                               "of their own; without one: context=9, context=10."));
  document["configurations"].erase(8);
  document["configurations"].erase(8);
  EXPECT_THAT(*bench(document.dump(), "b", Format::html), Not(HasSubstr("without one")));
}

TEST(BenchReport, LinesThatWouldGoBelowZeroAreNoNumbers) {
  auto document = nlohmann::json::parse(bench_document());
  document["configurations"][0]["drift"] = {{"change", -1.082}, {"significant", true}};
  document["scaling"][0]["intercept"] = -3.3e6;
  const auto page = bench(document.dump(), "b", Format::markdown);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  EXPECT_THAT(*page, HasSubstr("n/a (varies more than a line says)"));
  EXPECT_THAT(*page, HasSubstr("n/a (below 0)"));
  for (const char* number : {"108.2", "-3.30 ms"}) EXPECT_THAT(*page, Not(HasSubstr(number)));
}

/// A document whose configurations decoded with these contexts and blocks.
nlohmann::json decoded_with(const std::vector<std::pair<int, int>>& contexts_and_blocks) {
  auto document = nlohmann::json::parse(bench_document());
  const auto one = document["configurations"][0];
  document["configurations"] = nlohmann::json::array();
  for (const auto& [context, block] : contexts_and_blocks) {
    document["configurations"].push_back(one);
    auto& added = document["configurations"].back();
    added["id"] = "context=" + std::to_string(context) + " prefill=" + std::to_string(block) +
                  " chunks=1 units=cpu threads=1";
    added["context_tokens"] = context;
    added["prefill_block_tokens"] = block;
  }
  return document;
}

TEST(BenchReport, ABlockThatFollowsFromItsContextMakesNoLineOfItsOwn) {
  const auto of_context = decoded_with({{32, 32}, {64, 64}, {128, 64}});
  const auto page = bench(of_context.dump(), "b", Format::html);
  ASSERT_TRUE(page.ok()) << page.error().to_string();
  EXPECT_THAT(*page, HasSubstr("all configurations, context 32: "));
  EXPECT_THAT(*page, HasSubstr("all configurations, context 128: "));
  const auto swept = decoded_with({{32, 16}, {32, 32}, {64, 16}, {64, 32}});
  const auto lines = bench(swept.dump(), "b", Format::html);
  EXPECT_THAT(*lines, HasSubstr("prefill=16, context 32: "));
  EXPECT_THAT(*lines, HasSubstr("prefill=32, context 64: "));
}

TEST(BenchReport, AReasonNamesTheConfigurationsThatHaveItWhereNotAllDo) {
  auto document = decoded_with({{128, 64}, {256, 64}});
  for (auto& one : document["configurations"]) one["floor"] = {{"reason", "no cache is known"}};
  const auto whole = bench(document.dump(), "b", Format::markdown);
  ASSERT_TRUE(whole.ok()) << whole.error().to_string();
  EXPECT_THAT(*whole, HasSubstr("floor n/a: no cache is known\n"));
  document["configurations"][0]["floor"]["reason"] = "what a step reads fits";
  const auto parts = bench(document.dump(), "b", Format::markdown);
  EXPECT_THAT(*parts, HasSubstr("floor n/a: what a step reads fits (context=128)\n"));
  EXPECT_THAT(*parts, HasSubstr("floor n/a: no cache is known (context=256)\n"));
}

TEST(BenchReport, MemoryStandsInATableWithItsOrigin) {
  auto document = nlohmann::json::parse(bench_document());
  const double weights = document["configurations"][0]["memory"]["weights_bytes"];
  const auto has_peak = [&](const char* words) {
    return HasSubstr(std::string("| configuration | weights | state | ") + words + " |");
  };
  EXPECT_THAT(*bench(document.dump(), "bench.json", Format::markdown), has_peak("peak"));
  const auto set_own = [&](bool own) {
    for (auto& one : document["configurations"])
      if (one["status"] == "measured") one["memory"]["peak_is_own"] = own;
  };
  set_own(true);
  EXPECT_THAT(*bench(document.dump(), "b", Format::markdown),
              has_peak("peak of the configuration"));
  set_own(false);
  EXPECT_THAT(*bench(document.dump(), "b", Format::markdown), has_peak("peak of the process"));
  EXPECT_THAT(*bench(bench_document(), "bench.json", Format::html),
              HasSubstr("title=\"bench.json: /configurations/0/memory/weights_bytes\">" +
                        number_text(weights, compare::Unit::bytes)));
}

TEST(BenchReport, AllThatTheTablesOfARunSayStandsOnThePageToo) {
  auto document = nlohmann::json::parse(bench_document());
  auto& one = document["configurations"][0];
  one["load_ns"] = {{"cold", 7.25e7}, {"warm", {{"summary", {{"median", 3.5e7}}}}}};
  one["drift"] = {{"change", -0.123}, {"significant", true}};
  one["processor"] = {{"utilisation", 0.625}};
  one["step_ns"]["summary"]["p99"] = 9.75e6;
  one["outputs"]["reference"] = {{"match_rate", 0.8125}};
  one["floor"] = {{"reason", "no cache is known"}};
  document["targets"] = {{{"id", "the first"},
                          {"metric", "first_token_ns.warm"},
                          {"limit", 1e6},
                          {"median", 2.5e6},
                          {"met", false}}};
  document["phase2"] = {
      {"verdict", "not met"},
      {"target", 1.3},
      {"reason", "too slow"},
      {"speedup", {{{"context_tokens", 128}, {"ratio", 1.17}, {"ci95", {1.1, 1.2}}}}}};
  for (const Format format : {Format::html, Format::markdown}) {
    const auto page = bench(document.dump(), "b", format);
    ASSERT_TRUE(page.ok()) << page.error().to_string();
    for (const char* part :
         {"72.5 ms", "35.0 ms", "-12.3 %", "62.5 %", "9.75 ms", "81.2 %", "floor n/a: no cache",
          "energy n/a: no counters", "Targets", "the first", "1.00 ms", "2.50 ms",
          "not met: too slow", "1.17", "1.10 to 1.20"})
      EXPECT_THAT(*page, HasSubstr(part));
  }
}

TEST(BenchReport, DocumentsThatAreNoneAreRefused) {
  EXPECT_EQ(bench("{", "b", Format::html).error().code, ErrorCode::corrupt);
  EXPECT_EQ(bench("{\"anemone_bench\": 2}", "b", Format::html).error().code,
            ErrorCode::unsupported);
  const auto figures = bench("{\"anemone_figures\": 1, \"figures\": []}", "b", Format::html);
  EXPECT_THAT(figures.error().message, HasSubstr("no document of bench"));
  auto document = nlohmann::json::parse(bench_document());
  document["configurations"][0]["memory"]["peak_rss_bytes"] = "many";
  const auto text = bench(document.dump(), "b", Format::html);
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("/configurations/0/memory/peak_rss_bytes"));
}

TEST(BenchReport, EveryPartMayBeAbsent) {
  const auto whole = nlohmann::json::parse(bench_document());
  for (const auto& [key, value] : whole["configurations"][0].items()) {
    if (key == "id") continue;
    auto document = whole;
    document["configurations"][0][key] = nullptr;
    EXPECT_TRUE(bench(document.dump(), "b", Format::html).ok()) << key;
    document["configurations"][0].erase(key);
    EXPECT_TRUE(bench(document.dump(), "b", Format::markdown).ok()) << key;
  }
  const auto bare = bench(R"({"anemone_bench": 1, "configurations": []})", "b", Format::html);
  ASSERT_TRUE(bare.ok()) << bare.error().to_string();
  EXPECT_THAT(*bare, HasSubstr("n/a"));
}

}  // namespace
}  // namespace anemone::report
