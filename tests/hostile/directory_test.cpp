#include <gmock/gmock.h>

#include "hostile/outcome.h"
#include "support/small_package.h"

namespace anemone {
namespace {

using namespace test;
namespace fs = std::filesystem;

TEST(HostileDirectory, EmptyFilesAreErrors) {
  for (const char* name : {SmallPackage::kModel, SmallPackage::kWeights, SmallPackage::kManifest}) {
    const SmallPackage package;
    package.write(name, "");
    EXPECT_EQ(outcome(package.path()), "corrupt") << name;
  }
  for (const char* name :
       {"m.mlmodelc/coremldata.bin", "m.mlmodelc/model.mil", "m.mlmodelc/weights/weight.bin"}) {
    const ScratchFolder folder;
    write_small_mlmodelc(folder);
    ASSERT_EQ(outcome(folder.path() / "m.mlmodelc"), "ok");
    folder.write(name, "");
    EXPECT_EQ(outcome(folder.path() / "m.mlmodelc"), "corrupt") << name;
  }
}

TEST(HostileDirectory, FoldersInPlaceOfFilesAreErrors) {
  for (const char* name : {SmallPackage::kModel, SmallPackage::kWeights, SmallPackage::kManifest}) {
    const SmallPackage package;
    fs::remove(package.folder().path() / name);
    fs::create_directory(package.folder().path() / name);
    EXPECT_EQ(outcome(package.path()), "io") << name;
  }
}

TEST(HostileDirectory, LinksThatLeaveThePackageAreRefused) {
  for (const char* name : {SmallPackage::kModel, SmallPackage::kWeights, SmallPackage::kManifest}) {
    const SmallPackage package;
    const fs::path inside = package.folder().path() / name;
    const fs::path outside = package.folder().path() / "outside";
    fs::rename(inside, outside);
    fs::create_symlink(outside, inside);
    EXPECT_EQ(outcome(package.path()), "corrupt") << name;
    fs::remove(inside);
    fs::create_symlink(inside, inside);  // a link to itself
    EXPECT_NE(outcome(package.path()), "ok") << name;
  }
}

TEST(HostileDirectory, LinksInsideThePackageAreFollowed) {
  const SmallPackage package;
  const fs::path weights = package.folder().path() / SmallPackage::kWeights;
  fs::rename(weights, weights.parent_path() / "real.bin");
  fs::create_symlink("real.bin", weights);
  EXPECT_EQ(outcome(package.path()), "ok");
}

TEST(HostileDirectory, ManifestsWithFlippedBits) {
  const uint32_t seed = fresh_seed();
  SCOPED_TRACE("ANEMONE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const SmallPackage package;
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    package.write(SmallPackage::kManifest, flipped(manifest(), random));
    refused += outcome(package.path()) != "ok";
  }
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace anemone
