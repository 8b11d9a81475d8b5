#include "anemone/prompt_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "generate/embedded_model_test.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::generate {
namespace {

class PromptCacheTest : public EmbeddedModelTest {
 protected:
  std::unique_ptr<PromptCache> open(const PromptCache::Options& options) {
    auto cache = PromptCache::open(*model_, options);
    EXPECT_TRUE(cache.ok()) << cache.error().to_string();
    return cache.ok() ? *std::move(cache) : nullptr;
  }

  std::vector<int32_t> prompt(int32_t last) {
    std::vector<int32_t> tokens(200);
    std::iota(tokens.begin(), tokens.end(), 300);
    tokens.push_back(last);
    return tokens;
  }

  std::vector<std::filesystem::path> files() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
  }

  test::ScratchFolder folder_;
  Options options_ = {.max_tokens = 12, .sampling = {.temperature = 1.2, .seed = 3}};
};

TEST_F(PromptCacheTest, S4_6_S4_18_AnswersAreTheSameWithAndWithout) {
  const auto cache = open({});
  for (const int32_t last : {5, 6, 5}) {
    const Generation plain = answer(prompt(last), options_);
    Options cached = options_;
    cached.cache = cache.get();
    const Generation again = answer(prompt(last), cached);
    EXPECT_EQ(again.tokens, plain.tokens) << last;
    EXPECT_EQ(again.text, plain.text);
    EXPECT_EQ(plain.reused_tokens, 0);
  }
  const PromptCache::Stats stats = cache->stats();
  EXPECT_EQ(stats.lookups, 3U);
  EXPECT_EQ(stats.hits, 2U);
  EXPECT_EQ(stats.found_tokens, 400U);
  EXPECT_EQ(stats.asked_tokens, 600U);
}

TEST_F(PromptCacheTest, S4_17_KeepsToItsBudgetAndEvicts) {
  const uint64_t budget = 500 * model_->saved_token_bytes();
  const auto cache = open({.memory_bytes = budget});
  for (int32_t first = 0; first < 5; ++first) {
    const auto sequence = model_->new_sequence();
    const std::vector<int32_t> tokens(200, first);
    ASSERT_TRUE(model_->extend(*sequence, tokens, lm::Rows::none, {}).ok());
    cache->keep(*sequence);
    EXPECT_LE(cache->stats().memory_bytes, budget);
    EXPECT_EQ(cache->find(tokens)->length(), 200);
  }
  EXPECT_EQ(cache->find(std::vector<int32_t>(200, 0))->length(), 0);
  EXPECT_EQ(cache->stats().evicted_tokens, 600U);
}

TEST_F(PromptCacheTest, AnotherStartFindsTheFiles) {
  Options cached = options_;
  const auto first = open({.folder = folder_.path()});
  cached.cache = first.get();
  const Generation cold = answer(prompt(5), cached);
  EXPECT_EQ(cold.reused_tokens, 0);
  ASSERT_EQ(files().size(), 3U) << "212 tokens are three blocks of 64 and a rest";

  const auto second = open({.folder = folder_.path()});
  cached.cache = second.get();
  const Generation warm = answer(prompt(5), cached);
  EXPECT_EQ(warm.reused_tokens, 192);
  EXPECT_EQ(warm.tokens, cold.tokens);
  EXPECT_EQ(second->stats().file_tokens, 192U);
  EXPECT_EQ(answer(prompt(6), cached).reused_tokens, 200) << "now memory knows them";
}

