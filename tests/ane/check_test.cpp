#include "anemone/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/shared.h"
#include "support/small_package.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> errors_of(const ane::CheckReport& report) {
  std::vector<std::string> rules;
  for (const ane::Finding& finding : report.findings)
    if (finding.severity == ane::Severity::error) rules.push_back(finding.rule);
  std::ranges::sort(rules);
  const auto rest = std::ranges::unique(rules);
  rules.erase(rest.begin(), rest.end());
  return rules;
}

TEST(Check, S4_28_WhatIsNoMlProgramIsRefused) {
  constexpr uint32_t kNeuralNetwork = 500;
  const test::ScratchFolder folder;
  folder.write("m.mlmodelc/coremldata.bin", test::compiled_description(kNeuralNetwork));
  folder.write("m.mlmodelc/model.espresso.net", "{}");
  const auto report = ane::check(folder.path() / "m.mlmodelc");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::unsupported) << report.error().to_string();
}

TEST(Check, S4_40_AFolderIsCheckedWholeAndGoesOnAfterABadArtifact) {
  const test::SmallPackage small;
  small.folder().write("bad.mlpackage/Manifest.json", "{}");
  const auto report = ane::check(small.folder().path());
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->artifacts.size(), 2U);
  EXPECT_EQ(report->artifacts[0].path.filename(), "bad.mlpackage");
  EXPECT_EQ(report->artifacts[1].ops.suited, 1U);
  EXPECT_EQ(errors_of(*report), std::vector<std::string>{"ill_formed"});
  EXPECT_EQ(report->findings[0].artifact, report->artifacts[0].path);
}

TEST(Check, AFolderIsSearchedInsideAndEachArtifactOnce) {
  const test::SmallPackage small;
  const test::ScratchFolder folder;
  folder.write("deep/deeper/notes.txt", "no artifact");
  fs::create_directory_symlink(small.path(), folder.path() / "outside.mlpackage");
  fs::create_directory_symlink(small.folder().path(), folder.path() / "outside");
  const auto linked = ane::check(folder.path());
  ASSERT_TRUE(linked.ok()) << linked.error().to_string();
  ASSERT_EQ(linked->artifacts.size(), 1U);
  EXPECT_EQ(linked->artifacts[0].path, folder.path() / "outside.mlpackage");
  EXPECT_EQ(linked->links_not_followed, std::vector<fs::path>{folder.path() / "outside"});

  fs::remove(folder.path() / "outside.mlpackage");
  EXPECT_EQ(ane::check(folder.path()).error().code, ErrorCode::not_found);
  fs::copy(small.path(), folder.path() / "deep/model.mlpackage", fs::copy_options::recursive);
  fs::create_directory_symlink(folder.path() / "deep/model.mlpackage",
                               folder.path() / "again.mlpackage");
  const auto report = ane::check(folder.path());
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  ASSERT_EQ(report->artifacts.size(), 1U);
  EXPECT_EQ(report->artifacts[0].path, folder.path() / "deep/model.mlpackage");
  EXPECT_EQ(report->folders, 3U) << "itself, deep, deeper";
}

TEST(Check, StopsWhereItIsAskedTo) {
  const test::SmallPackage small;
  for (const fs::path& path : {small.path(), small.folder().path()}) {
    for (const int most : {0, 1, 5}) {
      int calls = 0;
      ane::CheckOptions options;
      options.progress = [&](const Progress&) { return calls++ < most; };
      const auto report = ane::check(path, options);
      ASSERT_FALSE(report.ok()) << path;
      EXPECT_EQ(report.error().code, ErrorCode::interrupted);
      EXPECT_EQ(report.error().message, "interrupted");
      EXPECT_EQ(calls, most + 1);
    }
  }
}

TEST(Check, OneChipIsJudgedAlone) {
  const test::SmallPackage small;
  const auto report = ane::check(small.path(), {.chip = "m4"});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->chips, std::vector<std::string_view>{"m4"});
  EXPECT_EQ(ane::check(small.path(), {.chip = "m99"}).error().code, ErrorCode::invalid_argument);
}

TEST(Check, S4_2_SoundAnemllDirectoriesHaveNoError) {
  ANEMONE_NEED_SHARED("fixtures/anemll");
  for (const char* name :
       {"gemma3-fp16-1chunk", "llama-fp16-1chunk", "qwen3-fp16-1chunk", "qwen3-fp16-2chunk",
        "qwen3-lut4-2chunk", "qwen3-micro-2chunk", "qwen3-mono-argmax"}) {
    const auto report = ane::check(test::shared_folder() / "fixtures/anemll" / name);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(errors_of(*report), std::vector<std::string>{}) << name;
    EXPECT_GT(report->artifacts[0].ops.suited, 300U) << name;
    EXPECT_EQ(report->artifacts[0].ops.unmeasured, 0U) << name;
  }
}

TEST(Check, S4_22_TheLayoutOfStatesIsJudged) {
  const auto states_of = [](const char* shapes) {
    auto program =
        mil::parse(std::string("program(1.3)\n{\n    func main<ios18>(") + shapes +
                   "tensor<fp16, [64]> x) {\n            tensor<fp16, [64]> y = relu(x = "
                   "x);\n        } -> (y);\n}\n");
    package::Package package;
    if (program.ok()) package.program = std::move(program).value();
    std::vector<std::string> rules;
    const auto findings = ane::check(package, {.chip = "m1"});
    if (!findings.ok()) return std::vector{findings.error().to_string()};
    for (const ane::Finding& finding : *findings) rules.push_back(finding.rule);
    return rules;
  };
  EXPECT_THAT(states_of("state<tensor<fp16, [6, 2, 256, 64]>> kv, "), testing::IsEmpty());
  EXPECT_THAT(states_of("state<tensor<fp16, [6, 2, 256, 48]>> kv, "),
              testing::ElementsAre("state_width"));
  EXPECT_THAT(states_of("state<tensor<fp16, [2, 2, 64, 64]>> a, state<tensor<fp16, [2, 2, 256, "
                        "64]>> b, "),
              testing::ElementsAre("state_shapes_differ"));
}

struct Expected {
  const char* package;
  std::vector<std::string> errors;
};

class CoremlPackages : public testing::TestWithParam<Expected> {};

TEST_P(CoremlPackages, FailWithTheRightRules) {
  const fs::path path = fs::path("fixtures/coreml") / GetParam().package / "model.mlpackage";
  ANEMONE_NEED_SHARED(path);
  const auto report = ane::check(test::shared_folder() / path);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(errors_of(*report), GetParam().errors);
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, CoremlPackages,
    testing::Values(Expected{"granite_range", {"range_shape", "unsupported_op"}},
                    Expected{"granite_enum", {"unsupported_op"}},
                    Expected{"granite_fp32", {"fp32_compute"}}, Expected{"llama_fp16", {}},
                    Expected{"llama_stateful", {"range_shape"}},
                    Expected{"llama_int4_b32", {"blockwise_scales"}},
                    Expected{"qwen3_stateful_int4", {"blockwise_scales", "range_shape"}},
                    Expected{"granite_multi_stateful", {}}, Expected{"llama_pal4_g16", {}},
                    Expected{"llama_pal4_cs", {}}, Expected{"granite_sparse_pal4", {}},
                    Expected{"lstm", {"fp32_compute", "unsupported_op"}}),
    [](const auto& fixture) { return std::string(fixture.param.package); });

}  // namespace
}  // namespace anemone
