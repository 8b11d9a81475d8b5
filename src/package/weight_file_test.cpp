#include "package/weight_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/model_bytes.h"

namespace anemone::package {
namespace {

using test::blob;
using test::weight_header;
using ::testing::HasSubstr;

class WeightFileTest : public ::testing::Test {
 protected:
  Result<Tensor> read(const std::string& bytes, DType dtype, const Shape& shape,
                      uint64_t offset = 64) {
    const auto owner = std::make_shared<const std::string>(bytes);
    return read_blob(std::as_bytes(std::span(*owner)), owner, offset, dtype, shape);
  }
  void expect(const std::string& bytes, ErrorCode code, const char* word, uint64_t offset = 64) {
    const auto tensor = read(bytes, DType::fp16, {4}, offset);
    ASSERT_FALSE(tensor.ok()) << word;
    EXPECT_EQ(tensor.error().code, code) << tensor.error().message;
    EXPECT_THAT(tensor.error().message, HasSubstr(word));
  }
};

TEST_F(WeightFileTest, ReadsEveryTypeAsAView) {
  struct Case {
    uint32_t number;
    DType dtype;
    int64_t count;
    size_t size_bytes;
    uint64_t padding_bits;
  };
  for (const Case& c : {Case{1, DType::fp16, 5, 10, 0}, Case{2, DType::fp32, 5, 20, 0},
                        Case{3, DType::uint8, 5, 5, 0}, Case{4, DType::int8, 5, 5, 0},
                        Case{5, DType::bf16, 5, 10, 0}, Case{6, DType::int16, 5, 10, 0},
                        Case{7, DType::uint16, 5, 10, 0}, Case{8, DType::int4, 5, 3, 4},
                        Case{9, DType::uint1, 5, 1, 3}, Case{10, DType::uint2, 5, 2, 6},
                        Case{11, DType::uint4, 5, 3, 4}, Case{12, DType::uint3, 5, 2, 1},
                        Case{13, DType::uint6, 5, 4, 2}, Case{14, DType::int32, 5, 20, 0},
                        Case{15, DType::uint32, 5, 20, 0}, Case{16, DType::fp8e4m3fn, 5, 5, 0},
                        Case{17, DType::fp8e5m2, 5, 5, 0}}) {
    const std::string data(c.size_bytes, '\x11');
    const auto tensor =
        read(weight_header(1) + blob(c.number, data, 64, c.padding_bits), c.dtype, {c.count});
    ASSERT_TRUE(tensor.ok()) << tensor.error().message;
    EXPECT_EQ(tensor->dtype(), c.dtype);
    EXPECT_EQ(tensor->bytes().size(), c.size_bytes);
    EXPECT_EQ(tensor->bytes()[0], std::byte{0x11});
  }
}

TEST_F(WeightFileTest, RecordsAreListedInFileOrder) {
  std::string file = weight_header(2) + blob(1, "abcd", 64);
  file.resize(192);
  file += blob(12, "xy", 192, 4);
  std::vector<BlobRecord> records;
  ASSERT_TRUE(for_each_blob(std::as_bytes(std::span(file)), [&](const BlobRecord& record) {
                records.push_back(record);
              }).ok());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].offset_bytes, 192u);
  EXPECT_EQ(records[1].dtype, DType::uint3);
  EXPECT_EQ(records[1].size_bytes, 2u);
}

TEST_F(WeightFileTest, CountThatPromisesMoreIsAnError) {
  const std::string file = weight_header(0xffffffff) + blob(1, "abcd", 64);
  const Status status = for_each_blob(std::as_bytes(std::span(file)), [](const BlobRecord&) {});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().to_string(), HasSubstr("blob 2 of 4294967295"));
}

TEST_F(WeightFileTest, RecordsThatPointBackAreAnError) {
  std::string file = weight_header(2) + blob(1, "abcd", 64);
  file.resize(192);
  file += blob(1, "abcd", 0);  // its data at 64, before the record
  const Status status = for_each_blob(std::as_bytes(std::span(file)), [](const BlobRecord&) {});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("lie before it"));
}

TEST_F(WeightFileTest, LiesAreNamed) {
  const std::string data(8, '\0');
  const std::string sound = weight_header(1) + blob(1, data, 64);
  ASSERT_TRUE(read(sound, DType::fp16, {4}).ok());
  expect(sound, ErrorCode::corrupt, "positive multiple", 0);
  expect(sound, ErrorCode::corrupt, "positive multiple", 65);
  expect(sound, ErrorCode::corrupt, "outside of the file of 136 bytes", 128);
  expect(sound, ErrorCode::corrupt, "outside of the file", ~uint64_t{63});
  expect(sound, ErrorCode::corrupt, "outside of the file", uint64_t{1} << 63);

  std::string bytes = sound;
  bytes[64] = '\0';
  expect(bytes, ErrorCode::corrupt, "0xdeadbe00, expected 0xdeadbeef");
  expect(weight_header(1) + blob(18, data, 64), ErrorCode::corrupt, "type 18");
  expect(weight_header(1) + blob(0, data, 64), ErrorCode::corrupt, "type 0");
  expect(weight_header(1) + blob(2, data, 64), ErrorCode::mismatch, "type fp32");
  expect(weight_header(1) + blob(1, data + "xx", 64), ErrorCode::mismatch, "10 bytes, expected 8");
  expect(weight_header(1) + blob(1, data, 65), ErrorCode::corrupt, "data at 129");
  expect(weight_header(1) + blob(1, data, 1 << 20), ErrorCode::corrupt, "8 bytes of data");
  expect(weight_header(1) + blob(1, data, ~uint64_t{127}), ErrorCode::corrupt, "bytes of data at");
  bytes = sound;
  bytes.replace(72, 8, 8, '\xff');  // the size
  expect(bytes, ErrorCode::corrupt, "18446744073709551615 bytes of data");
}

TEST_F(WeightFileTest, PaddingOfSubByteTypesIsChecked) {
  const std::string header = weight_header(1);
  EXPECT_TRUE(read(header + blob(11, "abc", 64, 4), DType::uint4, {5}).ok());
  EXPECT_EQ(read(header + blob(11, "abc", 64, 0), DType::uint4, {5}).error().code,
            ErrorCode::mismatch);
  EXPECT_EQ(read(header + blob(11, "abc", 64, 3), DType::uint4, {5}).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(read(header + blob(11, "abc", 64, 8), DType::uint4, {4}).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(read(header + blob(11, "", 64, 4), DType::uint4, {0}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(read(header + blob(12, "abc", 64, 0), DType::uint3, {8}).ok(), true);
  EXPECT_EQ(read(header + blob(12, "abc", 64, 3), DType::uint3, {8}).error().code,
            ErrorCode::mismatch);
}

TEST_F(WeightFileTest, HeadersOfOtherVersionsAreRefused) {
  const auto check = [](const std::string& bytes) {
    return check_weight_header(std::as_bytes(std::span(bytes)));
  };
  EXPECT_TRUE(check(weight_header(0)).ok());
  EXPECT_EQ(check(weight_header(0, 1)).error().code, ErrorCode::unsupported);
  EXPECT_EQ(check(weight_header(0, 3)).error().code, ErrorCode::corrupt);
  EXPECT_EQ(check("").error().code, ErrorCode::corrupt);
  EXPECT_EQ(check(weight_header(0).substr(0, 63)).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace anemone::package
