#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <string>

#include "base/atomic_file.h"
#include "support/scratch_folder.h"
#include "tensor/zip_reader.h"
#include "tensor/zip_writer.h"

namespace anemone {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// An archive with members "a" and "b/é".
std::string archive(uint64_t zip64_from) {
  const test::ScratchFolder folder;
  auto file = AtomicFile::create(folder.path() / "x.zip");
  ZipWriter writer(*file, zip64_from);
  const std::string first = "first";
  const std::string second = "second";
  EXPECT_TRUE(writer.add("a", {bytes_of(first), bytes_of(second)}).ok());
  EXPECT_TRUE(writer.add("b/\xc3\xa9", {}).ok());
  EXPECT_TRUE(writer.finish().ok());
  EXPECT_TRUE(file->commit().ok());
  return folder.read("x.zip");
}

template <typename T>
void poke(std::string& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

size_t central(const std::string& bytes) { return bytes.find("PK\1\2"); }

/// Reads all members; the first error, or none.
Status read_all(const std::string& bytes) {
  ANEMONE_TRY(const auto members, read_zip_directory(bytes_of(bytes)));
  std::vector<std::byte> buffer;
  for (const ZipMember& member : members)
    if (auto contents = read_zip_member(bytes_of(bytes), member, buffer); !contents.ok())
      return std::move(contents).error();
  return {};
}

/// "a" deflated, with `claimed` as its unpacked size.
std::string deflated(const std::string& contents, uint32_t claimed) {
  std::string packed(compressBound(contents.size()) + 64, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(contents.data()));
  stream.avail_in = static_cast<uInt>(contents.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);

  const test::ScratchFolder folder;
  auto file = AtomicFile::create(folder.path() / "x.zip");
  ZipWriter writer(*file);
  EXPECT_TRUE(writer.add("a", {bytes_of(packed)}).ok());
  EXPECT_TRUE(writer.finish().ok());
  EXPECT_TRUE(file->commit().ok());
  std::string bytes = folder.read("x.zip");
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size());
  poke(bytes, central(bytes) + 10, zip::kDeflated);
  poke(bytes, central(bytes) + 16, static_cast<uint32_t>(crc));
  poke(bytes, central(bytes) + 24, claimed);
  return bytes;
}

TEST(ZipTest, BothFormsReadBack) {
  for (const uint64_t zip64_from : {uint64_t{0}, uint64_t{1}, uint64_t{40}, uint64_t{1} << 32}) {
    const std::string bytes = archive(zip64_from);
    const auto members = read_zip_directory(bytes_of(bytes));
    ASSERT_TRUE(members.ok()) << members.error().to_string();
    ASSERT_EQ(members->size(), 2u);
    EXPECT_EQ((*members)[0].name, "a");
    EXPECT_EQ((*members)[1].name, "b/\xc3\xa9");
    std::vector<std::byte> buffer;
    const auto contents = read_zip_member(bytes_of(bytes), (*members)[0], buffer);
    ASSERT_TRUE(contents.ok()) << contents.error().to_string();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(contents->data()), contents->size()),
              "firstsecond");
  }
}

TEST(ZipTest, EveryCutIsAnError) {
  for (const uint64_t zip64_from : {uint64_t{0}, uint64_t{1} << 32}) {
    const std::string bytes = archive(zip64_from);
    ASSERT_TRUE(read_all(bytes).ok());
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_EQ(read_all(bytes.substr(0, size)).error().code, ErrorCode::corrupt) << size;
  }
}

TEST(ZipTest, LiesOfTheDirectoryAreErrors) {
  const std::string sound = archive(zip::kIn64);
  struct Lie {
    size_t offset;
    uint32_t value;
    const char* word;
  };
  for (const Lie& lie :
       {Lie{20, 0x7fffffff, "share"}, Lie{24, 12, "expected 12"}, Lie{16, 1, "checksum"},
        Lie{42, 0xfffffff0, "no header"}, Lie{42, 1, "no header"}, Lie{46, 'z', "another name"}}) {
    std::string bytes = sound;
    if (lie.offset == 46)
      bytes[central(bytes) + 46] = static_cast<char>(lie.value);
    else
      poke(bytes, central(bytes) + lie.offset, lie.value);
    const Status status = read_all(bytes);
    ASSERT_FALSE(status.ok()) << lie.word;
    EXPECT_EQ(status.error().code, ErrorCode::corrupt);
    EXPECT_THAT(status.error().message, HasSubstr(lie.word));
  }
}

TEST(ZipTest, EncryptionAndOtherMethodsAreUnsupported) {
  std::string encrypted = archive(zip::kIn64);
  poke(encrypted, central(encrypted) + 8, zip::kFlagEncrypted);
  EXPECT_EQ(read_all(encrypted).error().code, ErrorCode::unsupported);
  std::string method = archive(zip::kIn64);
  poke(method, central(method) + 10, uint16_t{14});
  EXPECT_EQ(read_all(method).error().code, ErrorCode::unsupported);
}

TEST(ZipTest, InflatesAndStopsAtTheDeclaredSize) {
  const std::string contents(100000, 'x');
  EXPECT_TRUE(read_all(deflated(contents, 100000)).ok());
  for (const uint32_t claimed : {0u, 1u, 99999u, 100001u})
    EXPECT_EQ(read_all(deflated(contents, claimed)).error().code, ErrorCode::corrupt) << claimed;
}

TEST(ZipTest, RefusesSizesThatDeflateCannotReach) {
  const Status status = read_all(deflated("x", 0xfffffff0));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("cannot come from"));
}

}  // namespace
}  // namespace anemone
