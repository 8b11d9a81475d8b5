#include <cmath>

#include "base/json_document.h"
#include "eval/json_text.h"
#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using nlohmann::json;
using ::testing::SizeIs;

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
    EXPECT_EQ(difference.tested, each["documents"].get<int64_t>()) << name;
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

TEST(Compare, ADocumentThatDiffersHasTheScoreOfItself) {
  const auto found = compare_golden();
  ASSERT_TRUE(found.ok());
  const ScoreRow* row = find(*found, "prose", "word_perplexity");
  ASSERT_NE(row, nullptr);
  const auto& flips = row->differences[1].shown_flips;
  ASSERT_THAT(flips, SizeIs(4));
  // Perplexities, as the score: one above, one below the 500 of all together.
  const auto [least, most] = std::ranges::minmax(flips, {}, &Flip::reference);
  EXPECT_GT(least.reference, 1);
  EXPECT_LT(least.reference, *row->figures[0].value);
  EXPECT_GT(most.reference, *row->figures[0].value);
}

TEST(Compare, TheLevelOfTestsIsWithoutDigitsOfRounding) {
  const auto found = compare_golden();
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->alpha, 0.05);
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

}  // namespace
}  // namespace anemone::compare
