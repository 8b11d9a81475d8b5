#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/path_inside.h"
#include "base/staged_folder.h"
#include "support/scratch_folder.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(MappedFileTest, BytesOutliveTheName) {
  const test::ScratchFolder folder;
  folder.write("a", "some bytes");
  const auto file = MappedFile::open(folder.path() / "a");
  ASSERT_TRUE(file.ok());
  fs::remove(folder.path() / "a");
  EXPECT_EQ(text_of((*file)->bytes()), "some bytes");
}

TEST(MappedFileTest, EmptyFileHasNoBytes) {
  const test::ScratchFolder folder;
  folder.write("empty", "");
  const auto file = MappedFile::open(folder.path() / "empty");
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST(MappedFileTest, BytesStayWhenTheirMemoryIsReleased) {
  const test::ScratchFolder folder;
  folder.write("a", std::string(100000, 'a') + "end");
  const auto file = MappedFile::open(folder.path() / "a");
  ASSERT_TRUE(file.ok());
  const std::string before = text_of((*file)->bytes());
  (*file)->release();
  EXPECT_EQ(text_of((*file)->bytes()), before);
}

TEST(MappedFileTest, RefusesWhatIsNoFile) {
  const test::ScratchFolder folder;
  EXPECT_EQ(MappedFile::open(folder.path() / "none").error().code, ErrorCode::not_found);
  EXPECT_EQ(MappedFile::open(folder.path()).error().code, ErrorCode::io);
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(folder.path() / "pipe").error().code, ErrorCode::io);
}

TEST(PathInsideTest, FindsWhatIsInside) {
  const test::ScratchFolder folder;
  folder.write("root/weights/weight.bin", "x");
  const auto found = path_inside(folder.path() / "root", "weights/weight.bin");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, folder.path() / "root/weights/weight.bin");
  EXPECT_EQ(path_inside(folder.path() / "root", "weights/other.bin").error().code,
            ErrorCode::not_found);
}

TEST(PathInsideTest, RefusesEscapes) {
  const test::ScratchFolder folder;
  folder.write("root/a", "x");
  folder.write("secret", "x");
  folder.write("rooter", "x");
  fs::create_symlink("../secret", folder.path() / "root/link");
  fs::create_symlink(folder.path(), folder.path() / "root/up");
  const fs::path root = folder.path() / "root";
  for (const std::string& name :
       {std::string("../secret"), std::string("a/../../secret"), std::string(""),
        (folder.path() / "secret").string(), std::string("link"), std::string("up/secret"),
        std::string("up/rooter"), std::string("."), std::string("a\0b", 3)})
    EXPECT_EQ(path_inside(root, name).error().code, ErrorCode::corrupt) << name;
}

TEST(PathInsideTest, FollowsLinksIntoTheBlobsOfAHubCache) {
  const test::ScratchFolder folder;
  folder.write("models--a--b/blobs/1234", "x");
  folder.write("models--a--b/refs/main", "x");
  const fs::path root = folder.path() / "models--a--b/snapshots/5678/m.mlmodelc";
  fs::create_directories(root);
  fs::create_symlink("../../../blobs/1234", root / "model.mil");
  fs::create_symlink("../../../refs/main", root / "other");
  EXPECT_TRUE(path_inside(root, "model.mil").ok());
  EXPECT_EQ(path_inside(root, "other").error().code, ErrorCode::corrupt);
}

