#include <algorithm>
#include <cmath>

#include "base/sha256.h"
#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Verdicts : public Runs {
 protected:
  /// Thirty documents, of which the first `right` are right.
  static std::vector<double> first_right(size_t right) {
    std::vector<double> numbers(30, 0);
    std::fill_n(numbers.begin(), right, 1);
    return numbers;
  }
  /// The one difference of two runs of these numbers.
  Difference difference_of(const std::vector<double>& a, const std::vector<double>& b,
                           const std::string& better = "true", const Options& options = {}) {
    write_numbers("a", a, better);
    write_numbers("b", b, better);
    const auto found = run(options);
    EXPECT_TRUE(found.ok()) << found.error().to_string();
    return found.ok() ? found->scores.at(0).differences.at(1) : Difference();
  }
};

TEST_F(Verdicts, MoreRightAnswersAreBetterAndFewerAreWorse) {
  const Difference more = difference_of(first_right(10), first_right(20));
  EXPECT_EQ(more.verdict, Verdict::better);
  EXPECT_EQ(more.method, Method::mcnemar);
  EXPECT_EQ(more.only_subject_right, 10);
  EXPECT_NEAR(*more.p, 2.0 / 1024, 1e-15);
  EXPECT_EQ(difference_of(first_right(20), first_right(10)).verdict, Verdict::worse);
}

TEST_F(Verdicts, WhereLessIsBetterTheyTurnRound) {
  EXPECT_EQ(difference_of(first_right(10), first_right(20), "false").verdict, Verdict::worse);
  EXPECT_EQ(difference_of(first_right(20), first_right(10), "false").verdict, Verdict::better);
}

TEST_F(Verdicts, TheLevelOfConfidenceDecides) {
  // Six documents one way: p = 2 / 2^6 = 0.03125.
  EXPECT_EQ(difference_of(first_right(10), first_right(16)).verdict, Verdict::better);
  EXPECT_EQ(difference_of(first_right(10), first_right(15)).verdict, Verdict::same);
  Options options;
  options.bootstrap.confidence = 0.99;
  EXPECT_EQ(difference_of(first_right(10), first_right(16), "true", options).verdict,
            Verdict::same);
}

TEST_F(Verdicts, MeansOfOtherNumbersAreTestedAsScipyDoes) {
  size_t tested = 0;
  const json golden = test::golden_file("statistics/paired");
  for (const json& each : golden["paired_t"]) {
    const auto a = each["first"].get<std::vector<double>>();
    if (a.size() < 10) continue;
    Options options;
    options.bootstrap.confidence = each["confidence"];
    const Difference found =
        difference_of(a, each["second"].get<std::vector<double>>(), "true", options);
    EXPECT_EQ(found.method, Method::paired_t);
    const auto p = each["p"].get<double>();
    EXPECT_NEAR(*found.p, std::max(p, std::ldexp(2.0, -static_cast<int>(a.size()))), 1e-8 * p);
    EXPECT_NEAR(found.interval->low, each["low"].get<double>(), 1e-9);
    EXPECT_NEAR(found.interval->high, each["high"].get<double>(), 1e-9);
    ++tested;
  }
  EXPECT_GE(tested, 2U);
}

TEST_F(Verdicts, FewDocumentsThatGoOneWayProveNothing) {
  // The least two-sided p that signs of n documents have is 2 / 2^n.
  for (const size_t n : {2U, 3U, 4U}) {
    const std::vector<double> half(n, 0.25);
    const std::vector<double> more(n, 0.75);
    const Difference found = difference_of(half, more);
    ASSERT_TRUE(found.p.has_value());
    EXPECT_EQ(found.method, Method::paired_t);
    EXPECT_GE(*found.p, std::ldexp(2.0, -static_cast<int>(n)));
    EXPECT_EQ(found.verdict, Verdict::same);
  }
}

