#include "checkpoint/torch_file.h"

#include <gmock/gmock.h>

#include "base/atomic_file.h"
#include "checkpoint/pickle.h"
#include "checkpoint/safetensors.h"
#include "support/scratch_folder.h"
#include "support/shared.h"
#include "tensor/zip_writer.h"

namespace anemone::checkpoint {
namespace {

using ::testing::HasSubstr;

Result<Pickle> parse(const std::string& text) {
  return parse_pickle(std::as_bytes(std::span(text)));
}

std::string text(const std::string& value) {
  return "\x8c" + std::string(1, static_cast<char>(value.size())) + value;
}

/// A float tensor of storage '0', which has 6 elements.
std::string tensor(const std::string& offset, const std::string& shape,
                   const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
         text("0") + text("cpu") + "K\x06tQ" + offset + "(" + shape + "t(" + strides + "t\x89)tR";
}

std::string number(int value) { return std::string("K") + static_cast<char>(value); }

/// Opens the archive of a pickle and a storage with the values 0, 1, 2, 3, 4, 5.
Result<std::shared_ptr<const TensorSource>> open(const std::string& pickle) {
  const test::ScratchFolder folder;
  auto file = AtomicFile::create(folder.path() / "a.pt");
  EXPECT_TRUE(file.ok());
  ZipWriter zip(*file);
  const float values[] = {0, 1, 2, 3, 4, 5};
  EXPECT_TRUE(zip.add("a/data.pkl", {std::as_bytes(std::span(pickle))}).ok());
  EXPECT_TRUE(zip.add("a/data/0", {std::as_bytes(std::span(values))}).ok());
  EXPECT_TRUE(zip.finish().ok());
  EXPECT_TRUE(file->commit().ok());
  return open_torch_file(folder.path() / "a.pt");
}

std::vector<double> values(const Result<Tensor>& tensor) {
  std::vector<double> list;
  for (int64_t i = 0; tensor.ok() && i < tensor->element_count(); ++i)
    list.push_back(tensor->at(i));
  return list;
}

TEST(TorchFile, SharedStoragesOffsetsAndStridesBecomeDense) {
  const std::string state =
      "}(" + text("dense") + tensor(number(1), number(2) + number(2), number(2) + number(1)) +
      text("turned") + tensor(number(0), number(3) + number(2), number(1) + number(3)) +
      text("sparse") + tensor(number(1), number(2), number(3)) + text("scalar") +
      tensor(number(5), "", "") + text("step") + "K\x07u";
  for (const std::string& pickle :
       {"\x80\x02" + state + ".",
        "\x80\x02}(" + text("optimizer") + "}" + text("model") + state + "u."}) {
    const auto source = open(pickle);
    ASSERT_TRUE(source.ok()) << source.error().to_string();
    ASSERT_EQ((*source)->tensors().size(), 4u);
    EXPECT_EQ(values((*source)->read("dense")), (std::vector<double>{1, 2, 3, 4}));
    EXPECT_EQ(values((*source)->read("turned")), (std::vector<double>{0, 3, 1, 4, 2, 5}));
    EXPECT_EQ(values((*source)->read("sparse")), (std::vector<double>{1, 4}));
    EXPECT_EQ(values((*source)->read("scalar")), (std::vector<double>{5}));
    EXPECT_EQ((*source)->read("scalar")->shape().rank(), 0u);
  }
}

TEST(TorchFile, TensorsOutsideOfTheirStorageAreRefused) {
  const std::string max = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
  const std::string wrong[] = {tensor(number(1), number(6), number(1)),
                               tensor(number(6), number(1), number(1)),
                               tensor(number(0), number(2), number(6)),
                               tensor(number(0), number(2), max),
                               tensor(max, number(2), number(1)),
                               tensor(number(0), max, number(1)),
                               tensor(number(0), number(2), "J\xff\xff\xff\xff"),
                               tensor("J\xff\xff\xff\xff", number(2), number(1)),
                               tensor(number(0), number(2) + number(2), number(1))};
  for (const std::string& one : wrong) {
    const auto source = open("}" + text("w") + one + "s.");
    ASSERT_FALSE(source.ok());
    EXPECT_EQ(source.error().code, ErrorCode::corrupt) << source.error().to_string();
    EXPECT_THAT(source.error().to_string(), HasSubstr("tensor 'w'"));
  }
  // A stride of 0 makes much out of little.
  const auto bomb =
      open("}" + text("w") +
           tensor(number(0), std::string("J\0\0\0\x40", 5), std::string("K\0", 2)) + "s.");
  ASSERT_FALSE(bomb.ok());
  EXPECT_EQ(bomb.error().code, ErrorCode::limit) << bomb.error().to_string();
}

TEST(TorchFile, SeveralStateDictsAreRefused) {
  const std::string one = "}" + text("w") + tensor(number(0), number(6), number(1)) + "s";
  const auto source = open("}(" + text("model") + one + text("state_dict") + one + "u.");
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().code, ErrorCode::mismatch);
  EXPECT_EQ(open("}.").error().code, ErrorCode::mismatch);
}

TEST(Pickle, GlobalsOutsideTheListAreNamedWithTheirPlace) {
  for (const std::string& pickle : {std::string("\x80\x02}cposix\nsystem\n."),
                                    "\x80\x04}" + text("posix") + text("system") + "\x93."}) {
    const auto result = parse(pickle);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::unsupported);
    EXPECT_THAT(result.error().to_string(), HasSubstr("posix.system"));
    EXPECT_THAT(result.error().to_string(), HasSubstr("pickle at "));
  }
  EXPECT_THAT(parse("(iposix\nsystem\n.").error().to_string(), HasSubstr("posix.system"));
  EXPECT_FALSE(parse("ctorch\nload\n.").ok());
  EXPECT_FALSE(parse("cbuiltins\neval\n.").ok());
}

