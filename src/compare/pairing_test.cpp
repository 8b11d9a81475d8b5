#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace anemone::compare
