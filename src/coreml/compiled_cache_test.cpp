#include "coreml/compiled_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "support/scratch_folder.h"

namespace anemone::coreml {
namespace {

namespace fs = std::filesystem;

class CompiledCacheTest : public testing::Test {
 protected:
  CompiledCacheTest() {
    folder_.write("m.mlpackage/Manifest.json", "{}");
    folder_.write("m.mlpackage/Data/weight.bin", std::string(100, 'w'));
  }

  fs::path package() const { return folder_.path() / "m.mlpackage"; }
  CompiledCache cache(const std::string& system = "15.5") const {
    return {folder_.path() / "cache", system};
  }
  /// A compiled model that says how often the compiler was asked.
  Compile compiler() {
    return [this](const fs::path& package) -> Result<fs::path> {
      ++compiled_;
      const std::string name = "temporary" + std::to_string(compiled_) + ".mlmodelc";
      folder_.write(name + "/model.mil", "compiled " + std::to_string(compiled_));
      folder_.write(name + "/weights/weight.bin", std::string(3 << 20, 'w'));
      EXPECT_EQ(package, this->package());
      return folder_.path() / name;
    };
  }
  static std::string text(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test::ScratchFolder folder_;
  int compiled_ = 0;
};

TEST_F(CompiledCacheTest, S3_48_APackageIsCompiledOnceHoweverOftenItIsLoaded) {
  const auto made = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_FALSE(made->was_there);
  EXPECT_EQ(made->model.extension(), ".mlmodelc");
  EXPECT_EQ(text(made->model / "model.mil"), "compiled 1");
  EXPECT_FALSE(fs::exists(folder_.path() / "temporary1.mlmodelc"));
  const auto again = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(again->model, made->model);
  EXPECT_EQ(compiled_, 1);
}

TEST_F(CompiledCacheTest, AnEntryIsFoundByContentsAndNotByName) {
  const auto first = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(first.ok());
  fs::rename(package(), folder_.path() / "elsewhere.mlpackage");
  const auto moved = cache().find_or_make(folder_.path() / "elsewhere.mlpackage", compiler());
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(moved->model, first->model);
  fs::rename(folder_.path() / "elsewhere.mlpackage", package());
  folder_.write("m.mlpackage/Data/weight.bin", std::string(100, 'v'));
  const auto changed = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(changed.ok());
  EXPECT_NE(changed->model, first->model);
  EXPECT_EQ(compiled_, 2);
  const auto newer = cache("26.0").find_or_make(package(), compiler());
  ASSERT_TRUE(newer.ok());
  EXPECT_NE(newer->model, changed->model);
  EXPECT_EQ(compiled_, 3);
}

TEST_F(CompiledCacheTest, ADamagedEntryIsMadeAnew) {
  const auto damage = [&](const fs::path& file, auto&& change) {
    const auto entry = cache().find_or_make(package(), compiler());
    ASSERT_TRUE(entry.ok());
    change(entry->model / file);
    const int before = compiled_;
    const auto again = cache().find_or_make(package(), compiler());
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_EQ(compiled_, before + 1) << file;
    EXPECT_EQ(text(again->model / "model.mil"), "compiled " + std::to_string(compiled_));
    EXPECT_EQ(fs::file_size(again->model / "weights/weight.bin"), 3U << 20);
  };
  damage("weights/weight.bin", [](const fs::path& file) { fs::resize_file(file, 100); });
  damage("weights/weight.bin", [](const fs::path& file) { fs::remove(file); });
  damage("model.mil", [](const fs::path& file) { std::ofstream(file) << "cOmpiled 9"; });
  damage("stray", [](const fs::path& file) { std::ofstream(file) << "x"; });
  damage("../contents.txt", [](const fs::path& file) { fs::resize_file(file, 0); });
  damage("../contents.txt", [](const fs::path& file) { fs::remove(file); });
}

TEST_F(CompiledCacheTest, AFailedCompilationLeavesNothing) {
  const auto failed = cache().find_or_make(package(), [](const fs::path&) -> Result<fs::path> {
    return fail(ErrorCode::unsupported, "refused");
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message, "refused");
  EXPECT_TRUE(fs::is_empty(folder_.path() / "cache"));
  EXPECT_EQ(cache().find_or_make(folder_.path() / "none.mlpackage", compiler()).error().code,
            ErrorCode::io);
}

TEST_F(CompiledCacheTest, RemakeReplacesAnEntryThatLooksWhole) {
  ASSERT_TRUE(cache().find_or_make(package(), compiler()).ok());
  const auto remade = cache().remake(package(), compiler());
  ASSERT_TRUE(remade.ok());
  EXPECT_EQ(text(remade->model / "model.mil"), "compiled 2");
  EXPECT_TRUE(cache().find_or_make(package(), compiler())->was_there);
}

TEST_F(CompiledCacheTest, ARefusalIsKnownUntilTheEntryIsMadeAnew) {
  const auto made = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE(cache().find_or_make(package(), compiler())->is_refused);
  cache().note_refusal(*made);
  const auto known = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(known.ok());
  EXPECT_TRUE(known->was_there && known->is_refused);
  EXPECT_EQ(compiled_, 1);
  ASSERT_TRUE(cache().remake(package(), compiler()).ok());
  EXPECT_FALSE(cache().find_or_make(package(), compiler())->is_refused);
}

TEST_F(CompiledCacheTest, FilesBehindLinkedFoldersCount) {
  fs::rename(package() / "Data", folder_.path() / "data_elsewhere");
  fs::create_directory_symlink(folder_.path() / "data_elsewhere", package() / "Data");
  const auto first = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(first.ok()) << first.error().to_string();
  folder_.write("data_elsewhere/weight.bin", std::string(100, 'z'));
  const auto changed = cache().find_or_make(package(), compiler());
  ASSERT_TRUE(changed.ok());
  EXPECT_NE(changed->model, first->model);
}

TEST_F(CompiledCacheTest, WhatTheCompilerLeftIsRemovedWhereNoEntryCanBeMade) {
  const auto entry = cache().find_or_make(package(), [&](const fs::path& from) {
    fs::remove_all(folder_.path() / "cache");
    folder_.write("cache", "a file where the folder was");
    return compiler()(from);
  });
  EXPECT_FALSE(entry.ok());
  EXPECT_EQ(compiled_, 1);
  EXPECT_FALSE(fs::exists(folder_.path() / "temporary1.mlmodelc"));
}

TEST_F(CompiledCacheTest, ManyAtOnceEndWithOneWholeEntry) {
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const auto entry = cache().find_or_make(package(), [&](const fs::path&) -> Result<fs::path> {
        const std::string name = "t" + std::to_string(i) + ".mlmodelc";
        folder_.write(name + "/model.mil", "compiled");
        return folder_.path() / name;
      });
      if (!entry.ok() || text(entry->model / "model.mil") != "compiled") ++failures;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(cache().find_or_make(package(), compiler())->was_there);
}

TEST(DefaultCacheFolder, IsTheUsersUnlessOneIsNamed) {
  setenv("ANEMONE_COMPILED_CACHE", "/x/compiled", 1);
  EXPECT_EQ(default_cache_folder(), "/x/compiled");
  unsetenv("ANEMONE_COMPILED_CACHE");
  EXPECT_EQ(default_cache_folder().parent_path().filename(), "anemone");
}

}  // namespace
}  // namespace anemone::coreml
