#include "tensor/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tensor/npy_header.h"

namespace anemone {
namespace {

using ::testing::HasSubstr;

std::string npy(std::string_view literal, std::string_view data) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(literal.size() & 0xff);
  bytes += static_cast<char>(literal.size() >> 8);
  return bytes.append(literal).append(data);
}

Result<Tensor> parse(const std::string& bytes) {
  return parse_npy(std::as_bytes(std::span(bytes)));
}

TEST(NpyHeaderTest, AcceptsWhatPythonAccepts) {
  for (const char* literal : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                              "{'shape':(2,3),\"descr\":\"<f4\",'fortran_order':False}\n",
                              " { 'fortran_order' : False, 'descr': '<f4', 'shape': (2, 3,) }  "}) {
    const auto header = parse_npy_header(literal);
    ASSERT_TRUE(header.ok()) << literal;
    EXPECT_EQ(header->descr, "<f4");
    EXPECT_FALSE(header->fortran_order);
    EXPECT_EQ(header->shape, (std::vector<int64_t>{2, 3}));
  }
}

TEST(NpyHeaderTest, PrintsTuplesAsPython) {
  EXPECT_EQ(print_npy_header({"<f2", false, {}}),
            "{'descr': '<f2', 'fortran_order': False, 'shape': (), }");
  EXPECT_EQ(print_npy_header({"<f2", true, {7}}),
            "{'descr': '<f2', 'fortran_order': True, 'shape': (7,), }");
  EXPECT_EQ(print_npy_header({"<f2", false, {1, 0}}),
            "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 0), }");
}

TEST(NpyHeaderTest, RefusesEverythingElse) {
  for (const char* literal :
       {"", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<\\x66 4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} + 1"})
    EXPECT_EQ(parse_npy_header(literal).error().code, ErrorCode::corrupt) << literal;
  EXPECT_EQ(parse_npy_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}")
                .error()
                .code,
            ErrorCode::unsupported);
}

TEST(NpyTest, FortranOrderIsTransposed) {
  const auto tensor =
      parse(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", "\1\4\2\5\3\6"));
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(tensor->at(i), i + 1);
}

TEST(NpyTest, FortranOrderOfRankThree) {
  // element [i, j, k] = 100 i + 10 j + k of shape [2, 2, 3], first index fastest.
  const auto tensor = parse(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 3), }",
                                std::string("\0\x64\x0a\x6e\1\x65\x0b\x6f\2\x66\x0c\x70", 12)));
  ASSERT_TRUE(tensor.ok());
  for (int64_t i = 0, n = 0; i < 2; ++i)
    for (int64_t j = 0; j < 2; ++j)
      for (int64_t k = 0; k < 3; ++k) EXPECT_EQ(tensor->at(n++), 100 * i + 10 * j + k);
}

TEST(NpyTest, BooleansBecomeZeroAndOne) {
  const auto tensor = parse(
      npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", std::string("\0\1\xff", 3)));
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->bytes()[2], std::byte{1});
}

TEST(NpyTest, TextIsTrimmedAndBecomesUtf8) {
  const auto bytes = parse(
      npy("{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", std::string("ab\0xyz", 6)));
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->strings()[0], "ab");
  EXPECT_EQ(bytes->strings()[1], "xyz");
  const auto units = parse(npy("{'descr': '<U2', 'fortran_order': False, 'shape': (), }",
                               std::string("\xac\x20\0\0\0\xf6\1\0", 8)));
  ASSERT_TRUE(units.ok());
  EXPECT_EQ(units->strings()[0], "\xe2\x82\xac\xf0\x9f\x98\x80");  // euro sign, grinning face
}

TEST(NpyTest, TextRoundTrips) {
  const std::vector<std::string> texts{"", "a", "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x98\x80"};
  const auto parts = npy_parts(Tensor::from_strings({4}, texts));
  ASSERT_TRUE(parts.ok());
  EXPECT_THAT(parts->header, HasSubstr("'<U3'"));
  const auto back = parse(parts->header + parts->data);
  ASSERT_TRUE(back.ok());
  EXPECT_THAT(back->strings(), ::testing::ElementsAreArray(texts));
}

TEST(NpyTest, RefusesTextThatIsNoUnicode) {
  const auto tensor = parse(
      npy("{'descr': '<U1', 'fortran_order': False, 'shape': (), }", std::string("\0\xd8\0\0", 4)));
  EXPECT_EQ(tensor.error().code, ErrorCode::corrupt);
  for (const char* text : {"\xff", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\x80"})
    EXPECT_EQ(npy_parts(Tensor::from_strings({}, {text})).error().code,
              ErrorCode::invalid_argument);
}

TEST(NpyTest, HeaderIsPaddedTo64Bytes) {
  const auto parts = npy_parts(Tensor::zeros(DType::fp16, {1, 4}));
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->header.size() % 64, 0u);
  EXPECT_EQ(parts->header.back(), '\n');
}

TEST(NpyTest, ShapeMustFitTheBytes) {
  for (const char* shape : {"(3,)", "(5,)", "(2, 4611686018427387904)", "(9223372036854775807,)",
                            "(0, 4611686018427387904, 4)", "()"}) {
    const auto literal =
        "{'descr': '|u1', 'fortran_order': False, 'shape': " + std::string(shape) + "}";
    EXPECT_EQ(parse(npy(literal, "abcd")).error().code, ErrorCode::corrupt) << shape;
  }
  EXPECT_EQ(parse(npy("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}", ""))
                .error()
                .code,
            ErrorCode::unsupported);
}

TEST(NpyTest, NamesTypesItDoesNotKnow) {
  for (const char* descr : {"|O", ">f4", "<c8", "<M8[ns]", "|V2", "<Ux", "<U", "<f3", ""}) {
    const auto literal =
        "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': ()}";
    const auto tensor = parse(npy(literal, ""));
    EXPECT_EQ(tensor.error().code, ErrorCode::unsupported) << descr;
    EXPECT_THAT(tensor.error().message, HasSubstr(descr));
  }
  EXPECT_EQ(npy_parts(Tensor::zeros(DType::bf16, {2})).error().code, ErrorCode::unsupported);
  EXPECT_EQ(npy_parts(Tensor::zeros(DType::uint4, {2})).error().code, ErrorCode::unsupported);
}

TEST(NpyTest, RefusesCutAndForeignFiles) {
  const auto parts = npy_parts(Tensor::zeros(DType::int8, {}));
  ASSERT_TRUE(parts.ok());
  const std::string whole = parts->header + '\0';
  ASSERT_TRUE(parse(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parse(whole.substr(0, size)).error().code, ErrorCode::corrupt) << size;
  std::string later = whole;
  later[6] = 9;
  EXPECT_EQ(parse(later).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace anemone
