#include "probe/structure.h"

#include <gtest/gtest.h>

namespace anemone::probe {
namespace {

const std::string kHidden = "tensor<fp32, [1, 4, 1, 2]>";

std::string weight(const std::string& name) {
  return "tensor<fp32, [4, 4, 1, 1]> " + name + " = const()[val = tensor<fp32, [4, 4, 1, 1]>([" +
         "1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1])];\n";
}

std::string conv(const std::string& name, const std::string& x) {
  return weight("w_" + name) + kHidden + " " + name + " = conv(x = " + x + ", weight = w_" + name +
         ", strides = tensor<int32, [2]>([1, 1]), pad_type = string(\"valid\"), pad = "
         "tensor<int32, [4]>([0, 0, 0, 0]), dilations = tensor<int32, [2]>([1, 1]), groups = "
         "int32(1));\n";
}

std::string add(const std::string& name, const std::string& x, const std::string& y) {
  return kHidden + " " + name + " = add(x = " + x + ", y = " + y + ");\n";
}

/// Attention whose sums are in the order that `left` says, with a rotation of the queries, and a
/// gated product. Names carry no meaning.
std::string layer(const std::string& n, const std::string& from, bool left) {
  const std::string mix = " = matmul(x = ";
  return kHidden + " n" + n + " = mul(x = " + from + ", y = fp32(0.5));\n" +
         conv("a" + n, "n" + n) + conv("b" + n, "n" + n) + conv("c" + n, "n" + n) + kHidden +
         " ra" + n + " = sin(x = a" + n + ");\n" + kHidden + " rb" + n + " = cos(x = a" + n +
         ");\n" + add("t" + n, "ra" + n, "rb" + n) + "tensor<fp32, [1, 4, 2, 2]> s" + n + mix +
         "t" + n + ", y = b" + n + ", transpose_x = bool(true), transpose_y = bool(false));\n" +
         "tensor<fp32, [1, 4, 2, 2]> p" + n + " = softmax(x = s" + n + ", axis = int32(-1));\n" +
         kHidden + " o" + n + mix + "c" + n + ", y = p" + n +
         ", transpose_x = bool(false), transpose_y = bool(false));\n" + conv("d" + n, "o" + n) +
         (left ? add("u" + n, from, "d" + n) : add("u" + n, "d" + n, from)) + kHidden + " m" + n +
         " = mul(x = u" + n + ", y = fp32(2));\n" + conv("e" + n, "m" + n) +
         conv("f" + n, "m" + n) + kHidden + " g" + n + " = silu(x = e" + n + ");\n" + kHidden +
         " h" + n + " = mul(x = g" + n + ", y = f" + n + ");\n" + conv("i" + n, "h" + n) +
         (left ? add("v" + n, "u" + n, "i" + n) : add("v" + n, "i" + n, "u" + n));
}

mil::Function parsed(const std::string& body, const std::string& result) {
  auto program = mil::parse("program(1.3)\n{\n  func main<ios18>(" + kHidden + " x) {\n" + body +
                            "  } -> (" + result + ");\n}\n");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  return program.ok() ? program->functions[0] : mil::Function();
}

std::vector<std::string> products(const Branch& branch) {
  std::vector<std::string> list;
  for (const Product& product : branch.products)
    list.push_back(product.role + "=" + product.place.value);
  return list;
}

TEST(Structure, S4_3_FindsTheResidualStreamAndTheProductsOfItsBranches) {
  const mil::Function function =
      parsed(layer("1", "x", true) + layer("2", "v1", false) + kHidden +
                 " norm = mul(x = v2, y = fp32(3));\n" + conv("head", "norm"),
             "head");
  const Structure structure = structure_of(function);
  ASSERT_TRUE(structure.start);
  EXPECT_EQ(structure.start->value, "x");
  ASSERT_EQ(structure.branches.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i / 2 + 1);
    const Branch& branch = structure.branches[i];
    EXPECT_EQ(branch.is_attention, i % 2 == 0);
    ASSERT_TRUE(branch.norm);
    EXPECT_EQ(branch.norm->value, (i % 2 == 0 ? "n" : "m") + n);
    EXPECT_EQ(branch.norm->channel_axis, 1u);
    EXPECT_EQ(branch.sum.value, (i % 2 == 0 ? "u" : "v") + n);
    EXPECT_EQ(products(branch),
              i % 2 == 0 ? (std::vector<std::string>{"q=a" + n, "k=b" + n, "v=c" + n, "out=d" + n})
                         : (std::vector<std::string>{"gate=e" + n, "up=f" + n, "down=i" + n}));
  }
  ASSERT_TRUE(structure.head_input);
  EXPECT_EQ(structure.head_input->value, "norm");
}

TEST(Structure, SumsOfConstantsAndOfTwoBranchesAreNoStream) {
  const Structure structure = structure_of(
      parsed(kHidden + " a = add(x = x, y = fp32(1));\n" + kHidden + " b = exp(x = x);\n" +
                 kHidden + " c = sin(x = x);\n" + add("d", "b", "c") + conv("head", "d"),
             "head"));
  EXPECT_FALSE(structure.start);
  EXPECT_TRUE(structure.branches.empty());
  ASSERT_TRUE(structure.head_input);
  EXPECT_EQ(structure.head_input->value, "d");
}

TEST(Structure, ProductsOfPositionsAreNoneOfTheFirstLayers) {
  const Structure structure = structure_of(parsed(
      "tensor<int32, [4]> size = shape(x = x);\n"
      "tensor<fp32, [4]> number = cast(x = size, dtype = string(\"fp32\"));\n"
      "tensor<fp32, [1, 4, 1, 1]> place = reshape(x = number, shape = tensor<int32, [4]>([1, 4, 1, "
      "1]));\n" +
          conv("angle", "place") + conv("a", "x") + conv("b", "x") + conv("c", "x") + kHidden +
          " t = mul(x = a, y = angle);\n"
          "tensor<fp32, [1, 4, 2, 2]> s = matmul(x = t, y = b, transpose_x = bool(true), "
          "transpose_y = bool(false));\n" +
          kHidden +
          " o = matmul(x = c, y = s, transpose_x = bool(false), transpose_y = bool(false));\n" +
          conv("d", "o") + add("y", "x", "d"),
      "y"));
  ASSERT_EQ(structure.branches.size(), 1u);
  EXPECT_EQ(products(structure.branches[0]),
            (std::vector<std::string>{"q=a", "k=b", "v=c", "out=d"}));
  ASSERT_TRUE(structure.branches[0].norm);
  EXPECT_EQ(structure.branches[0].norm->value, "x");
}

TEST(Structure, TheFactorOfScaledLogitsIsNotInTheFinalNorm) {
  const std::string norm = kHidden + " norm = mul(x = v1, y = v1);\n";
  const auto head_input = [&](const std::string& rest, const std::string& last) {
    const Structure structure =
        structure_of(parsed(layer("1", "x", true) + norm + rest + conv("head", last), "head"));
    return structure.head_input ? structure.head_input->value : "none";
  };
  EXPECT_EQ(head_input("", "norm"), "norm");
  EXPECT_EQ(head_input(kHidden + " halved = real_div(x = norm, y = fp32(2));\n" + kHidden +
                           " scaled = mul(x = fp32(1.25), y = halved);\n",
                       "scaled"),
            "norm");
  EXPECT_EQ(head_input(kHidden + " turned = real_div(x = fp32(2), y = norm);\n", "turned"),
            "turned");
}

TEST(Structure, AStateCarriesKeysAndValuesToTheResult) {
  const std::string body =
      conv("k", "x") + "    write_state(data = k, input = cache);\n" + kHidden +
      " keys = read_state(input = cache);\n" + conv("q", "x") +
      "tensor<fp32, [1, 4, 2, 2]> s = matmul(x = q, y = keys, transpose_x = bool(true), "
      "transpose_y = bool(false));\n" +
      kHidden +
      " o = matmul(x = keys, y = s, transpose_x = bool(false), transpose_y = "
      "bool(false));\n" +
      conv("out", "o") + add("y", "x", "out");
  auto program = mil::parse("program(1.3)\n{\n  func main<ios18>(" + kHidden + " x, state<" +
                            kHidden + "> cache) {\n" + body + "  } -> (y);\n}\n");
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  const Structure structure = structure_of(program->functions[0]);
  ASSERT_EQ(structure.branches.size(), 1u);
  EXPECT_EQ(products(structure.branches[0]),
            (std::vector<std::string>{"in0=k", "in1=q", "out=out"}));
}

}  // namespace
}  // namespace anemone::probe
