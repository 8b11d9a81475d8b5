// What is read of an ANEMLL directory, refused, hashed and given back.

#include <gtest/gtest.h>

#include <fstream>

#include "anemone/language_model.h"
#include "lm/loader.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::lm {
namespace {

namespace fs = std::filesystem;

class TinyCopy : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy(test::source_folder() / "models/anemone-tiny-anemll", path(),
             fs::copy_options::recursive);
  }
  fs::path path() const { return folder_.path() / "model"; }
  void replace(const fs::path& name, const std::string& from, const std::string& to) const {
    std::string bytes = folder_.read(path() / name);
    size_t count = 0;
    for (size_t at = bytes.find(from); at != std::string::npos;
         at = bytes.find(from, at + to.size())) {
      bytes.replace(at, from.size(), to);
      ++count;
    }
    ASSERT_GT(count, 0U) << from;
    folder_.write(path() / name, bytes);
  }

  test::ScratchFolder folder_;
};

/// An input that no role says how to fill would run as zeros and score.
TEST_F(TinyCopy, RefusesAnInputThatNobodyFeeds) {
  replace("qwen_FFN_PF_chunk_01of01.mlpackage/Data/com.apple.CoreML/model.mlmodel", "current_pos",
          "current_pox");
  const auto model = LanguageModel::open(path(), {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
  EXPECT_EQ(model.error().message,
            "qwen_FFN_PF_chunk_01of01.mlpackage: function infer: input 'current_pox' has no known "
            "role");
}

TEST_F(TinyCopy, S1_40_RefusesAMetaYamlThatThePackagesContradict) {
  const auto refuse = [&](const std::string& right, const std::string& wrong,
                          const std::string& message) {
    replace("meta.yaml", right, wrong);
    const auto model = LanguageModel::open(path(), {});
    replace("meta.yaml", wrong, right);
    ASSERT_FALSE(model.ok()) << wrong;
    EXPECT_EQ(model.error().code, ErrorCode::mismatch);
    EXPECT_EQ(model.error().message, message);
  };
  refuse("    split_lm_head: 16", "    split_lm_head: 8",
         "meta.yaml: split_lm_head is 8, the packages have 16");
  refuse("    vocab_size: 4096", "    vocab_size: 4000",
         "meta.yaml: vocab_size is 4000, the packages have 4096");
  refuse("    vocab_size: 4096", "    argmax_in_model: true\n    vocab_size: 4096",
         "meta.yaml: argmax_in_model is true, the packages have false");
}

TEST_F(TinyCopy, TakesNoAdapterAndNoContext) {
  LanguageModel::Options options;
  options.adapter = "adapter";
  const auto merged = LanguageModel::open(path(), options);
  ASSERT_FALSE(merged.ok());
  EXPECT_EQ(merged.error().code, ErrorCode::invalid_argument);
  options.adapter.clear();
  options.context = 64;
  const auto shorter = LanguageModel::open(path(), options);
  ASSERT_FALSE(shorter.ok());
  EXPECT_EQ(shorter.error().code, ErrorCode::invalid_argument);
}

TEST_F(TinyCopy, IsReadForItsHashOnlyWhenAsked) {
  LanguageModel::Options options;
  options.hash = false;
  const auto model = LanguageModel::open(path(), options);
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ((*model)->info().hash, "");
}

TEST_F(TinyCopy, APackageInAFolderIsNamed) {
  fs::remove(path() / "meta.yaml");
  const auto model = LanguageModel::open(path(), {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::not_found);
  EXPECT_NE(model.error().message.find("meta.yaml"), std::string::npos);
  EXPECT_NE(model.error().hint.find("qwen_FFN_PF_chunk_01of01.mlpackage"), std::string::npos)
      << model.error().hint;
}

/// Files that this process holds open, and its memory maps of weights.
std::pair<size_t, size_t> held() {
  const auto files = fs::directory_iterator("/proc/self/fd");
  std::ifstream maps("/proc/self/maps");
  size_t weights = 0;
  for (std::string line; std::getline(maps, line);)
    weights += line.ends_with("weight.bin") ? 1U : 0U;
  return {static_cast<size_t>(std::distance(begin(files), end(files))), weights};
}

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0;
  statm >> pages >> pages;
  return pages * 4096;
}

TEST_F(TinyCopy, S0_38_LoadingAndDroppingLeavesNothingBehind) {
  if (!fs::exists("/proc/self/statm")) GTEST_SKIP() << "no /proc on this system";
  const auto load = [&] {
    LanguageModel::Options options;
    options.hash = false;
    const auto model = LanguageModel::open(path(), options);
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    const auto sequence = (*model)->new_sequence();
    const std::vector<int32_t> tokens(70, 5);
    ASSERT_TRUE((*model)->extend(*sequence, tokens, Rows::none, {}).ok());
    EXPECT_EQ(held().second, 3U) << "each package's weights are mapped once";
  };
  const auto before = held();
  for (int i = 0; i < 3; ++i) load();
  const uint64_t settled_bytes = resident_bytes();
  for (int i = 0; i < 12; ++i) load();
  EXPECT_EQ(held(), before);
  // One load takes more than 20 MB.
  EXPECT_LT(resident_bytes(), settled_bytes + (uint64_t{16} << 20));
}

/// The end of one file's name and the start of its bytes are no matter of reading.
TEST(HashPackages, FilesThatJoinToTheSameBytesDiffer) {
  const test::ScratchFolder folder;
  const std::string zero(1, '\0');
  folder.write("one/a", "x");
  folder.write("one/b", "y");
  folder.write("two/a", "xb" + zero + "y");
  const auto hash = [&](std::vector<fs::path> files) { return hash_packages({}, files).value(); };
  EXPECT_NE(hash({folder.path() / "one/a", folder.path() / "one/b"}),
            hash({folder.path() / "two/a"}));
}

/// meta.yaml says how the packages are run, so it is part of what a model is.
TEST(AnemllModel, TheHashCoversMetaYaml) {
  const fs::path models = test::source_folder() / "models";
  const fs::path copy = fs::path(testing::TempDir()) / "anemll_hash_test";
  fs::remove_all(copy);
  fs::copy(models / "anemone-tiny-anemll", copy, fs::copy_options::recursive);
  const auto hash = [](const fs::path& path) {
    const auto model = LanguageModel::open(path, {});
    EXPECT_TRUE(model.ok()) << model.error().to_string();
    return model.ok() ? (*model)->info().hash : std::string();
  };
  const std::string before = hash(copy);
  EXPECT_EQ(before, hash(models / "anemone-tiny-anemll")) << "the place does not matter";
  std::ofstream(copy / "meta.yaml", std::ios::app) << "# changed\n";
  EXPECT_NE(before, hash(copy));
  fs::remove_all(copy);
}

}  // namespace
}  // namespace anemone::lm