TEST_F(PromptCacheTest, DamagedFilesArePassedOverAndWrittenAgain) {
  const auto fill = open({.folder = folder_.path()});
  Options cached = options_;
  cached.cache = fill.get();
  const Generation cold = answer(prompt(5), cached);
  const auto names = files();
  ASSERT_EQ(names.size(), 3U);
  const auto size = std::filesystem::file_size(names[0]);
  const auto damage = [&](size_t file, int how) {
    if (how == 0) std::filesystem::resize_file(names[file], size / 2);
    if (how == 1) std::filesystem::resize_file(names[file], 0);
    if (how == 2)
      std::filesystem::copy_file(names[(file + 1) % 3], names[file],
                                 std::filesystem::copy_options::overwrite_existing);
    if (how == 3) {
      std::fstream stream(names[file], std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(static_cast<std::streamoff>(size - 9));
      stream.put('?');
    }
  };
  for (size_t file = 0; file < names.size(); ++file)
    for (int how = 0; how < 4; ++how) {
      damage(file, how);
      std::vector<std::string> warnings;
      const auto cache =
          open({.folder = folder_.path(),
                .log = [&](LogLevel, std::string_view words) { warnings.emplace_back(words); }});
      cached.cache = cache.get();
      const Generation again = answer(prompt(5), cached);
      EXPECT_EQ(again.tokens, cold.tokens);
      EXPECT_LT(again.reused_tokens, 192);
      ASSERT_EQ(warnings.size(), 1U);
      EXPECT_EQ(warnings[0], names[file].string() + ": damaged, the prompt is computed again");
      EXPECT_EQ(cache->stats().rejected_files, 1U);
      const auto next = open({.folder = folder_.path()});
      cached.cache = next.get();
      EXPECT_EQ(answer(prompt(5), cached).reused_tokens, 192) << "it was written again";
    }
}

TEST_F(PromptCacheTest, FilesOfAnotherArithmeticAreNotMet) {
  const auto fill = open({.folder = folder_.path()});
  Options cached = options_;
  cached.cache = fill.get();
  answer(prompt(5), cached);
  auto other = lm::LanguageModel::open(model_->info().path,
                                       {.runtime = {.numerics = runtime::Numerics::fp32}});
  ASSERT_TRUE(other.ok());
  auto cache = PromptCache::open(**other, {.folder = folder_.path()});
  ASSERT_TRUE(cache.ok());
  EXPECT_EQ((*cache)->find(prompt(5))->length(), 0);
  EXPECT_EQ((*cache)->stats().rejected_files, 0U);
}

TEST_F(PromptCacheTest, TheFolderKeepsToItsBudgetAndToItsOwnFiles) {
  std::ofstream(folder_.path() / "notes.txt") << "mine";
  const uint64_t block = 64 * model_->saved_token_bytes();
  const auto cache = open({.folder = folder_.path(), .folder_bytes = 2 * block + block / 2});
  Options cached = options_;
  cached.cache = cache.get();
  answer(prompt(5), cached);
  EXPECT_EQ(files().size(), 3U) << "two blocks and the notes";
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "notes.txt"));
  const auto next = open({.folder = folder_.path()});
  EXPECT_EQ(next->find(prompt(5))->length(), 128) << "the first two are kept";

  // Of two prompts the one that was used last stays.
  std::vector<int32_t> other = prompt(5);
  other[0] = 7;
  answer(other, cached);
  const auto last = open({.folder = folder_.path()});
  EXPECT_EQ(last->find(other)->length(), 128);
  EXPECT_EQ(last->find(prompt(5))->length(), 0);
}

TEST_F(PromptCacheTest, FilesAreTheirOwnersAlone) {
  const auto cache = open({.folder = folder_.path() / "made/here"});
  Options cached = options_;
  cached.cache = cache.get();
  answer(prompt(5), cached);
  using std::filesystem::perms;
  const auto mode = [](const std::filesystem::path& path) {
    return std::filesystem::status(path).permissions() & perms::all;
  };
  EXPECT_EQ(mode(folder_.path() / "made/here"), perms::owner_all);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "made/here"))
    EXPECT_EQ(mode(entry.path()), perms::owner_read | perms::owner_write);

  std::filesystem::permissions(folder_.path(), perms::all);
  const auto refused = PromptCache::open(*model_, {.folder = folder_.path()});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
}

TEST_F(PromptCacheTest, ALinkIsNotFollowed) {
  Options cached = options_;
  const auto fill = open({.folder = folder_.path()});
  cached.cache = fill.get();
  const Generation cold = answer(prompt(5), cached);
  const auto name = files()[0];
  test::ScratchFolder elsewhere;
  std::ofstream(elsewhere.path() / "mine") << "mine";
  std::filesystem::remove(name);
  std::filesystem::create_symlink(elsewhere.path() / "mine", name);
  const auto cache = open({.folder = folder_.path()});
  cached.cache = cache.get();
  EXPECT_EQ(answer(prompt(5), cached).tokens, cold.tokens);
  std::ifstream kept(elsewhere.path() / "mine");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "mine");
}

TEST_F(PromptCacheTest, AModelWhoseCacheRotatesHasNone) {
  const char* const name = "fixtures/anemll/gemma3-fp16-1chunk";
  ANEMONE_NEED_SHARED(name);
  auto model = lm::LanguageModel::open(test::shared_folder() / name, {.hash = false});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto cache = PromptCache::open(**model, {});
  ASSERT_FALSE(cache.ok());
  EXPECT_EQ(cache.error().code, ErrorCode::unsupported);
}

TEST_F(PromptCacheTest, AFolderThatIsNoneIsAnError) {
  std::ofstream(folder_.path() / "file") << "x";
  const auto cache = PromptCache::open(*model_, {.folder = folder_.path() / "file"});
  ASSERT_FALSE(cache.ok());
  EXPECT_EQ(cache.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace anemone::generate
