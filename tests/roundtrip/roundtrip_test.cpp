#include <gtest/gtest.h>

#include <algorithm>

#include "anemone/package.h"
#include "roundtrip/models_below.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

/// Contents do not matter to the text: a blob prints as a reference.
Result<Tensor> zeros(const mil::BlobReference&, DType dtype, const Shape& shape) {
  return Tensor::zeros(dtype, shape);
}

class RoundTrip : public testing::TestWithParam<std::string> {};

TEST_P(RoundTrip, PackagesVerifyAndTheirTextIsStable) {
  ANEMONE_NEED_SHARED(fs::path("fixtures") / GetParam());
  size_t models = 0;
  for (const fs::path& path : test::models_below(GetParam())) {
    SCOPED_TRACE(path);
    const auto package = package::open(path);
    ASSERT_TRUE(package.ok()) << package.error().to_string();
    for (const mil::Diagnostic& fault : package::verify(*package))
      ADD_FAILURE() << fault.to_string();
    const std::string text = mil::print(package->program);
    const auto again = mil::parse(text, zeros);
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_EQ(mil::print(*again), text);
    ++models;
  }
  EXPECT_GT(models, 0u);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, RoundTrip, testing::Values("anemll", "coreml", "realworld"),
                         [](const auto& folder) { return folder.param; });

/// What Apple's compiler keeps of a program: all but the order of inputs and the attributes of the
/// whole program.
std::string comparable_text(mil::Program program) {
  program.attributes.clear();
  for (mil::Function& function : program.functions)
    std::ranges::sort(function.inputs, {}, &mil::NamedType::name);
  return mil::print(program);
}

TEST(RoundTripPairs, PackageAndCompiledModelHoldTheSameProgram) {
  ANEMONE_NEED_SHARED("fixtures/realworld");
  int pairs = 0;
  for (const fs::path& path : test::models_below("realworld")) {
    if (path.extension() != ".mlpackage") continue;
    SCOPED_TRACE(path);
    const auto package = package::open(path);
    const auto compiled = package::open(fs::path(path).replace_extension(".mlmodelc"));
    ASSERT_TRUE(package.ok() && compiled.ok());
    EXPECT_EQ(comparable_text(package->program), comparable_text(compiled->program));
    ++pairs;
  }
  EXPECT_EQ(pairs, 3);
}

}  // namespace
}  // namespace anemone
