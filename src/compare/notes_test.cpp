#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Notes : public Runs {
 protected:
  /// A document of bench with a configuration of each name; those of "" reason are measured.
  void write_bench(const std::string& name,
                   const std::vector<std::pair<std::string, std::string>>& configurations) {
    const json series = {{"samples", {100}}, {"summary", {{"median", 100}}}};
    json list = json::array();
    for (const auto& [id, reason] : configurations) {
      json one = {{"id", id}, {"status", reason.empty() ? "measured" : "interrupted"}};
      if (reason.empty())
        one["decode_tokens_per_second"] = series;
      else
        one["reason"] = reason;
      list.push_back(std::move(one));
    }
    folder_.write(name, json{{"anemone_bench", 1},
                             {"machine", {{"cpu", "c"}}},
                             {"model", {{"weight_bytes", 1000}}},
                             {"configurations", std::move(list)}}
                            .dump());
  }
  Result<Comparison> run_of(const std::string& a, const std::string& b) {
    const std::vector<Input> inputs = {{"a", folder_.path() / a}, {"b", folder_.path() / b}};
    return compare(inputs, {});
  }
};

TEST_F(Notes, ScoresOfOtherDocumentsThanTheirDifferenceSayOfWhich) {
  write_numbers("a", {1, 0, 1, 0, 1, 1});
  write_numbers("b", {1, 0, 1});
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  const Difference& difference = found->scores.at(0).differences.at(1);
  EXPECT_EQ(difference.value, 0);
  EXPECT_EQ(difference.tested, 3);
  EXPECT_EQ(difference.scored_reference, 6);
  EXPECT_EQ(difference.scored_subject, 3);
  EXPECT_TRUE(difference.is_partial());
  EXPECT_THAT(found->notes, Contains("t acc of b: the scores are over 6 and 3 documents, the "
                                     "difference over the 3 that both have"));
  // Of the same documents nothing is said.
  write_numbers("b", {1, 0, 1, 1, 1, 1});
  const auto same = run();
  ASSERT_TRUE(same.ok()) << same.error().to_string();
  EXPECT_FALSE(same->scores.at(0).differences.at(1).is_partial());
  EXPECT_THAT(same->notes, Each(Not(HasSubstr("documents, the difference"))));
}

TEST_F(Notes, ResultsOfAFolderThatWereNotReadAreNamed) {
  write("a", results(0.25));
  write("b", results(0.75));
  folder_.write("a/deeper/results_0.json", results(0.5));
  folder_.write("a/results.json", results(0.5));
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_THAT(found->notes,
              Contains("of the folder's results " + (folder_.path() / "a/results_1.json").string() +
                       " alone was read, not results_0.json, results.json"));
  EXPECT_THAT(
      found->sources.at(0).not_read,
      ElementsAre(folder_.path() / "a/results.json", folder_.path() / "a/deeper/results_0.json"));
  EXPECT_TRUE(found->sources.at(1).not_read.empty());
}

TEST_F(Notes, WhatHoldsForManyRowsIsSaidOnce) {
  json tasks = {{"t", {{"acc,none", 0.5}, {"acc_stderr,none", 0.1}}}};
  write("b", json{{"results", tasks}}.dump());
  for (const char* name : {"u", "v", "w", "x", "y", "z"})
    tasks[name] = {{"acc,none", 0.5}, {"acc_norm,none", 0.5}, {"f1,none", 0.5}};
  write("a", json{{"results", tasks}}.dump());
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(found->scores.size(), 19U);
  EXPECT_THAT(found->notes, Contains("u, v, w, x and 2 more: not in the results of b"));
  EXPECT_EQ(found->notes.size(), 2U);  // also that "t" is not paired
}

TEST_F(Notes, ConfigurationsThatWereNotMeasuredAreNamedWithTheReason) {
  write_bench("a.json", {{"context=32", ""}});
  write_bench("b.json", {{"context=32", ""}, {"context=64", "7 of 100 timed requests are done"}});
  const auto found = run_of("a.json", "b.json");
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_THAT(found->notes, Contains((folder_.path() / "b.json").string() +
                                     ": 1 of its 2 configurations was not measured: context=64: "
                                     "interrupted (7 of 100 timed requests are done)"));
  write_bench("b.json", {{"context=32", "0 of 100 timed requests are done"}});
  const auto cut = run_of("a.json", "b.json");
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, ErrorCode::mismatch);
  EXPECT_THAT(cut.error().message,
              HasSubstr("; a has context=32; " + (folder_.path() / "b.json").string() +
                        ": 1 of its 1 configurations was not measured: context=32: interrupted "
                        "(0 of 100"));
  EXPECT_THAT(cut.error().hint, HasSubstr("where both results measured it"));
}

TEST_F(Notes, FiguresWithoutACounterpartSayWhatWouldBeOne) {
  write_bench("b.json", {{"context=32", ""}});
  const auto refused = [&](const std::string& name) {
    folder_.write("figures.json",
                  json{{"anemone_figures", 1},
                       {"figures", json::array({{{"name", name}, {"value", 3}, {"source", "s"}}})}}
                      .dump());
    return run_of("figures.json", "b.json").error();
  };
  const Error speedup = refused("speedup_over_cpu.128");
  EXPECT_THAT(speedup.message, HasSubstr("; a has the figure speedup_over_cpu.128; b has context"));
  EXPECT_THAT(speedup.hint, HasSubstr("--preset phase2 on a Mac"));
  EXPECT_THAT(refused("other").hint, HasSubstr("joins the row of its name"));
}

}  // namespace
}  // namespace anemone::compare