TEST(Pickle, ValuesThatHoldThemselvesAreHarmless) {
  const auto result = parse(std::string("]q\0h\0a.", 7));
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  const auto* list = result->get<PickleValue::Sequence>(result->root);
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->items, std::vector<PickleValue::Index>{result->root});
}

TEST(Pickle, CallsDoNotMultiplyWhatTheMemoHolds) {
  // A list of 2^16 numbers that torch.Size copies 2^11 times would be 512 MiB.
  std::string pickle("ctorch\nSize\nq\0(", 15);
  for (int i = 0; i < 1 << 16; ++i) pickle += "K\1";
  pickle += std::string(
      "tq\1"
      "0",
      4);
  for (int i = 0; i < 1 << 11; ++i) pickle += std::string("h\0h\1\x85R0", 7);
  EXPECT_EQ(parse(pickle + "h\1.").error().code, ErrorCode::limit);
}

TEST(Pickle, DepthAndSizeAreBounded) {
  EXPECT_EQ(parse(std::string(257, '(') + ".").error().code, ErrorCode::limit);
  EXPECT_EQ(parse(std::string((size_t{1} << 21) + 1, ')') + ".").error().code, ErrorCode::limit);
  for (const char* damaged :
       {"", ".", "a", "(", "K", "h\1.", "R.", "Q.", "}K\1s.", "t", "0", "]]s."})
    EXPECT_EQ(parse(damaged).error().code, ErrorCode::corrupt) << damaged;
  EXPECT_EQ(parse("I1\n.").error().code, ErrorCode::unsupported);
}

TEST(TorchFile, S3_5_FixturesHoldTheTensorsOfTheirBase) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints");
  const auto fixtures = test::shared_folder() / "fixtures";
  const std::pair<const char*, const char*> pairs[] = {{"bin_llama/pytorch_model.bin", "llama"},
                                                       {"train_qwen3/checkpoint.pt", "qwen3"}};
  for (const auto& [name, base] : pairs) {
    const auto source = open_torch_file(fixtures / "checkpoints" / name);
    ASSERT_TRUE(source.ok()) << source.error().to_string();
    const auto stored = open_safetensors(fixtures / "hf" / base / "model.safetensors");
    ASSERT_TRUE(stored.ok());
    for (const TensorInfo& info : (*stored)->tensors()) {
      const auto expected = (*stored)->read(info.name);
      const auto found = (*source)->read(info.name);
      ASSERT_TRUE(found.ok()) << found.error().to_string();
      EXPECT_EQ(found->shape(), info.shape) << info.name;
      EXPECT_EQ(found->dtype(), info.dtype) << info.name;
      EXPECT_TRUE(std::ranges::equal(found->bytes(), expected->bytes())) << info.name;
    }
  }
}

TEST(TorchFile, EvilFilesAreRefusedByNameAndDoNothing) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints/evil");
  const auto folder = test::shared_folder() / "fixtures/checkpoints/evil";
  const std::pair<const char*, const char*> files[] = {{"plain_pickle.pt", "posix.system"},
                                                       {"pytorch_model.bin", "__builtin__.eval"},
                                                       {"system.pt", "posix.system"},
                                                       {"system_legacy.pt", "posix.system"}};
  for (const auto& [name, global] : files) {
    const auto source = open_torch_file(folder / name);
    ASSERT_FALSE(source.ok()) << name;
    EXPECT_EQ(source.error().code, ErrorCode::unsupported) << source.error().to_string();
    EXPECT_THAT(source.error().to_string(), HasSubstr(global));
    EXPECT_FALSE(std::filesystem::exists("PWNED"));
  }
}

TEST(TorchFile, BrokenFilesAreRefused) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints/broken");
  const auto folder = test::shared_folder() / "fixtures/checkpoints/broken";
  for (const char* name : {"torch_truncated.pt", "torch_not_a_zip.pt", "torch_storage_missing.pt",
                           "torch_storage_short.pt"}) {
    const auto source = open_torch_file(folder / name);
    ASSERT_FALSE(source.ok()) << name;
    EXPECT_EQ(source.error().code, ErrorCode::corrupt) << source.error().to_string();
  }
}

}  // namespace
}  // namespace anemone::checkpoint
