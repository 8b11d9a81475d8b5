#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "mil/interpret.h"
#include "mil/op.h"
#include "support/op_case.h"

namespace anemone {
namespace {

using test::OpCase;

/// Results of a function without inputs, whose states start as zeros.
Result<std::vector<Tensor>> run(const mil::Program& program, std::string_view name,
                                bool round_fp16) {
  std::vector<Tensor> states;
  if (const mil::Function* function = program.find_function(name))
    for (const mil::NamedType& input : function->inputs)
      states.push_back(Tensor::zeros(input.type.tensor.dtype, input.type.tensor.shape));
  return mil::interpret(program, name, {}, states, round_fp16);
}

class OpCases : public testing::TestWithParam<std::filesystem::path> {
 protected:
  static void compare(const OpCase& op_case, const test::Tolerance& tolerance, bool round_fp16) {
    const auto got = run(op_case.program, "main", round_fp16);
    ASSERT_TRUE(got.ok()) << got.error().to_string();
    const auto expected = run(op_case.program, "expected", true);
    ASSERT_TRUE(expected.ok()) << expected.error().to_string();
    ASSERT_EQ(got->size(), expected->size());
    ASSERT_FALSE(got->empty());
    const auto& names = op_case.program.find_function("main")->block.outputs;
    for (size_t i = 0; i < got->size(); ++i)
      EXPECT_EQ(test::difference(got->at(i), expected->at(i), tolerance, !round_fp16), "")
          << "output " << names[i] << (round_fp16 ? "" : " without rounding");
  }
};

TEST(OpCaseComparison, SeesWhatIsOutsideItsTolerance) {
  const auto halves = [](double value) {
    Tensor tensor = Tensor::zeros(DType::fp16, {1});
    tensor.set(0, value);
    return tensor;
  };
  using Kind = test::Tolerance::Kind;
  const test::Tolerance exact{};
  const test::Tolerance two_ulps{.kind = Kind::ulp, .ulps = 2};
  const test::Tolerance near{.kind = Kind::absolute_relative, .absolute = 0.25, .relative = 0.5};
  const auto differs = [&](double got, double expected, const test::Tolerance& tolerance) {
    return !test::difference(halves(got), halves(expected), tolerance, false).empty();
  };
  EXPECT_TRUE(differs(-0.0, 0.0, exact));
  EXPECT_FALSE(differs(NAN, NAN, exact));
  EXPECT_TRUE(differs(NAN, 1, near));
  EXPECT_FALSE(differs(1 + 0x1p-9, 1, two_ulps));
  EXPECT_TRUE(differs(1 + 0x3p-10, 1, two_ulps));
  EXPECT_FALSE(differs(-0x1p-24, 0x1p-24, two_ulps));
  EXPECT_FALSE(differs(2.5, 1.5, near));
  EXPECT_TRUE(differs(2.6, 1.5, near));
  EXPECT_TRUE(differs(INFINITY, 65504, near));
  const Tensor single = halves(1).converted(DType::fp32);
  EXPECT_NE(test::difference(single, halves(1), exact, false), "");
  EXPECT_EQ(test::difference(single, halves(1), exact, true), "");
  EXPECT_NE(test::difference(halves(1).reshaped({1, 1}), halves(1), exact, false), "");
}

TEST_P(OpCases, Reference) {
  const auto op_case = test::read_op_case(GetParam());
  ASSERT_TRUE(op_case.ok()) << op_case.error().to_string();
  for (const mil::Diagnostic& fault : mil::verify(op_case->program))
    ADD_FAILURE() << fault.to_string();
  compare(*op_case, op_case->tolerance, true);
  if (op_case->unrounded) compare(*op_case, *op_case->unrounded, false);
}

/// The text with every integer in it replaced in turn, whatever it is: a dimension, an index, a
/// size.
std::vector<std::string> with_other_integers(const std::string& text, const std::string& integer) {
  std::vector<std::string> changed;
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (size_t at = text.find("func main"); at < text.size();) {
    const bool starts =
        std::isdigit(static_cast<unsigned char>(text[at])) && !is_word(text[at - 1]);
    size_t end = at;
    while (end < text.size() && (is_word(text[end]) || text[end] == '.')) ++end;
    if (starts && text.find_first_not_of("0123456789", at) >= end) {
      const size_t begin = text[at - 1] == '-' ? at - 1 : at;
      changed.push_back(std::string(text).replace(begin, end - begin, integer));
    }
    at = std::max(end, at + 1);
  }
  return changed;
}

/// A program with any shape and any parameter is judged without a crash; what is found sound and
/// needs little memory runs, or says why not.
TEST_P(OpCases, EndureHostileIntegers) {
  const std::string text = test::read_text(GetParam());
  for (const char* const integer : {"0", "-1", "1", "7", "-9", "2147483647", "-2147483648"})
    for (const std::string& changed : with_other_integers(text, integer)) {
      const auto program = mil::parse(changed);
      if (!program.ok() || !mil::verify(*program).empty()) continue;
      if (std::string_view(integer).size() < 4) (void)run(*program, "main", true);
    }
}

void collect_types(const mil::Block& block, std::set<std::string, std::less<>>& types) {
  for (const mil::Operation& operation : block.operations) {
    types.insert(operation.type);
    for (const mil::Block& nested : operation.blocks) collect_types(nested, types);
  }
}

TEST(OpCaseCoverage, EveryOpHasACase) {
  std::set<std::string, std::less<>> types;
  for (const auto& path : test::mil_files("ops")) {
    const auto op_case = test::read_op_case(path);
    ASSERT_TRUE(op_case.ok()) << path << ": " << op_case.error().to_string();
    if (const mil::Function* main = op_case->program.find_function("main"))
      collect_types(main->block, types);
  }
  for (const mil::OpDef* op : mil::all_ops())
    EXPECT_TRUE(types.contains(op->name)) << op->name << " occurs in no file of tests/ops";
}

INSTANTIATE_TEST_SUITE_P(Files, OpCases, testing::ValuesIn(test::mil_files("ops")),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace anemone
