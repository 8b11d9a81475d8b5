#include "base/json_document.h"
#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST_F(Runs, S0_60_TheTimeOfAnEvaluationIsSetAgainstMlxsAlsoWhereItIsTheFaster) {
  write("a", results(0.5, R"(, "total_evaluation_time_seconds": "10.0")"));
  write("b", results(0.5, R"(, "total_evaluation_time_seconds": "25.0")"));
  auto found = run();
  ASSERT_TRUE(found.ok());
  const Measure* seconds = find(*found, "evaluation_seconds");
  ASSERT_NE(seconds, nullptr);
  EXPECT_EQ(seconds->ratios[1].value, 2.5);
  EXPECT_EQ(seconds->higher_is_better, false);
  // Times of other work say nothing of the models.
  write("b", R"({"results": {"t": {"acc,none": 0.5}, "u": {"acc,none": 0.5}},
                 "total_evaluation_time_seconds": "25.0"})");
  found = run();
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(find(*found, "evaluation_seconds")->ratios[1].value.has_value());
  EXPECT_THAT(find(*found, "evaluation_seconds")->note, HasSubstr("other tasks or documents"));
}

TEST_F(Runs, FiguresByHandNeedASource) {
  folder_.write("a.json", R"({"anemone_figures": 1, "name": "published", "machine": "m", "figures":
      [{"name": "evaluation_seconds", "value": 20, "unit": "s", "source": "time of mlx_lm.evaluate"}]})");
  write("b", results(0.5, R"(, "total_evaluation_time_seconds": "10.0")"));
  std::vector<Input> inputs = {{"", folder_.path() / "a.json"}, {"b", folder_.path() / "b"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(found->subjects[0].label, "published");
  EXPECT_EQ(find(*found, "evaluation_seconds")->ratios[1].value, 0.5);
  // Its row has the words and the direction that the other file's has.
  EXPECT_EQ(find(*found, "evaluation_seconds")->title, "time of the evaluation");
  EXPECT_EQ(find(*found, "evaluation_seconds")->higher_is_better, false);
  folder_.write("a.json", R"({"anemone_figures": 1, "figures": [{"name": "x", "value": 20}]})");
  const auto without = compare(inputs, {});
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().to_string(), HasSubstr("/figures/0/source"));
}

TEST_F(Runs, TimesOfAnUnknownMachineHaveNoRatioOrSayWhatItRestsOn) {
  const std::string figures = R"({"anemone_figures": 1, MACHINE "figures":
      [{"name": "evaluation_seconds", "value": 20, "unit": "s", "source": "a page"}]})";
  const auto seconds = [&](const std::string& machine) {
    folder_.write("a.json", std::string(figures).replace(figures.find("MACHINE"), 7, machine));
    const std::vector<Input> inputs = {{"a", folder_.path() / "a.json"},
                                       {"b", folder_.path() / "b"}};
    const auto found = compare(inputs, {});
    EXPECT_TRUE(found.ok()) << found.error().to_string();
    return *find(*found, "evaluation_seconds");
  };
  const std::string time = R"(, "total_evaluation_time_seconds": "10.0")";
  write("b", results(0.5, time + R"(, "anemone": {"machine": {"cpu": "M4"}})"));
  const Measure without = seconds("");
  EXPECT_EQ(without.figures[0].value, 20);
  EXPECT_FALSE(without.ratios[1].value.has_value());
  EXPECT_THAT(without.note, HasSubstr("a.json names no machine"));
  EXPECT_EQ(seconds(R"("machine": "M4",)").ratios[1].value, 0.5);
  EXPECT_EQ(seconds(R"("machine": "M4",)").note, "");
  // lm-evaluation-harness names none: the ratio is there, and what it rests on.
  write("b", results(0.5, time));
  const Measure harness = seconds(R"("machine": "M4",)");
  EXPECT_EQ(harness.ratios[1].value, 0.5);
  EXPECT_THAT(harness.note, HasSubstr("results_1.json names no machine: the ratio holds if"));
}

/// A document of bench with one configuration.
json bench_document(const std::string& name, double weights, double speed, double exact) {
  const json series = {{"samples", {speed * 0.99, speed, speed * 1.01}},
                       {"summary", {{"median", speed}, {"ci95", {speed * 0.99, speed * 1.01}}}}};
  return {{"anemone_bench", 1},
          {"machine", {{"cpu", "one"}}},
          {"model", {{"name", name}, {"weight_bytes", weights}}},
          {"configurations",
           {{{"id", "context=512"},
             {"status", "measured"},
             {"decode_tokens_per_second", series},
             {"quality",
              {{"perplexity", {{"token", 31.5}}},
               {"typos", {{"exact", exact}, {"wer", 0.1}, {"f05", 0.4}}}}}}}},
          {"best", {{"id", "context=512"}}}};
}

const Measure* of_group(const Comparison& found, std::string_view name, std::string_view group) {
  for (const Measure& measure : found.measures)
    if (measure.name == name && measure.group == group) return &measure;
  return nullptr;
}

