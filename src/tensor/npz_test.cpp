#include "tensor/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

using ::testing::HasSubstr;

std::vector<NamedTensor> samples() {
  Tensor half = Tensor::zeros(DType::fp16, {2, 3});
  for (int64_t i = 0; i < 6; ++i) half.set(i, 0.5 * static_cast<double>(i) - 1);
  Tensor flags = Tensor::zeros(DType::bool_, {3});
  flags.set(1, 1);
  Tensor ids = Tensor::zeros(DType::int64, {});
  ids.set(0, -7);
  Tensor bytes = Tensor::zeros(DType::uint8, {0, 4});
  return {{"step0/x", half},
          {"flags", flags},
          {"ids", ids},
          {"empty", bytes},
          {"label.keys", Tensor::from_strings({2}, {"chat", "\xe7\x8c\xab"})}};
}

TEST(NpzTest, WritesWhatItReads) {
  const test::ScratchFolder folder;
  const auto arrays = samples();
  ASSERT_TRUE(write_npz(folder.path() / "a.npz", arrays).ok());
  const auto back = read_npz(folder.path() / "a.npz");
  ASSERT_TRUE(back.ok()) << back.error().to_string();
  ASSERT_EQ(back->size(), arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Tensor& tensor = (*back)[i].tensor;
    EXPECT_EQ((*back)[i].name, arrays[i].name);
    EXPECT_EQ(tensor.dtype(), arrays[i].tensor.dtype());
    EXPECT_EQ(tensor.shape(), arrays[i].tensor.shape());
    EXPECT_TRUE(std::ranges::equal(tensor.bytes(), arrays[i].tensor.bytes()));
  }
  EXPECT_EQ(back->back().tensor.strings()[1], "\xe7\x8c\xab");
}

TEST(NpzTest, EqualInputGivesEqualBytes) {
  const test::ScratchFolder folder;
  ASSERT_TRUE(write_npz(folder.path() / "a.npz", samples()).ok());
  ASSERT_TRUE(write_npz(folder.path() / "b.npz", samples()).ok());
  EXPECT_EQ(folder.read("a.npz"), folder.read("b.npz"));
}

TEST(NpzTest, NothingAppearsWhenAnArrayHasNoForm) {
  const test::ScratchFolder folder;
  std::vector<NamedTensor> arrays = samples();
  arrays.push_back({"weights", Tensor::zeros(DType::uint4, {3})});
  const Status status = write_npz(folder.path() / "a.npz", arrays);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().to_string(), HasSubstr("array 'weights'"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  arrays.back() = arrays.front();
  EXPECT_EQ(write_npz(folder.path() / "a.npz", arrays).error().code, ErrorCode::invalid_argument);
}

TEST(NpzTest, NumPyReadsWhatItWrites) {
  if (std::system("python3 -c 'import numpy' >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "python3 has no numpy here";
  const test::ScratchFolder folder;
  ASSERT_TRUE(write_npz(folder.path() / "a.npz", samples()).ok());
  folder.write("check.py", R"py(
import sys, numpy as np
a = np.load(sys.argv[1])
assert a.files == ["step0/x", "flags", "ids", "empty", "label.keys"], a.files
assert a["step0/x"].dtype == np.float16 and a["step0/x"].tolist() == [[-1, -.5, 0], [.5, 1, 1.5]]
assert a["flags"].dtype == bool and a["flags"].tolist() == [False, True, False]
assert a["ids"].dtype == np.int64 and a["ids"].shape == () and a["ids"] == -7
assert a["empty"].dtype == np.uint8 and a["empty"].shape == (0, 4)
assert a["label.keys"].tolist() == ["chat", "\u732b"]
np.savez_compressed(sys.argv[2], f=np.asfortranarray(np.arange(6.).reshape(2, 3)), t=np.array(["a"]))
)py");
  const std::string base = folder.path().string();
  ASSERT_EQ(
      std::system(("python3 " + base + "/check.py " + base + "/a.npz " + base + "/b.npz").c_str()),
      0);
  const auto back = read_npz(folder.path() / "b.npz");
  ASSERT_TRUE(back.ok()) << back.error().to_string();
  EXPECT_EQ((*back)[0].tensor.at(4), 4);
  EXPECT_EQ((*back)[1].tensor.strings()[0], "a");
}

TEST(NpzTest, ReadsTheFixtures) {
  constexpr const char* kFile = "fixtures/anemll/qwen3-micro-2chunk/expected.npz";
  ANEMONE_NEED_SHARED(kFile);
  const auto arrays = read_npz(test::shared_folder() / kFile);
  ASSERT_TRUE(arrays.ok()) << arrays.error().to_string();
  const auto logits = std::ranges::find(*arrays, "anemll0", &NamedTensor::name);
  ASSERT_NE(logits, arrays->end());
  EXPECT_EQ(logits->tensor.dtype(), DType::fp16);
  EXPECT_EQ(logits->tensor.shape(), (Shape{9, 512}));
}

TEST(NpzTest, FlippedBytesAreErrorsOrArrays) {
  const test::ScratchFolder folder;
  ASSERT_TRUE(write_npz(folder.path() / "a.npz", samples()).ok());
  const std::string sound = folder.read("a.npz");
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = sound;
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    refused += !parse_npz(std::as_bytes(std::span(bytes))).ok();
  }
  EXPECT_GT(refused, 3000);  // checksums notice nearly all of them
}

TEST(NpzTest, MissingFileIsNotFound) {
  EXPECT_EQ(read_npz("/nonexistent.npz").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone
