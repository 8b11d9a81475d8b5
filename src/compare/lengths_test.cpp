#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using ::testing::SizeIs;

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

class Lengths : public Runs {
 protected:
  /// Two documents of a generated answer; run b has other documents under `second_hash`.
  Result<Comparison> run_with(const std::string& second_hash, const std::string& more = {}) {
    const auto row = [](int document, double value, const std::string& hash) {
      return nlohmann::json{{"doc_id", document},       {"filter", "none"}, {"doc_hash", hash},
                            {"metrics", {"acc"}},       {"acc", value},     {"target", "one two"},
                            {"filtered_resps", {"one"}}}
                 .dump() +
             "\n";
    };
    write("a", results(0.5, R"(, "versions": {"t": 1})"), row(0, 1, "p") + row(1, 0, "q"));
    write("b", results(0.5, more), row(0, 0, "p") + row(1, 1, second_hash));
    Options options;
    options.by_length = true;
    return run(options);
  }
};

TEST_F(Lengths, DocumentsThatAreNotTheSameAreInNoBucket) {
  const auto same = run_with("q");
  ASSERT_TRUE(same.ok()) << same.error().to_string();
  ASSERT_THAT(same->lengths, SizeIs(1));
  EXPECT_EQ(same->lengths[0].buckets.at(0).documents, 2);
  // No hash of the prompt in either run: two empty hashes say nothing.
  const auto other = run_with("another");
  ASSERT_TRUE(other.ok()) << other.error().to_string();
  EXPECT_EQ(other->scores[0].differences[1].pairing->different, 1);
  for (const LengthTable& table : other->lengths)
    for (const LengthBucket& bucket : table.buckets) EXPECT_EQ(bucket.documents, 1);
}

TEST_F(Lengths, RunsThatAreRefusedHaveNoScoresByLength) {
  const auto found = run_with("q", R"(, "versions": {"t": 2})");
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_FALSE(found->scores[0].differences[1].reason.empty());
  EXPECT_TRUE(found->lengths.empty());
}

TEST(Compare, NumbersByLengthNameTheFilesOfTheirSamples) {
  Options options;
  options.by_length = true;
  const auto found = compare_golden(options);
  ASSERT_TRUE(found.ok());
  ASSERT_FALSE(found->lengths.empty());
  for (const LengthTable& table : found->lengths)
    for (const LengthBucket& bucket : table.buckets)
      for (const Figure& figure : bucket.figures) {
        ASSERT_THAT(figure.origins, SizeIs(1));
        EXPECT_EQ(figure.origins[0].key, "samples");
        EXPECT_EQ(found->sources.at(figure.origins[0].source).kind, Kind::samples);
      }
}

}  // namespace
}  // namespace anemone::compare