TEST_F(Verdicts, FewTextsThatGoOneWayProveNothing) {
  const auto write_texts = [&](const std::string& run, double each) {
    std::string samples;
    for (int i = 0; i < 4; ++i)
      samples += json{{"doc_id", i},
                      {"filter", "none"},
                      {"doc_hash", "h" + std::to_string(i)},
                      {"metrics", {"word_perplexity"}},
                      {"word_perplexity", {each * (i + 1), 10 * (i + 1)}},
                      {"filtered_resps", {"-1"}}}
                     .dump() +
                 "\n";
    write(run,
          json{{"results", {{"t", {{"word_perplexity,none", std::exp(-each / 10)}}}}},
               {"higher_is_better", {{"t", {{"word_perplexity", false}}}}}}
              .dump(),
          samples);
  };
  write_texts("a", -20);
  write_texts("b", -30);
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const Difference& difference = found->scores.at(0).differences.at(1);
  EXPECT_EQ(difference.method, Method::bootstrap);
  ASSERT_TRUE(difference.interval.has_value());
  EXPECT_GT(difference.interval->low, 0);
  EXPECT_GE(*difference.p, 0.125);
  EXPECT_EQ(difference.verdict, Verdict::same);
  EXPECT_THAT(difference.reason, HasSubstr("4 documents are few"));
}

TEST_F(Verdicts, ADifferenceOfUnknownDirectionIsSaidToBeOne) {
  for (const auto& [run, right] : {std::pair{"a", 10.0}, {"b", 20.0}})
    folder_.write(std::string(run) + "/eval_m_0.4.13_t",
                  json{{"t", {{"acc,none", right / 30}, {"acc_stderr,none", 0.01}}}}.dump());
  const std::vector<Input> inputs = {{"a", folder_.path() / "a/eval_m_0.4.13_t"},
                                     {"b", folder_.path() / "b/eval_m_0.4.13_t"}};
  const auto found = compare(inputs, {});
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const Difference& difference = found->scores.at(0).differences.at(1);
  ASSERT_TRUE(difference.p.has_value());
  EXPECT_LT(*difference.p, 1e-6);
  EXPECT_EQ(difference.verdict, Verdict::differs);
  EXPECT_STREQ(to_string(difference.verdict), "differs, direction unknown");
}

TEST_F(Verdicts, NumbersTooLargeToTestGiveNoVerdict) {
  const Difference paired = difference_of({1.5e308, 0}, {0, -1.5e308});
  EXPECT_FALSE(paired.p.has_value());
  EXPECT_EQ(paired.verdict, Verdict::unknown);
  EXPECT_FALSE(paired.reason.empty());
  write("a", results(-1.5e308));
  write("b", results(1.5e308));
  for (const char* run : {"a", "b"})
    std::filesystem::remove(folder_.path() / run / "samples_t_1.jsonl");
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const Difference& unpaired = found->scores.at(0).differences.at(1);
  EXPECT_FALSE(unpaired.value.has_value());
  EXPECT_FALSE(unpaired.p.has_value());
  EXPECT_THAT(unpaired.reason, HasSubstr("too large"));
}

TEST_F(Verdicts, ADifferenceNamesTheFilesThatItWasComputedFrom) {
  write_numbers("a", first_right(10));
  write_numbers("b", first_right(20));
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const auto& origins = found->scores.at(0).differences.at(1).origins;
  ASSERT_EQ(origins.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    const Source& source = found->sources.at(origins[i].source);
    EXPECT_EQ(origins[i].key, "samples");
    EXPECT_EQ(source.kind, Kind::samples);
    EXPECT_EQ(source.path, folder_.path() / (i == 0 ? "a" : "b") / "samples_t_1.jsonl");
    std::ifstream file(source.path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(source.sha256, sha256(text));
    EXPECT_EQ(found->subjects[i].sources.back(), origins[i].source);
  }
}

}  // namespace
}  // namespace anemone::compare
