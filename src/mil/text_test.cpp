#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "anemone/program.h"

namespace anemone::mil {
namespace {

/// A program of one function whose only operation is `const` with this literal.
std::string with_constant(const std::string& type, const std::string& literal) {
  return "program(1.3)\n{\n    func main<ios18>() {\n            " + type +
         " x = const()[val = " + literal + "];\n        } -> (x);\n}\n";
}

std::string message_of(const Result<Program>& result) {
  return result.ok() ? "no error" : result.error().message;
}

TEST(MilText, PrintsWhatItParses) {
  const std::string text = R"(program(1.3)
[buildInfo = dict<string, string>({{"a", "b"}, {"quote", "x\"y\\z\nw"}})]
{
    func decode<ios18>(state<tensor<fp16, [1, 4]>> cache, tensor<fp16, [1, ?]> x) [Flexible = tuple<string, tensor<int32, [2]>>(("x", [1, 2]))] {
            int32 axis = const()[name = string("axis"), val = int32(-1)];
            tensor<fp16, [1, ?]> a, tensor<fp16, [1, ?]> b = split(axis = axis, num_splits = int32(2), x = x)[name = string("halves")];
            tensor<fp16, [1, ?]> y = concat(axis = axis, interleave = bool(false), values = (a, b, x));
            write_state(data = y, input = cache)[name = string("write")];
            tensor<fp16, [1, ?]> z = while_loop(loop_vars = (y)) (tensor<fp16, [1, ?]> v) {
                bool go = const()[val = bool(false)];
            } -> (go) (tensor<fp16, [1, ?]> v) {
            } -> (v);
            "odd name" = oops()[empty = tensor<fp32, [0, 3]>([])];
        } -> (y, z);
    func prefill<ios16>() {
        } -> ();
}
)";
  const auto program = parse(text);
  // A statement without outputs begins with the operation; a quoted name there is an output's type.
  EXPECT_EQ(message_of(program), "line 13, column 13: expected a type, found 'odd name'");
  std::string sound = text;
  sound.replace(sound.find("\"odd name\" = "), 13, "string \"odd name\" = ");
  const auto repaired = parse(sound);
  ASSERT_TRUE(repaired.ok()) << repaired.error().to_string();
  EXPECT_EQ(print(*repaired), sound);
  EXPECT_EQ(repaired->functions[0].opset, "CoreML8");
  EXPECT_EQ(repaired->functions[0].inputs[0].type.kind, ValueType::Kind::state);
  EXPECT_TRUE(repaired->functions[0].block.operations[2].find_input("values")->is_tuple);
}

TEST(MilText, ReadsBothDialectsAndLooseSpellings) {
  const auto loose = parse(
      "program(1)[a=tensor<string,[]>(\"1\")]{func main<CoreML8>(tensor<fp32,[2]>x){"
      "tensor<bool,[]>t=const()[val=tensor<bool,[]>(true)];// a comment\n"
      "tensor<fp32,[1,2]>y=expand_dims(x=x,axes=tensor<int32,[1]>([0]),)[];}->(y);}");
  EXPECT_EQ(message_of(loose), "line 2, column 65: expected the name of a parameter, found ')'");
  const auto program = parse(
      "program(1)[a=tensor<string,[]>(\"1\")]{func main<CoreML8>(tensor<fp32,[2]>x){"
      "tensor<bool,[]>t=const()[val=tensor<bool,[]>(true)];// a comment\n"
      "tensor<fp32,[1,2]>y=expand_dims(x=x,axes=tensor<int32,[1]>([0]))[];}->(y);}");
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  EXPECT_EQ(print(*program), R"(program(1.3)
[a = string("1")]
{
    func main<ios18>(tensor<fp32, [2]> x) {
            bool t = const()[val = bool(true)];
            tensor<fp32, [1, 2]> y = expand_dims(axes = tensor<int32, [1]>([0]), x = x);
        } -> (y);
}
)");
}

TEST(MilText, KeepsEveryValueOfEveryDtype) {
  struct Case {
    const char* type;
    const char* literal;
    const char* printed;
  };
  const Case cases[] = {
      {"fp16", "fp16(0x1.8p-3)", nullptr},
      {"fp16", "fp16(0x1p-24)", nullptr},
      {"fp16", "fp16(-inf)", nullptr},
      {"fp32", "fp32(nan)", nullptr},
      {"fp32", "fp32(-0x0p+0)", nullptr},
      {"fp32", "fp32(0.1)", "fp32(0x1.99999ap-4)"},
      {"fp32", "fp32(-1e-05)", "fp32(-0x1.4f8b58p-17)"},
      {"fp32", "fp32(3)", "fp32(0x1.8p+1)"},
      {"fp64", "fp64(0x1.999999999999ap-4)", nullptr},
      {"bf16", "bf16(0x1.02p+0)", nullptr},
      {"fp8e4m3fn", "fp8e4m3fn(0x1.cp+8)", nullptr},
      {"fp8e5m2", "fp8e5m2(-0x1p-16)", nullptr},
      {"fp8e5m2", "fp8e5m2(inf)", nullptr},
      {"int64", "int64(-9223372036854775808)", nullptr},
      {"uint64", "uint64(18446744073709551615)", nullptr},
      {"int8", "int8(-128)", nullptr},
      {"bool", "bool(1)", "bool(true)"},
      {"tensor<int4, [3]>", "tensor<int4, [3]>([-8, 7, -1])", nullptr},
      {"tensor<uint1, [2, 2]>", "tensor<uint1, [2, 2]>([[0, 1], [1, 1]])", nullptr},
      {"tensor<uint2, [2]>", "tensor<uint2, [2]>([3, 0])", nullptr},
      {"tensor<uint3, [5]>", "tensor<uint3, [5]>([7, 0, 5, 2, 1])", nullptr},
      {"tensor<uint4, [3]>", "tensor<uint4, [3]>([15, 0, 9])", nullptr},
      {"tensor<uint6, [3]>", "tensor<uint6, [3]>([63, 1, 32])", nullptr},
      {"tensor<uint16, [1]>", "tensor<uint16, [1]>([65535])", nullptr},
      {"tensor<fp32, [2, 2]>", "tensor<fp32, [2, 2]>([1, 2, 3, 4])",
       "tensor<fp32, [2, 2]>([[0x1p+0, 0x1p+1], [0x1.8p+1, 0x1p+2]])"},
      {"tensor<int32, [?]>", "tensor<int32, [?]>([4, 5])", "tensor<int32, [2]>([4, 5])"},
      {"tensor<string, [2]>", "tensor<string, [2]>([\"a\nb\", \"\\d\"])",
       "tensor<string, [2]>([\"a\\nb\", \"\\\\d\"])"},
      {"list<int32, 2>", "list<int32, 2>([1, 2])", nullptr},
      {"list<tensor<int32, [2]>, ?>", "list<tensor<int32, [2]>, ?>([[0, 4]])", nullptr},
  };
  for (const Case& c : cases) {
    const auto program = parse(with_constant(c.type, c.literal));
    ASSERT_TRUE(program.ok()) << c.literal << ": " << program.error().to_string();
    EXPECT_EQ(print(*program), with_constant(c.type, c.printed ? c.printed : c.literal));
  }
}

TEST(MilText, UnderstandsFlexibleShapes) {
  const std::string attributes =
      "[FlexibleShapeInformation = tuple<tuple<string, dict<string, tensor<int32, [?]>>>, "
      "tuple<string, dict<string, list<tensor<int32, [2]>, ?>>>>(((\"DefaultShapes\", "
      "{{\"x\", [4]}}), (\"RangeDims\", {{\"x\", [[0, 4]]}})))]";
  const std::string text = "program(1.3)\n{\n    func main<ios18>(tensor<fp32, [?]> x) " +
                           attributes + " {\n        } -> (x);\n}\n";
  const auto program = parse(text);
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  const Value& flexible = program->functions[0].attributes.at(0).second;
  const Value& ranges = flexible.elements.at(1).elements.at(1);
  EXPECT_EQ(ranges.entries.at(0).second.elements.at(0).tensor.at(1), 4);
  EXPECT_EQ(print(*program), text);
}

TEST(MilText, AsksForBlobs) {
  const std::string text = with_constant(
      "tensor<fp16, [2, 3]>",
      "tensor<fp16, [2, 3]>(BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), "
      "offset = uint64(64)))");
  EXPECT_EQ(message_of(parse(text)),
            "line 4, column 73: expected inline contents, since no weight file is given, found "
            "'BLOBFILE'");
  BlobReference asked;
  const auto loader = [&](const BlobReference& reference, DType dtype,
                          const Shape& shape) -> Result<Tensor> {
    asked = reference;
    return Tensor::zeros(dtype, shape);
  };
  const auto program = parse(text, loader);
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  EXPECT_EQ(asked, (BlobReference{"@model_path/weights/weight.bin", 64}));
  EXPECT_EQ(print(*program), text);
  const auto wrong = [](const BlobReference&, DType, const Shape&) -> Result<Tensor> {
    return Tensor::zeros(DType::fp32, {1});
  };
  EXPECT_EQ(parse(text, wrong).error().code, ErrorCode::corrupt);
}

TEST(MilText, AbbreviatesLongConstants) {
  const auto program = parse(with_constant("tensor<int32, [3]>", "tensor<int32, [3]>([1, 2, 3])"));
  ASSERT_TRUE(program.ok());
  EXPECT_NE(print(*program, 2).find("tensor<int32, [3]>(...)"), std::string::npos);
  EXPECT_NE(print(*program, 3).find("([1, 2, 3])"), std::string::npos);
}

TEST(MilText, HostileTextIsATypedErrorWithItsPlace) {
  struct Case {
    std::string literal;
    const char* message;
  };
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "tuple<";
  const Case cases[] = {
      {"int8(128)", "line 4, column 41: expected a value of dtype int8, found '128'"},
      {"uint3(8)", "line 4, column 42: expected a value of dtype uint3, found '8'"},
      {"fp16(fast)", "line 4, column 41: expected a value of dtype fp16, found 'fast'"},
      {"string(\"open", "line 4, column 43: expected a string, found a string without end"},
      {"tensor<fp32, [9999999, 999999]>([1])",
       "line 4, column 68: expected the elements of shape [9999999, 999999], found 1"},
      {"tensor<fp32, [2, 2]>([[1, 2], [3]])",
       "line 4, column 66: expected 2 elements along axis 1 of shape [2, 2], found 1"},
      {"tensor<fp32, [2, 2]>([])",
       "line 4, column 57: expected the elements of shape [2, 2], found 0"},
      {"tensor<fp32, [3000000000]>([])",
       "line 4, column 50: expected a dimension up to 2147483647, found '3000000000'"},
      {"tensor<fp32, [1,1,1,1,1,1,1,1,1]>([])", "line 4, column 66: a tensor of rank more than 8"},
      {"tensor<fp32, [2147483647, 2147483647]>([])",
       "line 4, column 36: shape [2147483647, 2147483647] has more than 70368744177664 elements"},
      {deep, "line 4, column 408: nested more than 64 levels deep"},
      {"string(\"a\")] [", "line 4, column 49: expected ';', found '['"},
      {"int32(1), val = int32(2)", "line 4, column 29: attribute 'val' is given twice"},
      {"state<fp16>(1)", "line 4, column 48: expected a type that has constants, found '1'"},
  };
  for (const Case& c : cases) {
    const auto result = parse(with_constant("fp32", c.literal));
    EXPECT_EQ(message_of(result), c.message) << c.literal;
  }
  EXPECT_EQ(message_of(parse("")),
            "line 1, column 1: expected 'program', found the end of the text");
}

TEST(MilText, TextCutAnywhereIsACorruptError) {
  const std::string text =
      "program(1.3)\n[a = string(\"b\")]\n{\n func main<ios18>(tensor<fp16, [1, ?]> x) {\n"
      "  tensor<fp16, [2]> c = const()[name = string(\"c\"), val = tensor<fp16, [2]>([0x1p+0, "
      "-2])];\n"
      "  bool p = const()[val = bool(true)];\n"
      "  tensor<fp16, [1, ?]> y = cond(pred = p) () {} -> (x) () {} -> (x);\n"
      "  tensor<fp16, [1, ?]> z = concat(values = (x, y), axis = int32(0), interleave = p);\n"
      " } -> (z);\n}\n";
  ASSERT_TRUE(parse(text).ok()) << parse(text).error().to_string();
  for (size_t length = 0; length + 1 < text.size(); ++length) {
    const auto cut = parse(text.substr(0, length));
    ASSERT_FALSE(cut.ok()) << length;
    EXPECT_EQ(cut.error().code, ErrorCode::corrupt) << length;
    EXPECT_TRUE(cut.error().message.starts_with("line ")) << cut.error().message;
  }
}

TEST(MilText, ReadsTextOfApplesCompilerAndKeepsIt) {
  const char* const shared = std::getenv("ANEMONE_SHARED");
  const std::filesystem::path fixtures =
      std::filesystem::path(shared ? shared : ANEMONE_SOURCE_DIR "/../shared") /
      "fixtures/realworld";
  if (!std::filesystem::is_directory(fixtures)) GTEST_SKIP() << "no " << fixtures;
  const auto loader = [](const BlobReference&, DType dtype, const Shape& shape) -> Result<Tensor> {
    return Tensor::zeros(dtype, shape);
  };
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures)) {
    const auto path = entry.path() / "model.mil";
    if (!std::filesystem::exists(path)) continue;
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    const auto program = parse(text.str(), loader);
    ASSERT_TRUE(program.ok()) << path << ": " << program.error().to_string();
    const std::string printed = print(*program);
    const auto again = parse(printed, loader);
    ASSERT_TRUE(again.ok()) << path << ": " << again.error().to_string();
    EXPECT_EQ(print(*again), printed);
    const auto& operations = program->functions.at(0).block.operations;
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(text.str(), ';')) - 1, operations.size());
    ++files;
  }
  EXPECT_GE(files, 3);
}

}  // namespace
}  // namespace anemone::mil
