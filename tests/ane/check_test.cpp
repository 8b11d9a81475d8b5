#include "anemone/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

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

TEST(Check, DamagedWeightsAreAnErrorOnceAPackage) {
  const fs::path fixture = fs::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  const test::ScratchFolder folder;
  fs::path package;
  for (const auto& entry : fs::directory_iterator(fixture))
    if (entry.path().extension() == ".mlpackage") package = entry.path();
  ASSERT_FALSE(package.empty());
  const fs::path copy = folder.path() / "damaged.mlpackage";
  fs::copy(package, copy, fs::copy_options::recursive);
  EXPECT_EQ(errors_of(*ane::check(copy)), std::vector<std::string>{});
  const auto blobs = package::list_blobs(*package::open(copy));
  ASSERT_TRUE(blobs.ok());
  const auto large = std::ranges::max_element(*blobs, {}, [](const package::BlobEntry& blob) {
    return blob.dtype == DType::fp16 ? blob.size_bytes : 0;
  });
  const fs::path weights = copy / "Data/com.apple.CoreML" / large->file;
  fs::permissions(weights, fs::perms::owner_write, fs::perm_options::add);
  {
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(large->offset_bytes + 64 + large->size_bytes - 64));
    file << std::string(64, '\xff');
  }
  const auto report = ane::check(copy);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(errors_of(*report), std::vector<std::string>{"weight_not_finite"});
  const auto found = std::ranges::find(report->findings, "weight_not_finite", &ane::Finding::rule);
  EXPECT_THAT(found->message, testing::HasSubstr("32 of its elements are NaN"));
  EXPECT_EQ(std::ranges::count(report->findings, "weight_not_finite", &ane::Finding::rule), 1)
      << "of all functions that share it";
}

TEST(Check, ALargeWeightIsLookedThroughToItsEnd) {
  constexpr const char* kProgram = R"(program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 2048]> x) {
            tensor<fp16, [4096, 2048]> w = const()[val = tensor<fp16, [4096, 2048]>(BLOBFILE(path = string("@zeros"), offset = uint64(64)))];
            tensor<fp16, [1, 4096]> y = linear(weight = w, x = x);
        } -> (y);
})";
  const auto check_with = [&](int64_t damaged) {
    const auto weights = [&](const mil::BlobReference&, DType dtype,
                             const Shape& shape) -> Result<Tensor> {
      Tensor tensor = Tensor::zeros(dtype, shape);
      if (damaged >= 0) tensor.set(damaged, std::nan(""));
      return tensor;
    };
    package::Package package;
    package.program = *mil::parse(kProgram, weights);
    package.functions = {*package::describe(package.program.functions[0])};
    package.default_function = "main";
    const test::ScratchFolder folder;
    EXPECT_TRUE(package::write(folder.path() / "a.mlpackage", package).ok());
    return errors_of(*ane::check(folder.path() / "a.mlpackage"));
  };
  constexpr int64_t kElements = int64_t{4096} * 2048;
  EXPECT_EQ(check_with(-1), std::vector<std::string>{});
  for (const int64_t damaged : {int64_t{0}, kElements / 2, kElements - 1})
    EXPECT_EQ(check_with(damaged), std::vector<std::string>{"weight_not_finite"}) << damaged;
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
