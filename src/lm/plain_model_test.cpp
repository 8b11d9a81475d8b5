#include <gtest/gtest.h>

#include <filesystem>

#include "lm/forms.h"

namespace anemone::lm {
namespace {

/// Logits [1, T, 4] that are a one-hot row of each token, plus `extra`, a name in the body.
std::string function_text(const std::string& name, int tokens, const std::string& body,
                          const std::string& extra) {
  const std::string rows = std::to_string(tokens);
  const std::string type = "tensor<fp32, [1, " + rows + ", 4]>";
  return "  func " + name + "<ios18>(tensor<int32, [1, " + rows + "]> input_ids) {\n" + "    " +
         type +
         " own = one_hot(indices = input_ids, one_hot_vector_size = int32(4), axis = int32(-1), "
         "on_value = fp32(1), off_value = fp32(0));\n" +
         body + "    " + type + " logits = add(x = own, y = " + extra + ");\n  } -> (logits);\n";
}

package::Package package_of(const std::string& functions,
                            const std::vector<std::pair<std::string, int64_t>>& names) {
  package::Package package;
  auto program = mil::parse("program(1.3)\n{\n" + functions + "}\n");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package.program = std::move(program).value();
  for (const auto& [name, tokens] : names) {
    package::FunctionDescription function{.name = name};
    function.inputs.push_back({.name = "input_ids", .dtype = DType::int32, .shape = {1, tokens}});
    function.outputs.push_back({.name = "logits", .shape = {1, tokens, 4}});
    package.functions.push_back(function);
  }
  package.default_function = names[0].first;
  return package;
}

OpenedModel open(package::Package package) {
  package.path = std::filesystem::path(testing::TempDir()) / "plain_model_test";  // to be hashed
  std::filesystem::create_directory(package.path);
  auto model = runtime::Model::load(std::move(package), {.threads = 1});
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_TRUE(is_plain((*model)->package()));
  return open_plain(*model, {});
}

/// What a prompt that is shorter than the length gives: the row after its last token.
std::vector<float> row_after(LanguageModel& model, const std::vector<int32_t>& tokens) {
  std::vector<float> logits(4);
  const auto sequence = model.new_sequence();
  const Status status = model.extend(*sequence, tokens, Rows::last, logits);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  return logits;
}

const char* const kSumBefore =
    "    tensor<fp32, [1, 3, 4]> past = cumsum(x = own, axis = int32(1), exclusive = bool(true), "
    "reverse = bool(false));\n";
const char* const kSumBehind =
    "    tensor<fp32, [1, 3, 4]> past = cumsum(x = own, axis = int32(1), exclusive = bool(true), "
    "reverse = bool(true));\n";

TEST(PlainModel, S3_55_PaddingChangesNoLogits) {
  auto model = open(package_of(function_text("main", 3, kSumBefore, "past"), {{"main", 3}}));
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_EQ(row_after(**model, {2}), (std::vector<float>{0, 0, 1, 0}));
  EXPECT_EQ(row_after(**model, {2, 1}), (std::vector<float>{0, 1, 1, 0}));
  EXPECT_EQ(row_after(**model, {2, 1, 0}), (std::vector<float>{1, 1, 1, 0}));
}

TEST(PlainModel, RefusesAModelThatLooksAhead) {
  const auto model = open(package_of(function_text("main", 3, kSumBehind, "past"), {{"main", 3}}));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
  EXPECT_EQ(model.error().message,
            "function 'main' is not causal: its last token changes the logits of earlier ones");
}

TEST(PlainModel, TheDefaultFunctionRunsWhereSeveralCan) {
  const std::string text = function_text("main", 2, "", "fp32(0)") +
                           function_text("other", 2, "", "fp32(100)") +
                           function_text("third", 3, "", "fp32(1000)");
  for (const auto& [chosen, extra] : {std::pair{"main", 0.0F}, {"other", 100.0F}}) {
    package::Package package = package_of(text, {{"main", 2}, {"other", 2}, {"third", 3}});
    package.default_function = chosen;
    auto model = open(std::move(package));
    ASSERT_TRUE(model.ok()) << model.error().to_string();
    EXPECT_EQ(row_after(**model, {3})[0], extra) << chosen;
    EXPECT_EQ(row_after(**model, {3, 3, 3})[0], 1000.0F);
  }
}

}  // namespace
}  // namespace anemone::lm
