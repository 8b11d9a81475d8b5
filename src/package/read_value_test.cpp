#include "package/read_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/model_bytes.h"

namespace anemone::package {
namespace {

using namespace test;
using ::testing::HasSubstr;

Result<Tensor> no_blobs(const mil::BlobReference&, DType, const Shape&) {
  return fail(ErrorCode::not_found, "no weight files");
}

Result<mil::Value> parse(const std::string& bytes) {
  return read_value(whole_message(bytes, "Value"), no_blobs);
}

Result<mil::Value> parse(int dtype, const std::vector<int64_t>& dims, uint32_t list,
                         const std::string& values) {
  return parse(immediate(tensor_type(dtype, dims), list, values));
}

std::vector<double> numbers(const mil::Value& value) {
  std::vector<double> result;
  for (int64_t i = 0; i < value.tensor.element_count(); ++i) result.push_back(value.tensor.at(i));
  return result;
}

TEST(ReadValueTest, EveryEncodingOfNumbers) {
  struct Case {
    int dtype;
    uint32_t list;
    std::string values;
    std::vector<double> expected;
  };
  const std::string minus_one = varint(~uint64_t{0});
  for (const Case& c :
       {Case{kFp32, kFloats, little_endian<float>({1.5f, -2.0f}), {1.5, -2}},
        Case{kFp16, kFloats, little_endian<float>({1.5f, -2.0f}), {1.5, -2}},
        Case{kFp32, kDoubles, little_endian<double>({1.5, -2}), {1.5, -2}},
        Case{kFp16, kBytes, std::string("\x00\x3e\x00\xc0", 4), {1.5, -2}},
        Case{kFp32, kBytes, little_endian<float>({1.5f, -2.0f}), {1.5, -2}},
        Case{kInt32, kInts, "\x07" + minus_one, {7, -1}},
        Case{kInt8, kInts, "\x07" + minus_one, {7, -1}}, Case{kInt8, kBytes, "\x07\xff", {7, -1}},
        Case{kInt4, kBytes, "\xf7", {7, -1}}, Case{kUint4, kBytes, "\xf7", {7, 15}},
        Case{kUint4, kInts, "\x07\x0f", {7, 15}}, Case{kUint3, kBytes, "\x3a", {2, 7}},
        Case{kUint32, kBytes, little_endian<uint32_t>({7, 0xffffffff}), {7, 4294967295.0}},
        Case{kUint32, kInts, "\x07" + minus_one, {7, 4294967295.0}},
        Case{kInt64, kLongInts, "\x07" + minus_one, {7, -1}},
        Case{kInt32, kLongInts, "\x07" + minus_one, {7, -1}},
        Case{kBool, kBools, std::string("\x00\x01", 2), {0, 1}}}) {
    const auto value = parse(c.dtype, {2}, c.list, c.values);
    ASSERT_TRUE(value.ok()) << c.dtype << " " << c.list << ": " << value.error().to_string();
    EXPECT_EQ(numbers(*value), c.expected) << c.dtype << " " << c.list;
  }
}

TEST(ReadValueTest, SixtyFourBitIntegersKeepEveryBit) {
  const auto value = parse(kInt64, {}, kLongInts, varint((uint64_t{1} << 62) + 1));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->tensor.values<int64_t>()[0], (int64_t{1} << 62) + 1);
  const auto large = parse(kUint64, {}, kLongInts, varint(~uint64_t{0}));
  ASSERT_TRUE(large.ok());
  EXPECT_EQ(large->tensor.values<uint64_t>()[0], ~uint64_t{0});
}

TEST(ReadValueTest, UnpackedListsAreTakenToo) {
  const std::string list = field(1, 3) + field(1, 4);
  const auto value =
      parse(field(2, tensor_type(kInt32, {2})) + field(3, field(1, field(kInts, list))));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(numbers(*value), (std::vector<double>{3, 4}));
  const std::string one_float = "\x0d" + little_endian<float>({2.5f});
  const auto floats = parse(field(2, tensor_type(kFp32, {2})) +
                            field(3, field(1, field(kFloats, one_float + one_float))));
  ASSERT_TRUE(floats.ok());
  EXPECT_EQ(numbers(*floats), (std::vector<double>{2.5, 2.5}));
}

TEST(ReadValueTest, Strings) {
  const auto value =
      parse(field(2, tensor_type(kString, {2})) +
            field(3, field(1, field(kStrings, field(1, "a") + field(1, "\xc3\xa9")))));
  ASSERT_TRUE(value.ok());
  EXPECT_THAT(value->tensor.strings(), ::testing::ElementsAre("a", "\xc3\xa9"));
  EXPECT_EQ(parse(string_value("\xff")).error().code, ErrorCode::corrupt);
}

TEST(ReadValueTest, CountsMustFit) {
  for (const uint32_t list : {kFloats, kDoubles, kBytes}) {
    const auto value = parse(kFp32, {3}, list, little_endian<double>({1}));
    ASSERT_FALSE(value.ok());
    EXPECT_EQ(value.error().code, ErrorCode::corrupt);
    EXPECT_THAT(value.error().message, HasSubstr("expected"));
  }
  EXPECT_EQ(parse(kInt32, {3}, kInts, "\x01\x02").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kString, {3}, kStrings, "x").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kInt8, {int64_t{1} << 62}, kBytes, "x").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kInt4, {int64_t{1} << 40}, kBytes, "x").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kFp32, {1}, kFloats, "abc").error().code, ErrorCode::corrupt);
}