TEST(AtomicFileTest, AppearsOnlyWhenCommitted) {
  const test::ScratchFolder folder;
  folder.write("out", "old");
  const std::string text = "new";
  {
    auto file = AtomicFile::create(folder.path() / "out");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(std::as_bytes(std::span(text))).ok());
    EXPECT_EQ(folder.read("out"), "old");
  }
  EXPECT_EQ(folder.read("out"), "old");
  auto file = AtomicFile::create(folder.path() / "out");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(std::as_bytes(std::span(text))).ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(folder.read("out"), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(AtomicFileTest, KeepsDevicesAndLinks) {
  const test::ScratchFolder folder;
  folder.write("real", "old");
  fs::create_symlink("real", folder.path() / "link");
  auto file = AtomicFile::create(folder.path() / "link");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(folder.read("real"), "");
  auto null = AtomicFile::create("/dev/null");
  ASSERT_TRUE(null.ok());
  ASSERT_TRUE(null->commit().ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(AtomicFile::create(folder.path() / "none/out").error().code, ErrorCode::io);
}

TEST(OutputFileTest, HashesWhatItWrites) {
  const test::ScratchFolder folder;
  for (const size_t last : {0u, 1u, (1u << 20) - 6u}) {
    auto file =
        OutputFile::create(folder.path() / std::to_string(last), OutputFile::Hashing::blake3);
    ASSERT_TRUE(file.ok());
    std::string expected;
    for (const size_t size : std::initializer_list<size_t>{5, 700'000, 9'000'000, 3, last}) {
      const std::string piece(size, static_cast<char>('a' + expected.size() % 26));
      ASSERT_TRUE(file->write(std::as_bytes(std::span(piece))).ok());
      expected += piece;
    }
    ASSERT_TRUE(file->close().ok());
    EXPECT_TRUE(folder.read(std::to_string(last)) == expected);
    EXPECT_EQ(file->digest(), blake3(expected));
  }
  auto abandoned = OutputFile::create(folder.path() / "abandoned", OutputFile::Hashing::blake3);
  ASSERT_TRUE(abandoned.ok());
  ASSERT_TRUE(abandoned->write(std::vector<std::byte>(3 << 20)).ok());
}

/// After 64 MiB the page cache is passed by, but for the end, which is no whole page.
TEST(OutputFileTest, HashesWhatItWritesOfLargeFiles) {
  const test::ScratchFolder folder;
  std::vector<uint32_t> numbers(700'000);
  std::iota(numbers.begin(), numbers.end(), 1u);
  const auto bytes = std::as_bytes(std::span(numbers));
  auto file = OutputFile::create(folder.path() / "large", OutputFile::Hashing::blake3);
  ASSERT_TRUE(file.ok());
  Blake3 expected;
  for (int i = 0; i < 25; ++i) {
    const auto piece = bytes.subspan(static_cast<size_t>(i));
    ASSERT_TRUE(file->write(piece).ok());
    expected.update({reinterpret_cast<const char*>(piece.data()), piece.size()});
  }
  const Status closed = file->close();
  ASSERT_TRUE(closed.ok()) << closed.error().to_string();
  Blake3 found;
  ASSERT_TRUE(found.update_from(folder.path() / "large").ok());
  const std::string digest = expected.finish();
  EXPECT_EQ(file->digest(), digest);
  EXPECT_EQ(found.finish(), digest);
}

TEST(OutputFileTest, KeepsTheOrderOfSmallAndLargePieces) {
  const test::ScratchFolder folder;
  auto file = OutputFile::create(folder.path() / "out");
  ASSERT_TRUE(file.ok());
  std::string expected;
  for (const size_t size : {1u, 700'000u, 600'000u, 0u, 3u, 3'000'000u, 1u << 20, 5u}) {
    const std::string piece(size, static_cast<char>('a' + expected.size() % 26));
    ASSERT_TRUE(file->write(std::as_bytes(std::span(piece))).ok());
    expected += piece;
  }
  ASSERT_TRUE(file->close().ok());
  EXPECT_EQ(folder.read("out"), expected);
  EXPECT_EQ(OutputFile::create(folder.path() / "out").error().code, ErrorCode::io);
}

TEST(StagedFolderTest, AppearsOnlyWhenCommitted) {
  const test::ScratchFolder folder;
  folder.write("out/old", "old");
  {
    const auto staged = StagedFolder::create(folder.path() / "out");
    ASSERT_TRUE(staged.ok());
    folder.write(staged->path() / "new", "new");
    EXPECT_EQ(staged->path().filename().string().substr(0, 5), ".out.");
    EXPECT_EQ(folder.read("out/old"), "old");
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  auto staged = StagedFolder::create(folder.path() / "out/");
  ASSERT_TRUE(staged.ok());
  folder.write(staged->path() / "new", "new");
  EXPECT_EQ(staged->commit().error().code, ErrorCode::invalid_argument);
  const auto no = [](const fs::path&) { return Status(Error{ErrorCode::io, "no", {}, {}}); };
  EXPECT_EQ(staged->commit_over(no).error().message, "no");
  EXPECT_EQ(folder.read("out/old"), "old");
  ASSERT_TRUE(staged->commit_over([](const fs::path&) { return Status(); }).ok());
  EXPECT_EQ(folder.read("out/new"), "new");
  EXPECT_FALSE(fs::exists(folder.path() / "out/old"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(StagedFolder::create(folder.path() / "none/out").error().code, ErrorCode::not_found);
}

/// "x/../x" and "x/up/x" are x; while x is moved, neither leads anywhere.
TEST(StagedFolderTest, ReplacesAFolderThroughWhichItsOwnNameLeads) {
  const auto may = [](const fs::path&) { return Status(); };
  for (const char* name : {"x/../x", "x/up/x"}) {
    const test::ScratchFolder folder;
    folder.write("x/old", "old");
    fs::create_directory_symlink("..", folder.path() / "x/up");
    auto staged = StagedFolder::create(folder.path() / name);
    ASSERT_TRUE(staged.ok());
    folder.write(staged->path() / "new", "new");
    const Status status = staged->commit_over(may);
    ASSERT_TRUE(status.ok()) << status.error().to_string();
    EXPECT_EQ(folder.read("x/new"), "new");
    EXPECT_FALSE(fs::exists(folder.path() / "x/old"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << name;
  }
}

TEST(StagedFolderTest, PutsBackWhatItCannotReplace) {
  const test::ScratchFolder folder;
  folder.write("x/old", "old");
  auto staged = StagedFolder::create(folder.path() / "x");
  ASSERT_TRUE(staged.ok());
  const fs::path made = staged->path();
  EXPECT_EQ(staged
                ->commit_over([&](const fs::path&) {
                  fs::remove(made);
                  return Status();
                })
                .error()
                .code,
            ErrorCode::io);
  EXPECT_EQ(folder.read("x/old"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace anemone
