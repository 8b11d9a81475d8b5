#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "anemone/package.h"
#include "support/shared.h"
#include "support/small_package.h"

namespace anemone::package {
namespace {

using namespace test;

std::vector<std::string> constraints(const mil::Diagnostics& faults) {
  std::vector<std::string> result;
  for (const mil::Diagnostic& fault : faults) result.push_back(fault.constraint);
  return result;
}

TEST(VerifyPackage, ASoundPackageHasNoFaults) {
  const SmallPackage files;
  const auto package = open(files.path());
  ASSERT_TRUE(package.ok());
  EXPECT_THAT(constraints(verify(*package)), ::testing::IsEmpty());
}

TEST(VerifyPackage, DisagreementsOfAPackageInMemoryAreAllReported) {
  const SmallPackage files;
  auto package = open(files.path());
  ASSERT_TRUE(package.ok());
  package->functions[0].inputs[0].shape = {3};
  package->functions[0].outputs.clear();
  EXPECT_THAT(constraints(verify(*package)), ::testing::ElementsAre("package_c4", "package_c5"));
}

TEST(VerifyPackage, DamagedRecordsThatTheProgramDoesNotUseAreFound) {
  std::string weights = small_weights();
  weights[0] = 2;  // a second blob that is not there
  const SmallPackage files(small_model(), weights);
  const auto package = open(files.path());
  ASSERT_TRUE(package.ok());
  EXPECT_THAT(constraints(verify(*package)), ::testing::ElementsAre("package_c9"));
}

TEST(VerifyPackage, ReferencesBesideTheListedBlobsAreFound) {
  // The data of the first blob look like a record, and the program refers to that.
  const std::string inner = blob(1, std::string(32, '\1'), 128);
  const SmallPackage files(
      model(field(1, array_feature("x", array(kArrayFp16, {2, 8}))) +
                field(10, array_feature("y", array(kArrayFp16, {2, 8}))),
            program(
                {{"main", function({{named_type("x", tensor_type(kFp16, {2, 8}))},
                                    {constant("weight", tensor_type(kFp16, {2, 8}),
                                              blob_value(tensor_type(kFp16, {2, 8}), 128)),
                                     binary("add", "x", "weight", "y", tensor_type(kFp16, {2, 8}))},
                                    {"y"}})}})),
      weight_header(1) + blob(3, inner, 64));
  const auto package = open(files.path());
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_THAT(constraints(verify(*package)), ::testing::ElementsAre("package_c10"));
}

TEST(VerifyPackage, SoundFixturesHaveNoFaults) {
  ANEMONE_NEED_SHARED("fixtures/realworld");
  const auto fixtures = shared_folder() / "fixtures";
  for (const char* family : {"anemll/qwen3-micro-2chunk", "anemll/gemma3-fp16-1chunk", "realworld"})
    for (const auto& entry : std::filesystem::directory_iterator(fixtures / family)) {
      if (!entry.is_directory()) continue;
      const auto package = open(entry.path());
      ASSERT_TRUE(package.ok()) << package.error().to_string();
      const auto faults = verify(*package);
      EXPECT_TRUE(faults.empty()) << entry.path() << ": " << faults.size() << " faults, first "
                                  << faults.front().to_string();
    }
}

}  // namespace
}  // namespace anemone::package
