#include "bench/borders.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "anemone/language_model.h"
#include "bench/request.h"
#include "bench/stage_observer.h"

namespace anemone::bench {
namespace {

const std::filesystem::path kModels = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models";

package::Package with_program(const std::string& text, std::vector<std::string> inputs,
                              std::vector<std::string> outputs) {
  package::Package package;
  auto program = mil::parse(text);
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package.program = *std::move(program);
  package::FunctionDescription function{.name = "main"};
  for (std::string& name : inputs) function.inputs.push_back({.name = std::move(name)});
  for (std::string& name : outputs) function.outputs.push_back({.name = std::move(name)});
  package.functions.push_back(std::move(function));
  package.default_function = "main";
  return package;
}

TEST(Borders, AreFoundByTheStructureOfAMonolith) {
  const auto package = with_program(
      "program(1.3)\n{\n  func main<ios18>(tensor<int32, [1, 1]> input_ids, tensor<int32, [1]> "
      "position_ids) {\n"
      "    tensor<fp16, [4, 2]> rope = const()[name = string(\"rope\"), val = tensor<fp16, [4, 2]>"
      "([[0, 1], [1, 0], [0, 1], [1, 0]])];\n"
      "    tensor<fp16, [4, 2]> table = const()[name = string(\"table\"), val = tensor<fp16, [4, "
      "2]>"
      "([[0, 1], [1, 0], [0, 1], [1, 0]])];\n"
      "    int32 axis = const()[name = string(\"axis\"), val = int32(0)];\n"
      "    tensor<fp16, [1, 2]> angle = gather(axis = axis, indices = position_ids, x = rope)"
      "[name = string(\"angle\")];\n"
      "    tensor<fp16, [1, 1, 2]> hidden = gather(axis = axis, indices = input_ids, x = table)"
      "[name = string(\"hidden\")];\n"
      "    tensor<fp16, [1, 1, 2]> layer = add(x = hidden, y = angle)[name = string(\"layer\")];\n"
      "    bool no = const()[name = string(\"no\"), val = bool(false)];\n"
      "    bool yes = const()[name = string(\"yes\"), val = bool(true)];\n"
      "    tensor<fp16, [1, 1, 4]> raw = matmul(transpose_x = no, transpose_y = yes, x = layer, "
      "y = table)[name = string(\"raw\")];\n"
      "    tensor<fp16, [1, 1, 4]> logits = tanh(x = raw)[name = string(\"logits\")];\n"
      "  } -> (logits);\n}\n",
      {"input_ids", "position_ids"}, {"logits"});
  const Borders borders = find_borders(package, "main");
  EXPECT_TRUE(borders.takes_tokens);
  EXPECT_EQ(borders.begin, "input_ids");
  EXPECT_EQ(borders.embedded, "hidden");
  EXPECT_EQ(borders.to_head, "layer");
  EXPECT_EQ(borders.end, "logits");
}

TEST(Borders, APackageOfLayersHasNone) {
  const auto package = with_program(
      "program(1.3)\n{\n  func main<ios18>(tensor<fp16, [1, 2]> hidden_states) {\n"
      "    tensor<fp16, [1, 2]> output_hidden_states = relu(x = hidden_states)[name = "
      "string(\"output_hidden_states\")];\n  } -> (output_hidden_states);\n}\n",
      {"hidden_states"}, {"output_hidden_states"});
  const Borders borders = find_borders(package, "main");
  EXPECT_FALSE(borders.takes_tokens);
  EXPECT_EQ(borders.begin, "hidden_states");
  EXPECT_TRUE(borders.embedded.empty());
  EXPECT_TRUE(borders.to_head.empty());
  EXPECT_EQ(borders.end, "output_hidden_states");
}

/// Passes a nanosecond each time it is read, so that a stage's time is how often it was left.
class TickingClock : public Clock {
 public:
  int64_t now_ns() override { return ++now_; }

 private:
  int64_t now_ = 0;
};

/// The parts of a real model are seen in all of its forms, and no result changes.
class StagesOf : public testing::TestWithParam<const char*> {};

TEST_P(StagesOf, S2_35_ARealModelShowsEmbeddingLayersAndHead) {
  const std::filesystem::path path = kModels / GetParam();
  lm::LanguageModel::Options options;
  options.hash = false;
  options.runtime.threads = 1;
  options.context = path.filename() == "anemone-tiny" ? 64 : 0;
  const auto plain = lm::LanguageModel::open(path, options);
  ASSERT_TRUE(plain.ok()) << plain.error().to_string();
  TickingClock clock;
  StageTimer timer(clock);
  const auto observer = std::make_shared<StageObserver>(timer);
  options.runtime.observer = observer;
  const auto seen = lm::LanguageModel::open(path, options);
  ASSERT_TRUE(seen.ok()) << seen.error().to_string();
  EXPECT_TRUE(observer->sees_embedding());
  EXPECT_TRUE(observer->sees_head());

  Prompt prompt;
  for (int32_t id = 0; id < 40; ++id) prompt.ids.push_back(100 + id * 7);
  Request expected(**plain, clock, prompt, 8);
  ASSERT_TRUE(expected.run(nullptr).ok());
  Request request(**seen, clock, prompt, 8);
  ASSERT_TRUE(request.run(nullptr).ok());
  timer.clear();
  ASSERT_TRUE(request.run(&timer, true).ok());
  EXPECT_TRUE(std::ranges::equal(expected.tokens(), request.tokens()));
  int64_t sum = 0;
  for (const Stage stage : {Stage::tokenize, Stage::embed, Stage::prefill, Stage::step, Stage::head,
                            Stage::sample, Stage::other})
    sum += timer.ns(stage);
  EXPECT_EQ(sum, request.request_ns());
  // Eight tokens, of which seven have a step of their own; every call passes embedding and head.
  EXPECT_EQ(timer.ns(Stage::sample), 8);
  EXPECT_GE(timer.ns(Stage::step), 7);
  EXPECT_GE(timer.ns(Stage::prefill), 1);
  // Tokens of the prompt that are carried together are so beside the timer too.
  for (const Stage stage : {Stage::embed, Stage::head}) {
    EXPECT_GE(timer.ns(stage), 8);
    EXPECT_LT(timer.ns(stage), 16);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, StagesOf, testing::Values("anemone-tiny-anemll", "anemone-tiny"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace anemone::bench
