#include "anemone/compare.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/json_document.h"
#include "eval/json_text.h"
#include "support/golden.h"
#include "support/scratch_folder.h"

namespace anemone::compare {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

fs::path golden_folder() { return test::source_folder() / "tests/golden/compare"; }

Result<Comparison> compare_golden(const Options& options = {}) {
  const std::vector<Input> inputs = {{"fp16", golden_folder() / "fp16/results.json"},
                                     {"lut4", golden_folder() / "lut4/results.json"}};
  return compare(inputs, options);
}

const ScoreRow* find(const Comparison& found, std::string_view task, std::string_view metric) {
  for (const ScoreRow& row : found.scores)
    if (row.task == task && row.metric == metric) return &row;
  return nullptr;
}

const Measure* find(const Comparison& found, std::string_view name) {
  for (const Measure& measure : found.measures)
    if (measure.name == name) return &measure;
  return nullptr;
}

/// The value that an origin names in its file, as a number.
double value_at(const Comparison& found, const Origin& origin) {
  const auto text = read_text(found.sources.at(origin.source).path);
  const auto document = eval::parse_json_text(text.value());
  const auto& value = document->at(eval::Value::json_pointer(origin.key));
  return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

TEST(Compare, S0_15_S2_41_DifferencesOfTwoEvaluationsAreScipys) {
  const auto found = compare_golden();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const json expected = test::golden_file("compare/expected");
  size_t tested = 0;
  for (const json& each : expected["rows"]) {
    const std::string name =
        each["task"].get<std::string>() + " " + each["metric"].get<std::string>();
    const ScoreRow* row =
        find(*found, each["task"].get<std::string>(), each["metric"].get<std::string>());
    ASSERT_NE(row, nullptr) << name;
    const Difference& difference = row->differences[1];
    ASSERT_TRUE(difference.value && difference.interval && difference.p) << name;
    EXPECT_NEAR(*difference.value, each["difference"].get<double>(),
                1e-9 * std::max(1.0, std::abs(*difference.value)))
        << name;
    // Percentiles of 10,000 draws here and 100,000 there; means of 0 and 1 lie on a grid.
    const double deviation = each["standard_error"].get<double>();
    const double step = each["is_mean"] ? 1.0 / each["documents"].get<double>() : 0;
    EXPECT_NEAR(difference.interval->low, each["low"].get<double>(), 0.14 * deviation + step)
        << name;
    EXPECT_NEAR(difference.interval->high, each["high"].get<double>(), 0.14 * deviation + step)
        << name;
    if (each["is_mean"]) {
      EXPECT_EQ(difference.method, Method::mcnemar) << name;
      EXPECT_NEAR(*difference.p, each["p"].get<double>(), 1e-11) << name;
      EXPECT_EQ(difference.only_reference_right, each["only_reference_right"]) << name;
      EXPECT_EQ(difference.only_subject_right, each["only_subject_right"]) << name;
    } else {
      EXPECT_EQ(difference.method, Method::bootstrap) << name;
    }
    ++tested;
  }
  EXPECT_EQ(tested, found->scores.size());
  EXPECT_GE(tested, 10U);
}

TEST(Compare, HolmsCorrectionIsOverAllTestsTogether) {
  const auto found = compare_golden();
  ASSERT_TRUE(found.ok());
  std::vector<std::pair<double, double>> both;
  for (const ScoreRow& row : found->scores)
    both.emplace_back(*row.differences[1].p, *row.differences[1].adjusted_p);
  std::ranges::sort(both);
  const auto count = static_cast<double>(both.size());
  EXPECT_DOUBLE_EQ(both[0].second, std::min(1.0, both[0].first * count));
  for (size_t i = 1; i < both.size(); ++i) EXPECT_GE(both[i].second, both[i - 1].second);
}

TEST(Compare, S0_5_CopiesOfAModelStandSideBySideWithSizeSpeedAndScores) {
  const auto found = compare_golden();
  ASSERT_TRUE(found.ok());
  ASSERT_THAT(found->subjects, SizeIs(2));
  EXPECT_EQ(found->subjects[1].label, "lut4");
  const Measure* weights = find(*found, "weight_bytes");
  ASSERT_NE(weights, nullptr);
  EXPECT_EQ(weights->figures[0].value, 12103296);
  EXPECT_NEAR(*weights->ratios[1].value, *weights->figures[1].value / 12103296, 1e-12);
  EXPECT_LT(*weights->ratios[1].value, 0.5);
  const Measure* speed = find(*found, "evaluation_tokens_per_second");
  ASSERT_NE(speed, nullptr);
  EXPECT_TRUE(speed->ratios[1].value.has_value());
  const ScoreRow* exact = find(*found, "typos", "exact_match");
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->figures[0].value, 0.271875);
  EXPECT_EQ(exact->figures[1].value, 0.265625);
}

TEST(Compare, EveryNumberStandsWhereItsOriginSays) {
  const auto found = compare_golden();
  ASSERT_TRUE(found.ok());
  size_t numbers = 0;
  const auto check = [&](const Figure& figure) {
    if (!figure.value) return;
    ASSERT_THAT(figure.origins, SizeIs(1));
    EXPECT_DOUBLE_EQ(value_at(*found, figure.origins[0]), *figure.value);
    ++numbers;
  };
  for (const Measure& measure : found->measures)
    for (const Figure& figure : measure.figures) check(figure);
  for (const ScoreRow& row : found->scores)
    for (const Figure& figure : row.figures) check(figure);
  EXPECT_GE(numbers, 28U);
}

TEST(Compare, S2_42_ScoresByLengthOfTextAreOverTheSameDocuments) {
  Options options;
  options.by_length = true;
  options.length_edges = {5, 8};
  const auto found = compare_golden(options);
  ASSERT_TRUE(found.ok());
  const auto table = std::ranges::find_if(found->lengths, [](const LengthTable& each) {
    return each.task == "typos" && each.metric == "exact_match";
  });
  ASSERT_NE(table, found->lengths.end());
  EXPECT_EQ(table->measured, "target");
  ASSERT_THAT(table->buckets, SizeIs(3));
  double right = 0;
  int64_t documents = 0;
  for (const LengthBucket& bucket : table->buckets) {
    right += *bucket.figures[0].value * static_cast<double>(bucket.documents);
    documents += bucket.documents;
    ASSERT_TRUE(bucket.differences[1].value.has_value());
    EXPECT_NEAR(*bucket.differences[1].value, *bucket.figures[1].value - *bucket.figures[0].value,
                1e-12);
    EXPECT_TRUE(bucket.differences[1].interval->contains(*bucket.differences[1].value));
  }
  EXPECT_EQ(documents, 320);
  EXPECT_NEAR(right / 320, 0.271875, 1e-12);
  EXPECT_EQ(table->buckets[1].from_words, 6);
  EXPECT_FALSE(table->buckets[2].to_words.has_value());
}

TEST(Compare, S0_6_S0_57_ResultsOfMlxAreComparedDownToTheSample) {
  const std::vector<Input> inputs = {
      {"", golden_folder() / "mlx/eval_anemone-tiny_0.4.13_arc_easy"},
      {"ours", golden_folder() / "plain/results.json"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(found->subjects[0].label, "anemone-tiny");
  EXPECT_EQ(found->sources[0].tool, "mlx_lm, lm_eval 0.4.13");
  const ScoreRow* row = find(*found, "arc_easy", "acc");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->figures[0].value, 0.278125);
  EXPECT_EQ(value_at(*found, row->figures[0].origins.at(0)), 0.278125);
  const Difference& difference = row->differences[1];
  ASSERT_TRUE(difference.pairing.has_value()) << difference.reason;
  EXPECT_EQ(difference.pairing->matched, 320);
  EXPECT_EQ(difference.method, Method::mcnemar);
  EXPECT_EQ(difference.value, 0);
  EXPECT_EQ(difference.only_reference_right, difference.only_subject_right);
  // The same weights in two programs: log-likelihoods are near, answers with them.
  EXPECT_GT(*difference.largest_distance, 0);
  EXPECT_LT(*difference.largest_distance, 0.5);
  EXPECT_GT(*difference.same_answer, 0.98);
}

/// Two tiny runs whose samples are written out.
class Runs : public ::testing::Test {
 protected:
  void write(const std::string& run, const std::string& results, const std::string& samples = {}) {
    folder_.write(run + "/results_1.json", results);
    if (!samples.empty()) folder_.write(run + "/samples_t_1.jsonl", samples);
  }
  static std::string results(double accuracy, const std::string& more = {}) {
    return R"({"results": {"t": {"alias": "t", "acc,none": )" + std::to_string(accuracy) +
           R"(, "acc_stderr,none": 0.25}}, "higher_is_better": {"t": {"acc": true}}, "model_name": "m")" +
           more + "}";
  }
  static std::string sample(int document, double accuracy, const std::string& hash) {
    return json{{"doc_id", document},
                {"filter", "none"},
                {"doc_hash", hash},
                {"metrics", {"acc"}},
                {"acc", accuracy},
                {"target", "x"},
                {"filtered_resps",
                 json::array({json::array({"-1.5", "False"}), json::array({"-2", "False"})})}}
               .dump() +
           "\n";
  }
  Result<Comparison> run() {
    const std::vector<Input> inputs = {{"a", folder_.path() / "a"}, {"b", folder_.path() / "b"}};
    return compare(inputs, {});
  }
  test::ScratchFolder folder_;
};

TEST_F(Runs, UnmatchedDocumentsAreCountedAndLeftOut) {
  write("a", results(0.5),
        sample(0, 1, "p") + sample(1, 0, "q") + sample(2, 1, "r") + sample(3, 0, "s"));
  write("b", results(0.5),
        sample(1, 1, "q") + sample(2, 1, "r") + sample(3, 0, "other") + sample(9, 0, "z"));
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const Difference& difference = found->scores[0].differences[1];
  ASSERT_TRUE(difference.pairing.has_value());
  EXPECT_EQ(difference.pairing->matched, 2);
  EXPECT_EQ(difference.pairing->only_reference, 1);
  EXPECT_EQ(difference.pairing->only_subject, 1);
  EXPECT_EQ(difference.pairing->different, 1);
  EXPECT_EQ(*difference.value, 0.5);
  EXPECT_EQ(difference.only_subject_right, 1);
  EXPECT_EQ(difference.flips, 1);
  EXPECT_EQ(difference.shown_flips.at(0).document, 1);
  EXPECT_EQ(difference.same_answer, 1.0);
  EXPECT_EQ(difference.largest_distance, 0.0);
}

TEST_F(Runs, OtherVersionsOrExamplesAreRefusedWithTheReason) {
  write("a", results(0.5, R"(, "versions": {"t": 1.0}, "n-shot": {"t": 0})"));
  write("b", results(0.75, R"(, "versions": {"t": 2.0}, "n-shot": {"t": 0})"));
  auto found = run();
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->scores[0].differences[1].value.has_value());
  EXPECT_THAT(found->scores[0].differences[1].reason, HasSubstr("versions 1.0 and 2.0"));
  write("b", results(0.75, R"(, "versions": {"t": 1}, "n-shot": {"t": 5})"));
  found = run();
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->scores[0].differences[1].value.has_value());
  EXPECT_THAT(found->scores[0].differences[1].reason, HasSubstr("0 and 5 examples"));
}

