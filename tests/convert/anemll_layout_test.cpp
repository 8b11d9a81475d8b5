// The layout anemll beside the directories that ANEMLL's own converter made of the same
// checkpoints.

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "anemone/package.h"
#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Directory {
  const char* name;
  const char* checkpoint;
  int64_t batch;
  int64_t chunks;
};

std::ostream& operator<<(std::ostream& stream, const Directory& directory) {
  return stream << directory.name;
}

std::string feature_text(const package::Feature& feature) {
  std::string text = feature.name + " " + std::string(to_string(feature.dtype)) + " " +
                     std::to_string(static_cast<int>(feature.kind));
  const auto add = [&](const std::vector<int64_t>& shape) {
    text += " [";
    for (const int64_t dim : shape) text += std::to_string(dim) + ",";
    text += "]";
  };
  add(feature.shape);
  for (const auto& shape : feature.enumerated_shapes) add(shape);
  return text;
}

/// One line for each input, output and state of each function.
std::vector<std::string> interface_of(const package::Package& package) {
  std::vector<std::string> lines{"default " + package.default_function};
  for (const auto& function : package.functions)
    for (const auto& [role, features] : {std::pair{" in ", &function.inputs},
                                         {" out ", &function.outputs},
                                         {" state ", &function.states}})
      for (const auto& feature : *features)
        lines.push_back(function.name + role + feature_text(feature));
  std::ranges::sort(lines);
  return lines;
}

class AnemllLayout : public ::testing::TestWithParam<Directory> {};

TEST_P(AnemllLayout, HasThePackagesAndInterfacesOfAnemllsOwn) {
  const fs::path fixtures = test::shared_folder() / "fixtures/anemll";
  ANEMONE_NEED_SHARED(fixtures);
  const Directory& directory = GetParam();
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(fixtures / "checkpoints" / directory.checkpoint, out,
                              {.layout = "anemll",
                               .context = 256,
                               .prefill = directory.batch,
                               .chunks = directory.chunks}));
  const fs::path known = fixtures / directory.name;
  int packages = 0;
  for (const auto& entry : fs::directory_iterator(known)) {
    if (entry.path().extension() != ".mlpackage") continue;
    const fs::path name = entry.path().filename();
    ASSERT_TRUE(fs::exists(out / name)) << name;
    const auto theirs = package::open(entry.path());
    const auto ours = package::open(out / name);
    ASSERT_TRUE(theirs.ok());
    ASSERT_TRUE(ours.ok()) << ours.error().to_string();
    EXPECT_EQ(interface_of(*ours), interface_of(*theirs)) << name;
    EXPECT_EQ(ours->specification_version, theirs->specification_version);
    for (const auto& [key, value] : theirs->metadata) {
      if (!key.starts_with("com.anemll.")) continue;
      ASSERT_TRUE(ours->metadata.contains(key)) << key;
      if (key != "com.anemll.info") EXPECT_EQ(ours->metadata.at(key), value) << key;
    }
    ++packages;
  }
  for (const auto& entry : fs::directory_iterator(out))
    packages -= entry.path().extension() == ".mlpackage" ? 1 : 0;
  EXPECT_EQ(packages, 0) << "one side has more packages";

  const auto theirs = package::open_anemll(known);
  const auto ours = package::open_anemll(out);
  ASSERT_TRUE(theirs.ok());
  ASSERT_TRUE(ours.ok()) << ours.error().to_string();
  EXPECT_EQ(ours->parameters, theirs->parameters);
  EXPECT_EQ(ours->architecture, theirs->architecture);
  EXPECT_EQ(ours->version, theirs->version);
  EXPECT_EQ(ours->name, theirs->name);
}

/// Tolerances: fixtures/anemll/README.md, "How near is near".
TEST_P(AnemllLayout, HasTheLogitsOfTransformers) {
  const fs::path fixtures = test::shared_folder() / "fixtures/anemll";
  ANEMONE_NEED_SHARED(fixtures);
  const Directory& directory = GetParam();
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(fixtures / "checkpoints" / directory.checkpoint, out,
                              {.layout = "anemll",
                               .context = 256,
                               .prefill = directory.batch,
                               .chunks = directory.chunks}));
  const test::Arrays expected = test::read_arrays(fixtures / directory.name / "expected.npz");
  const auto exact = test::opened(out, runtime::Numerics::fp32);
  ASSERT_NE(exact, nullptr);
  EXPECT_LE(test::largest_error(*exact, expected, "0", false), 0.02);
  EXPECT_LE(test::largest_error(*exact, expected, "1", false), 0.02);
  const auto rounded = test::opened(out, runtime::Numerics::fp16);
  ASSERT_NE(rounded, nullptr);
  EXPECT_LE(test::largest_error(*rounded, expected, "0", false), 0.06);
  EXPECT_LE(test::largest_error(*rounded, expected, "1", false), 0.06);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AnemllLayout,
                         ::testing::Values(Directory{"qwen3-micro-2chunk", "micro-qwen3", 16, 2},
                                           Directory{"llama-fp16-1chunk", "tiny-llama", 64, 1},
                                           Directory{"qwen3-fp16-1chunk", "tiny-qwen3", 32, 1},
                                           Directory{"qwen3-fp16-2chunk", "tiny-qwen3", 32, 2}),
                         [](const auto& directory) {
                           std::string name = directory.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(AnemllLayoutRefuses, WhatAnemllsToolsCannotRun) {
  const fs::path fixtures = test::shared_folder() / "fixtures/hf";
  ANEMONE_NEED_SHARED(fixtures);
  const test::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  const auto phi = convert(fixtures / "phi3", out, {.layout = "anemll", .context = 64});
  ASSERT_FALSE(phi.ok());
  EXPECT_EQ(phi.error().code, ErrorCode::unsupported);
  EXPECT_THAT(phi.error().hint, HasSubstr("anemone"));
  const auto gemma = convert(fixtures / "gemma3", out, {.layout = "anemll", .context = 64});
  ASSERT_FALSE(gemma.ok());
  EXPECT_EQ(gemma.error().code, ErrorCode::unsupported);
  EXPECT_THAT(gemma.error().hint, HasSubstr("--context 16"));
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace anemone