TEST(ReadValueTest, ValuesOutsideTheirTypeAreErrors) {
  EXPECT_THAT(parse(kInt8, {}, kInts, varint(128)).error().message, HasSubstr("is 128"));
  EXPECT_EQ(parse(kUint4, {}, kInts, varint(16)).error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kUint8, {}, kInts, varint(~uint64_t{0})).error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kBool, {}, kBools, varint(2)).error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kInt32, {}, kFloats, little_endian<float>({1})).error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kFp32, {}, kInts, "\x01").error().code, ErrorCode::corrupt);
}

TEST(ReadValueTest, TypesAreChecked) {
  EXPECT_EQ(parse(99, {}, kInts, "\x01").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(kInt32, {-1}, kInts, "\x01").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(immediate(tensor_type(kInt32, {1}, 2), kInts, "\x01")).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(parse(immediate(tensor_type(kInt32, {}, -7), kInts, "\x01")).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(parse(kInt32, std::vector<int64_t>(9, 1), kInts, "\x01").error().code,
            ErrorCode::unsupported);
  EXPECT_EQ(parse(kInt32, {0, int64_t{1} << 40, int64_t{1} << 40}, kInts, "").error().code,
            ErrorCode::corrupt);
  const std::string neither = field(1, field(1, kInt32) + field(2, 1) + field(3, ""));
  EXPECT_THAT(parse(immediate(neither, kInts, "\x01")).error().message,
              HasSubstr("neither constant nor unknown"));
  EXPECT_EQ(parse("").error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(field(2, tensor_type(kInt32, {}))).error().code, ErrorCode::corrupt);
}

TEST(ReadValueTest, CompoundValues) {
  const std::string text = tensor_type(kString, {});
  const std::string dictionary_type = field(4, field(1, text) + field(2, text));
  const std::string pair = field(1, string_value("k")) + field(2, string_value("v"));
  const auto dictionary = parse(field(2, dictionary_type) + field(3, field(4, field(1, pair))));
  ASSERT_TRUE(dictionary.ok()) << dictionary.error().to_string();
  ASSERT_EQ(dictionary->entries.size(), 1u);
  EXPECT_EQ(dictionary->entries[0].second.tensor.strings()[0], "v");
  EXPECT_EQ(to_string(dictionary->type), "dict<string, string>");

  const std::string tuple_type = field(3, field(1, text) + field(1, text));
  const std::string two = field(1, string_value("a")) + field(1, string_value("b"));
  EXPECT_TRUE(parse(field(2, tuple_type) + field(3, field(2, two))).ok());
  EXPECT_EQ(
      parse(field(2, tuple_type) + field(3, field(2, field(1, string_value("a"))))).error().code,
      ErrorCode::corrupt);
  const std::string list_type = field(2, field(1, text) + field(2, field(1, field(1, 2))));
  const auto list = parse(field(2, list_type) + field(3, field(3, two)));
  ASSERT_TRUE(list.ok()) << list.error().to_string();
  EXPECT_EQ(list->type.list_length, 2);
  EXPECT_EQ(list->elements.size(), 2u);

  const std::string half = field(1, string_value("k"));
  EXPECT_EQ(parse(field(2, dictionary_type) + field(3, field(4, field(1, half)))).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(parse(field(2, text) + field(3, field(4, field(1, pair)))).error().code,
            ErrorCode::corrupt);
}

TEST(ReadValueTest, NestingIsBounded) {
  std::string type = tensor_type(kInt32, {});
  for (int i = 0; i < 5000; ++i) type = field(2, field(1, type));
  const auto value = parse(field(2, type));
  ASSERT_FALSE(value.ok());
  EXPECT_THAT(value.error().message, HasSubstr("nested deeper than 100"));
}

TEST(ReadValueTest, BlobErrorsNameTheirPlace) {
  const auto value = parse(blob_value(tensor_type(kFp16, {4}), 64));
  ASSERT_FALSE(value.ok());
  EXPECT_THAT(value.error().to_string(), HasSubstr("byte 0: no weight files"));
  EXPECT_EQ(parse(blob_value(tensor_type(kFp16, {-1}), 64)).error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse(blob_value(tensor_type(kFp16, {}, -1), 64)).error().code, ErrorCode::corrupt);
}

TEST(ReadValueTest, WrongWireTypesAreErrors) {
  const auto as_varint = parse(field(2, 7));
  ASSERT_FALSE(as_varint.ok());
  EXPECT_THAT(as_varint.error().message, HasSubstr("wire type 0, expected 2"));
  EXPECT_THAT(parse("\x13").error().message, HasSubstr("breaks off"));  // a group
}

}  // namespace
}  // namespace anemone::package