TEST_F(Runs, WithoutSamplesTheTestIsUnpairedAndSaysSo) {
  write("a", results(0.25));
  write("b", results(0.75));
  const auto found = run();
  ASSERT_TRUE(found.ok());
  const Difference& difference = found->scores[0].differences[1];
  EXPECT_EQ(difference.method, Method::unpaired);
  // z = 0.5 / sqrt(2 * 0.25^2) = 1.4142: p of the normal distribution.
  EXPECT_NEAR(*difference.p, 0.15729920705028513, 1e-12);
  EXPECT_NEAR(difference.interval->low, 0.5 - 1.959963984540054 * 0.3535533905932738, 1e-9);
  EXPECT_THAT(difference.reason, HasSubstr("not paired"));
}

TEST_F(Runs, SamplesThatDoNotMakeTheScoreAreNotTested) {
  write("a", results(0.5), sample(0, 1, "p") + sample(1, 0, "q"));
  write("b", results(0.5), sample(0, 1, "p") + sample(1, 1, "q"));
  const auto found = run();
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->scores[0].differences[1].method, Method::none);
  EXPECT_THAT(found->scores[0].differences[1].reason, HasSubstr("do not make its score"));
}

TEST_F(Runs, ADocumentTwiceIsAnErrorThatNamesIt) {
  write("a", results(0.5), sample(0, 1, "p") + sample(0, 0, "p"));
  write("b", results(0.5), sample(0, 1, "p") + sample(1, 0, "q"));
  const auto found = run();
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
  EXPECT_THAT(found.error().to_string(), HasSubstr("document 0"));
}

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
  folder_.write("a.json", R"({"anemone_figures": 1, "name": "published", "figures":
      [{"name": "evaluation_seconds", "value": 20, "unit": "s", "source": "time of mlx_lm.evaluate"}]})");
  write("b", results(0.5, R"(, "total_evaluation_time_seconds": "10.0")"));
  std::vector<Input> inputs = {{"", folder_.path() / "a.json"}, {"b", folder_.path() / "b"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(found->subjects[0].label, "published");
  EXPECT_EQ(find(*found, "evaluation_seconds")->ratios[1].value, 0.5);
  folder_.write("a.json", R"({"anemone_figures": 1, "figures": [{"name": "x", "value": 20}]})");
  const auto without = compare(inputs, {});
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().to_string(), HasSubstr("/figures/0/source"));
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
  // Times of other machines and models have no ratio.
  EXPECT_FALSE(find(*found, "forward_seconds.128")->ratios[1].value.has_value());
  const auto text = read_text(test::source_folder() / "docs/figures/distilbert.json");
  for (const json& figure : json::parse(*text)["figures"])
    EXPECT_THAT(figure["source"].get<std::string>(), HasSubstr("TypoFixerTraining"));
}

