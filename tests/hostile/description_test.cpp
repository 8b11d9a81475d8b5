#include "hostile/outcome.h"
#include "package/anemll_meta.h"
#include "package/compiled_description.h"
#include "support/shared.h"
#include "support/small_package.h"

namespace anemone {
namespace {

using namespace test;

std::string file_text(const std::filesystem::path& path) {
  const ScratchFolder folder;
  std::filesystem::copy(path, folder.path() / "copy");
  return folder.read("copy");
}

TEST(HostileDescription, CompiledDescriptionsWithFlippedBits) {
  const uint32_t seed = fresh_seed();
  SCOPED_TRACE("ANEMONE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::string> files = {compiled_description()};
  constexpr const char* kReal = "fixtures/realworld/unified_pruned_int8.mlmodelc/coremldata.bin";
  if (std::filesystem::exists(shared_folder() / kReal))
    files.push_back(file_text(shared_folder() / kReal));
  const MemoryBound bound(64 * kMebibyte);
  for (const std::string& sound : files) {
    int refused = 0;
    for (int round = 0; round < 5000; ++round) {
      const std::string bytes = flipped(sound, random);
      refused += !package::read_compiled_description(std::as_bytes(std::span(bytes))).ok();
    }
    EXPECT_GT(refused, 300);
  }
}

TEST(HostileDescription, MetaCutAndFlipped) {
  const std::string sound = file_text(source_folder() / "models/anemone-tiny-anemll/meta.yaml");
  ASSERT_TRUE(package::parse_anemll_meta(sound).ok());
  const MemoryBound bound(64 * kMebibyte);
  for (size_t size = 0; size < sound.size(); ++size)
    (void)package::parse_anemll_meta(sound.substr(0, size)).ok();
  const uint32_t seed = fresh_seed();
  SCOPED_TRACE("ANEMONE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  int refused = 0;
  for (int round = 0; round < 2000; ++round)
    refused += !package::parse_anemll_meta(flipped(sound, random)).ok();
  EXPECT_GT(refused, 200);
}

TEST(HostileDescription, RanksAndBoundsOfFeatures) {
  const auto refuse = [](const std::string& array_type) {
    const std::string type = tensor_type(kFp16, {2, 8});
    FunctionParts main;
    main.inputs = {named_type("x", type)};
    const SmallPackage package(
        model(field(1, array_feature("x", array_type)), program({{"main", function(main)}})));
    return outcome(package.path());
  };
  const auto range = [](int64_t lower, int64_t upper) {
    return field(1, field(1, lower) + field(2, upper));
  };
  EXPECT_EQ(refuse(array(kArrayFp16, {2, 8})), "ok");
  EXPECT_EQ(refuse(array(kArrayFp16, std::vector<int64_t>(9, 1))), "unsupported");
  EXPECT_EQ(refuse(array(kArrayFp16, {-1, 8})), "corrupt");
  EXPECT_EQ(refuse(array(kArrayFp16, {int64_t{1} << 40, int64_t{1} << 40})), "corrupt");
  EXPECT_EQ(refuse(array(7, {2, 8})), "corrupt");
  EXPECT_EQ(refuse(field(1, varint(2) + varint(8))), "corrupt");  // no data type
  EXPECT_EQ(refuse(array(kArrayFp16, {2, 8}) + field(31, range(2, 2) + range(8, 8))), "ok");
  EXPECT_EQ(refuse(array(kArrayFp16, {2, 8}) + field(31, range(2, 2))), "corrupt");
  EXPECT_EQ(refuse(array(kArrayFp16, {2, 8}) + field(31, range(2, 1) + range(8, 8))), "corrupt");
  EXPECT_EQ(refuse(array(kArrayFp16, {2, 8}) + field(31, range(-1, 1) + range(8, 8))), "corrupt");
}

}  // namespace
}  // namespace anemone