TEST_F(Runs, S2_32_S3_38_S3_39_SpeedSizeAndLossOfEachSchemeStandInOneTable) {
  folder_.write("a.json", bench_document("fp16", 8e6, 100, 0.30).dump());
  folder_.write("b.json", bench_document("int8", 4e6, 150, 0.29).dump());
  folder_.write("c.json", bench_document("lut4", 2e6, 90, 0.25).dump());
  const std::vector<Input> inputs = {{"", folder_.path() / "a.json"},
                                     {"", folder_.path() / "b.json"},
                                     {"", folder_.path() / "c.json"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(found->configuration, "context=512");
  const Measure* size = find(*found, "weight_bytes");
  ASSERT_NE(size, nullptr);
  EXPECT_EQ(size->ratios[1].value, 0.5);
  EXPECT_EQ(size->ratios[2].value, 0.25);
  const Measure* speed = of_group(*found, "decode_tokens_per_second", "context=512");
  ASSERT_NE(speed, nullptr);
  EXPECT_DOUBLE_EQ(*speed->ratios[1].value, 1.5);
  ASSERT_TRUE(speed->ratios[1].interval.has_value());
  EXPECT_TRUE(speed->ratios[1].interval->contains(1.5));
  EXPECT_FALSE(speed->ratios[1].interval->contains(2));
  // 4 bits are slower here, and are said to be.
  EXPECT_DOUBLE_EQ(*speed->ratios[2].value, 0.9);
  const Measure* exact = of_group(*found, "typos_exact", "context=512");
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->figures[2].value, 0.25);
  EXPECT_EQ(exact->figures[2].origins[0].key, "/configurations/0/quality/typos/exact");
}

TEST_F(Runs, TimesOfDifferentMachinesHaveNoRatioAndSayWhy) {
  json there = bench_document("b", 8e6, 150, 0.3);
  folder_.write("a.json", bench_document("a", 8e6, 100, 0.3).dump());
  folder_.write("b.json", there.dump());
  const std::vector<Input> inputs = {{"", folder_.path() / "a.json"},
                                     {"", folder_.path() / "b.json"}};
  const auto same = compare(inputs, {});
  ASSERT_TRUE(same.ok()) << same.error().to_string();
  EXPECT_DOUBLE_EQ(*find(*same, "decode_tokens_per_second")->ratios[1].value, 1.5);
  there["machine"]["cpu"] = "two";
  folder_.write("b.json", there.dump());
  const auto other = compare(inputs, {});
  ASSERT_TRUE(other.ok()) << other.error().to_string();
  const Measure* speed = find(*other, "decode_tokens_per_second");
  EXPECT_TRUE(speed->figures[1].value.has_value());
  EXPECT_FALSE(speed->ratios[1].value.has_value());
  EXPECT_THAT(speed->note, HasSubstr("different machines: one; two"));
  // Sizes are those of any machine.
  EXPECT_EQ(find(*other, "weight_bytes")->ratios[1].value, 1);
}

TEST_F(Runs, PeaksOfAProcessAreShownAndNotJudged) {
  json a = bench_document("a", 8e6, 100, 0.3);
  json b = bench_document("b", 8e6, 100, 0.3);
  const auto peaks = [&](bool own) {
    a["configurations"][0]["memory"] = {{"peak_rss_bytes", 1e8}, {"peak_is_own", own}};
    b["configurations"][0]["memory"] = {{"peak_rss_bytes", 2e8}, {"peak_is_own", own}};
    folder_.write("a.json", a.dump());
    folder_.write("b.json", b.dump());
    return compare(
        std::vector<Input>{{"", folder_.path() / "a.json"}, {"", folder_.path() / "b.json"}}, {});
  };
  const auto own = peaks(true);
  ASSERT_TRUE(own.ok()) << own.error().to_string();
  EXPECT_EQ(find(*own, "peak_rss_bytes")->ratios[1].value, 2);
  const auto process = peaks(false);
  ASSERT_TRUE(process.ok()) << process.error().to_string();
  EXPECT_EQ(find(*process, "peak_rss_bytes"), nullptr);
  const Measure* peak = find(*process, "process_peak_rss_bytes");
  ASSERT_NE(peak, nullptr);
  EXPECT_EQ(peak->figures[1].value, 2e8);
  EXPECT_FALSE(peak->ratios[1].value);
  EXPECT_FALSE(peak->higher_is_better);
  EXPECT_THAT(peak->note, HasSubstr("ran before"));
}

TEST_F(Runs, FiguresTooFarApartHaveNoRatio) {
  for (const auto& [name, value] : {std::pair("a", 1e-300), std::pair("b", 1e300)})
    folder_.write(std::string(name) + ".json",
                  json{{"anemone_figures", 1},
                       {"name", name},
                       {"figures", {{{"name", "x"}, {"value", value}, {"source", "made up"}}}}}
                      .dump());
  const std::vector<Input> inputs = {{"", folder_.path() / "a.json"},
                                     {"", folder_.path() / "b.json"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_FALSE(find(*found, "x")->ratios[1].value.has_value());
  EXPECT_THAT(find(*found, "x")->note, HasSubstr("too far apart"));
}

TEST_F(Runs, S2_7_S2_31_TheSpeedUpStandsBesideTheOneOfDistilBert) {
  json document = bench_document("corrector", 8e6, 100, 0.3);
  document["phase2"] = {{"speedup", {{{"context_tokens", 128}, {"ratio", 1.72}}}}};
  folder_.write("b.json", document.dump());
  const std::vector<Input> inputs = {{"", test::source_folder() / "docs/figures/distilbert.json"},
                                     {"", folder_.path() / "b.json"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const Measure* speedup = find(*found, "speedup_over_cpu.128");
  ASSERT_NE(speedup, nullptr);
  EXPECT_EQ(speedup->figures[0].value, 1.29);
  EXPECT_EQ(speedup->figures[1].value, 1.72);
  EXPECT_NEAR(*speedup->ratios[1].value, 1.72 / 1.29, 1e-12);
  EXPECT_EQ(found->subjects[0].label, "DistilBERT, published");
  const auto text = read_text(test::source_folder() / "docs/figures/distilbert.json");
  for (const json& figure : json::parse(*text)["figures"])
    EXPECT_THAT(figure["source"].get<std::string>(), HasSubstr("TypoFixerTraining"));
}

}  // namespace
}  // namespace anemone::compare
