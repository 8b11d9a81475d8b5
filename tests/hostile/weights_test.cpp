#include <gmock/gmock.h>

#include <cmath>

#include "hostile/outcome.h"
#include "mil/interpret.h"
#include "support/shared.h"
#include "support/small_package.h"

namespace anemone {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr const char* kFixture =
    "fixtures/anemll/qwen3-micro-2chunk/qwen_FFN_PF_chunk_01of02.mlpackage";
constexpr const char* kWeights = "Data/com.apple.CoreML/weights/weight.bin";

/// A writable copy of a package.
fs::path copy_of(const fs::path& package, const ScratchFolder& folder) {
  const fs::path copy = folder.path() / package.filename();
  fs::copy(package, copy, fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(copy))
    fs::permissions(entry, fs::perms::owner_all, fs::perm_options::add);
  return copy;
}

TEST(HostileWeights, CutAtEveryRecordBoundary) {
  ANEMONE_NEED_SHARED(kFixture);
  const ScratchFolder folder;
  const fs::path package = copy_of(shared_folder() / kFixture, folder);
  const auto size = fs::file_size(package / kWeights);
  ASSERT_EQ(outcome(package), "ok");
  for (auto cut = (size - 1) / 64 * 64;; cut -= 64) {
    fs::resize_file(package / kWeights, cut);
    const auto opened = package::open(package);
    ASSERT_FALSE(opened.ok()) << cut;
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt) << cut;
    EXPECT_THAT(opened.error().to_string(), ::testing::HasSubstr("weight.bin")) << cut;
    if (cut == 0) break;
  }
}

TEST(HostileWeights, CutAtEveryByteOfASmallFile) {
  const SmallPackage package;
  const std::string whole = small_weights();
  for (size_t size = 0; size < whole.size(); ++size) {
    package.write(SmallPackage::kWeights, whole.substr(0, size));
    EXPECT_EQ(outcome(package.path()), "corrupt") << size;
  }
}

TEST(HostileWeights, OffsetsOfEveryMagnitude) {
  const std::string type = tensor_type(kFp16, {2, 8});
  const SmallPackage package;
  for (int bit = 0; bit < 64; ++bit)
    for (const uint64_t offset :
         {uint64_t{1} << bit, (uint64_t{1} << bit) - 64, ~uint64_t{0} - (uint64_t{1} << bit) + 1}) {
      if (offset == 64) continue;  // the one that is right
      FunctionParts main;
      main.operations = {constant("c", type, blob_value(type, offset))};
      package.write(SmallPackage::kModel, model("", program({{"main", function(main)}})));
      EXPECT_EQ(outcome(package.path()), "corrupt") << offset;
    }
}

TEST(HostileWeights, FlippedBits) {
  const uint32_t seed = fresh_seed();
  SCOPED_TRACE("ANEMONE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const SmallPackage package;
  const MemoryBound bound(64 * kMebibyte);
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    package.write(SmallPackage::kWeights, flipped(small_weights(), random));
    refused += outcome(package.path()) != "ok";
  }
  EXPECT_GT(refused, 50);  // a fifth of the file is header and record
}

TEST(HostileWeights, NotANumberIsASoundWeight) {
  std::string weights = small_weights();
  for (size_t i = 128; i < weights.size(); i += 2) weights.replace(i, 2, "\xff\x7e");
  const SmallPackage files(small_model(), weights);
  const auto package = package::open(files.path());
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_TRUE(package::verify(*package).empty());
  const Tensor x = Tensor::zeros(DType::fp16, {2, 8});
  const auto results = mil::interpret(package->program, "main", {&x, 1});
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  for (int64_t i = 0; i < 16; ++i) EXPECT_TRUE(std::isnan((*results)[0].at(i)));
}

}  // namespace
}  // namespace anemone
