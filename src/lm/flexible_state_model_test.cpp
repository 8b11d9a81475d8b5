#include <gtest/gtest.h>

#include "lm/forms.h"

namespace anemone::lm {
namespace {

/// One-hot rows of the tokens, for the numbers of tokens that `counts` lists.
package::Package package_of(const std::vector<int64_t>& counts) {
  package::Package package;
  auto program = mil::parse(R"(program(1.3)
{
  func main<ios18>(state<tensor<fp32, [1, 1, 16, 1]>> cache, tensor<int32, [1, ?]> input_ids,
                   tensor<fp32, [1, 1, ?, ?]> causal_mask) {
    tensor<fp32, [1, ?, 8]> logits = one_hot(indices = input_ids, one_hot_vector_size = int32(8),
        axis = int32(-1), on_value = fp32(1), off_value = fp32(0));
  } -> (logits);
}
)");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package.program = *std::move(program);
  package::FunctionDescription function{.name = "main"};
  package::Feature ids{.name = "input_ids", .dtype = DType::int32, .shape = {1, counts[0]}};
  for (const int64_t count : counts) ids.enumerated_shapes.push_back({1, count});
  package::Feature mask{.name = "causal_mask", .shape = {1, 1, 1, 1}};
  mask.ranges = {{1, 1}, {1, 1}, {1, 16}, {1, 16}};
  function.inputs = {ids, mask};
  function.outputs.push_back({.name = "logits"});
  function.states.push_back({.name = "cache", .shape = {1, 1, 16, 1}});
  package.functions.push_back(function);
  package.default_function = "main";
  return package;
}

OpenedModel open(package::Package package) {
  auto model = runtime::Model::load(std::move(package), {.threads = 1});
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  EXPECT_TRUE(is_flexible_state((*model)->package()));
  LanguageModel::Options options;
  options.hash = false;
  return open_flexible_state(*model, options);
}

TEST(FlexibleStateModel, CutsTokensIntoTheListedCounts) {
  const auto model = open(package_of({1, 4, 2, 8}));
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const std::vector<int32_t> tokens = {1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 0};
  std::vector<float> logits(tokens.size() * 8);
  const auto sequence = (*model)->new_sequence();
  const Status status = (*model)->extend(*sequence, tokens, Rows::all, logits);
  ASSERT_TRUE(status.ok()) << status.error().to_string();
  for (size_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(logits[i * 8 + static_cast<size_t>(tokens[i])], 1) << i;
  EXPECT_EQ((*model)->counters().calls, 4U);  // 8 + 4 + 2 + 1
}

TEST(FlexibleStateModel, RefusesListsWithoutASingleToken) {
  const auto model = open(package_of({2, 4}));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
}

TEST(FlexibleStateModel, RefusesMasksOfListedWidths) {
  package::Package package = package_of({1, 4});
  package::Feature& mask = package.functions[0].inputs[1];
  mask.ranges.clear();
  mask.enumerated_shapes = {{1, 1, 1, 1}, {1, 1, 4, 16}};
  const auto model = open(std::move(package));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace anemone::lm
