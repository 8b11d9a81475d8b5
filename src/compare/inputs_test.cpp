#include <cmath>

#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using ::testing::HasSubstr;

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

TEST_F(Runs, AConfidenceThatRoundsToOneIsRefused) {
  write("a", results(0.25));
  write("b", results(0.75));
  Options options;
  for (const double confidence : {0.9999999999999999, 1.0, 0.0, -0.5, std::nan("")}) {
    options.bootstrap.confidence = confidence;
    const auto found = run(options);
    ASSERT_FALSE(found.ok()) << confidence;
    EXPECT_EQ(found.error().code, ErrorCode::invalid_argument) << confidence;
    EXPECT_THAT(found.error().to_string(), HasSubstr("confidence")) << confidence;
  }
  options.bootstrap.confidence = 1 - 1e-8;
  EXPECT_TRUE(run(options).ok());
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