struct Hostile {
  const char* content;
  ErrorCode code;
  const char* message;
};

TEST_F(Runs, HostileDocumentsAreErrorsThatNameFileAndKey) {
  const std::vector<Hostile> cases = {
      {R"({"anemone_bench": 2, "configurations": []})", ErrorCode::unsupported, "version 2"},
      {R"({"anemone_bench": "1"})", ErrorCode::corrupt, "anemone_bench"},
      {R"({"anemone_bench": 1})", ErrorCode::corrupt, "configurations"},
      {R"({"anemone_bench": 1, "configurations": [3]})", ErrorCode::corrupt, "/configurations/0"},
      {R"({"anemone_bench": 1, "configurations": [], "model": {"weight_bytes": "12"}})",
       ErrorCode::corrupt, "/model/weight_bytes"},
      {R"({"anemone_bench": 1, "configurations": [], "model": {"weight_bytes": NaN}})",
       ErrorCode::corrupt, "not finite"},
      {R"({"anemone_bench": 1, "configurations": [{"id": "c", "status": "measured", "request_ns":
          {"samples": [1, "2"], "summary": {"median": 1}}}]})",
       ErrorCode::corrupt, "samples"},
      {R"({"anemone_figures": 7, "figures": []})", ErrorCode::unsupported, "version 7"},
      {R"({"points": 3, "tolerance": {}, "version": 1})", ErrorCode::corrupt, "points"},
      {R"({"findings": [], "artifacts": {}, "version": 1})", ErrorCode::corrupt, "artifacts"},
      {R"({"anemone_bench": 1, "configu)", ErrorCode::corrupt, "JSON"},
      {"", ErrorCode::corrupt, "JSON"},
      {"[]", ErrorCode::corrupt, "results"},
  };
  write("b", results(0.5));
  for (const Hostile& each : cases) {
    folder_.write("a.json", each.content);
    const std::vector<Input> inputs = {{"a", folder_.path() / "a.json"},
                                       {"b", folder_.path() / "b"}};
    const auto found = compare(inputs, {});
    ASSERT_FALSE(found.ok()) << each.content;
    EXPECT_EQ(found.error().code, each.code) << each.content << found.error().to_string();
    EXPECT_THAT(found.error().to_string(), HasSubstr(each.message)) << each.content;
    EXPECT_THAT(found.error().to_string(), HasSubstr("a.json")) << each.content;
  }
}

TEST_F(Runs, WhatHasNothingInCommonIsRefused) {
  write("a", R"({"results": {"t": {"acc,none": 0.5}}})");
  write("b", R"({"results": {"u": {"acc,none": 0.5}}})");
  const auto found = run();
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::mismatch);
  const std::vector<Input> one = {{"a", folder_.path() / "a"}};
  EXPECT_EQ(compare(one, {}).error().code, ErrorCode::invalid_argument);
  const std::vector<Input> same = {{"a", folder_.path() / "a"}, {"a", folder_.path() / "a"}};
  EXPECT_THAT(compare(same, {}).error().message, HasSubstr("all results are of 'a'"));
}

TEST(CompareInput, LabelsAreInFrontOfTheFirstSign) {
  EXPECT_EQ(parse_input("lut4=out/a=b.json").label, "lut4");
  EXPECT_EQ(parse_input("lut4=out/a=b.json").path, "out/a=b.json");
  EXPECT_EQ(parse_input("results/fp16").label, "");
  const test::ScratchFolder folder;
  folder.write("x=y.json", "{}");
  EXPECT_EQ(parse_input((folder.path() / "x=y.json").string()).label, "");
}

}  // namespace
}  // namespace anemone::compare
