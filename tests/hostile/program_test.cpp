#include <gmock/gmock.h>

#include "hostile/outcome.h"
#include "package/read_model.h"
#include "support/shared.h"
#include "support/small_package.h"

namespace anemone {
namespace {

using namespace test;

/// Weights are not the matter here: any blob is zeros, up to a size that no real file exceeds.
Result<Tensor> zeros(const mil::BlobReference&, DType dtype, const Shape& shape) {
  if (shape.element_count() > 1 << 16)
    return Error{ErrorCode::corrupt, "larger than any weight file here", {}, {}};
  return Tensor::zeros(dtype, shape);
}

/// Reads, verifies and prints a model file; the code of the error, or "ok".
std::string read(const std::string& bytes) {
  const auto model = package::read_model(bytes, zeros);
  if (!model.ok()) return to_string(model.error().code);
  mil::verify(model->program);
  mil::print(model->program, 4);
  return "ok";
}

std::string embeddings_model() {
  const ScratchFolder folder;
  std::filesystem::copy(shared_folder() /
                            "fixtures/anemll/qwen3-micro-2chunk/qwen_embeddings.mlpackage/Data/"
                            "com.apple.CoreML/model.mlmodel",
                        folder.path() / "model");
  return folder.read("model");
}

TEST(HostileProgram, CutAtEveryByte) {
  const std::string whole = small_model();
  ASSERT_EQ(read(whole), "ok");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(read(whole.substr(0, size)), "corrupt") << size;
}

TEST(HostileProgram, ARealOneCutAtEveryByte) {
  ANEMONE_NEED_SHARED("fixtures/anemll/qwen3-micro-2chunk");
  const std::string whole = embeddings_model();
  ASSERT_EQ(read(whole), "ok");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(read(whole.substr(0, size)), "corrupt") << size;
}

TEST(HostileProgram, HugeLengthsAtEveryByte) {
  const std::string whole = small_model();
  const MemoryBound bound(64 * kMebibyte);
  for (const uint64_t length :
       {uint64_t{0x7fffffff}, uint64_t{0x80000000}, uint64_t{0xffffffff}, ~uint64_t{0}})
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string bytes = whole;
      read(bytes.replace(at, 1, varint(length)));
    }
}

TEST(HostileProgram, FlippedBits) {
  const uint32_t seed = fresh_seed();
  SCOPED_TRACE("ANEMONE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::string> models = {small_model()};
  if (std::filesystem::exists(shared_folder() / "fixtures/anemll"))
    models.push_back(embeddings_model());
  const MemoryBound bound(64 * kMebibyte);
  for (const std::string& sound : models) {
    int refused = 0;
    for (int round = 0; round < 5000; ++round) refused += read(flipped(sound, random)) != "ok";
    EXPECT_GT(refused, 1000);
  }
}

TEST(HostileProgram, DeepNestingEndsInAnError) {
  std::string block = "";
  for (int i = 0; i < 5000; ++i) block = field(3, field(1, "cond") + field(4, block));
  const std::string function = field(2, "CoreML8") + map_entry(3, "CoreML8", block);
  EXPECT_EQ(read(model("", program({{"main", function}}))), "corrupt");
}

TEST(HostileProgram, ManyTinyMessagesStayInProportion) {
  constexpr int64_t kPerByte =
      200;  // bytes of memory for a byte of file, growth of vectors included
  for (const uint32_t number : {1u, 2u, 3u, 4u}) {
    std::string block;
    for (int i = 0; i < 1 << 19; ++i) block += field(number, "");
    const std::string bytes =
        model("", program({{"main", field(2, "CoreML8") + map_entry(3, "CoreML8", block)}}));
    const MemoryBound bound(kPerByte * static_cast<int64_t>(bytes.size()));
    read(bytes);
  }
}

TEST(HostileProgram, CyclesAndDuplicateNamesAreFaults) {
  const std::string type = tensor_type(kFp16, {2});
  const auto faults = [&](std::vector<std::string> operations) {
    FunctionParts main;
    main.inputs = {named_type("x", type)};
    main.operations = std::move(operations);
    main.outputs = {"y"};
    const SmallPackage package(model(field(1, array_feature("x", array(kArrayFp16, {2}))) +
                                         field(10, array_feature("y", array(kArrayFp16, {2}))),
                                     program({{"main", function(main)}})));
    const auto opened = package::open(package.path());
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
    return opened.ok() ? package::verify(*opened).size() : 0;
  };
  EXPECT_EQ(faults({binary("add", "x", "x", "y", type)}), 0u);
  EXPECT_GT(faults({binary("add", "x", "z", "y", type), binary("add", "x", "y", "z", type)}), 0u);
  EXPECT_GT(faults({binary("add", "x", "y", "y", type)}), 0u);
  EXPECT_GT(faults({binary("add", "x", "x", "y", type), binary("mul", "x", "x", "y", type)}), 0u);
  EXPECT_GT(faults({binary("add", "x", "x", "x", type), binary("add", "x", "x", "y", type)}), 0u);
}

}  // namespace
}  // namespace anemone
