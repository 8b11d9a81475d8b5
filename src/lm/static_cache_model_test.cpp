#include "lm/static_cache_model.h"

#include <gtest/gtest.h>

#include "lm/loader.h"

namespace anemone::lm {
namespace {

/// `cache` of the last two tokens; `rest` goes on from the cache "now" to the token and the sum of
/// the rows that the mask shows.
std::string chunk_function(const std::string& name, const std::string& update) {
  return "  func " + name +
         "<ios18>(state<tensor<fp32, [1, 1, 2, 1]>> cache, tensor<int32, [1, 1]> input_ids, "
         "tensor<fp32, [1, 1, 1, 4]> causal_mask, tensor<int32, [1]> current_pos) {\n"
         "    tensor<fp32, [1, 1]> number = cast(x = input_ids, dtype = string(\"fp32\"));\n"
         "    tensor<fp32, [1, 1, 1, 1]> token = reshape(x = number, shape = tensor<int32, "
         "[4]>([1, 1, 1, 1]));\n"
         "    tensor<fp32, [1, 1, 2, 1]> old = read_state(input = cache);\n" +
         update +
         "    write_state(data = now, input = cache);\n"
         "    tensor<fp32, [1, 1, 1, 1]> sum = reduce_sum(x = now, axes = tensor<int32, [1]>([2]), "
         "keep_dims = bool(true));\n"
         "    tensor<fp32, [1, 1, 1, 2]> both = concat(values = (token, sum), axis = int32(-1), "
         "interleave = bool(false));\n"
         "    tensor<fp32, [1, 1, 2]> output_hidden_states = squeeze(x = both, axes = "
         "tensor<int32, [1]>([0]));\n  } -> (output_hidden_states);\n";
}

/// The step writes the slot of its position, the rotating step moves all rows up.
const char* const kStep =
    "    tensor<fp32, [1, 2]> slot = one_hot(indices = current_pos, one_hot_vector_size = "
    "int32(2), "
    "axis = int32(-1), on_value = fp32(1), off_value = fp32(0));\n"
    "    tensor<fp32, [1, 1, 2, 1]> here = reshape(x = slot, shape = tensor<int32, [4]>([1, 1, 2, "
    "1]));\n"
    "    tensor<fp32, [1, 1, 2, 1]> kept = sub(x = fp32(1), y = here);\n"
    "    tensor<fp32, [1, 1, 2, 1]> others = mul(x = old, y = kept);\n"
    "    tensor<fp32, [1, 1, 2, 1]> own = mul(x = here, y = token);\n"
    "    tensor<fp32, [1, 1, 2, 1]> now = add(x = others, y = own);\n";
const char* const kRotate =
    "    tensor<fp32, [1, 1, 1, 1]> newer = slice_by_index(x = old, begin = tensor<int32, [4]>([0, "
    "0, 1, 0]), end = tensor<int32, [4]>([1, 1, 2, 1]));\n"
    "    tensor<fp32, [1, 1, 2, 1]> now = concat(values = (newer, token), axis = int32(2), "
    "interleave = bool(false));\n";

/// Takes the token and the sum apart. A table of 7 rows has none for token 7.
const char* const kSplit =
    "    tensor<fp32, [1, 1, 1]> number = slice_by_index(x = hidden_states, begin = tensor<int32, "
    "[3]>([0, 0, 0]), end = tensor<int32, [3]>([1, 1, 1]));\n"
    "    tensor<fp32, [1, 1, 1]> sum = slice_by_index(x = hidden_states, begin = tensor<int32, "
    "[3]>([0, 0, 1]), end = tensor<int32, [3]>([1, 1, 2]));\n";
const char* const kLogits =
    "    tensor<int32, [1, 1, 1]> token = cast(x = number, dtype = string(\"int32\"));\n"
    "    tensor<fp32, [1, 1, 1]> zero = gather(x = tensor<fp32, [7]>([0, 0, 0, 0, 0, 0, 0]), "
    "indices = token, axis = int32(0), batch_dims = int32(0), validate_indices = bool(true));\n"
    "    tensor<fp32, [1, 1, 1]> first = add(x = sum, y = zero);\n"
    "    tensor<fp32, [1, 1, 8]> logits = tile(x = first, reps = tensor<int32, [3]>([1, 1, 8]));\n"
    "  } -> (logits);\n";
/// sqrt(5 - token) is NaN from token 6 on; the index is a half at token 1.
const char* const kArgmax =
    "    tensor<fp32, [1]> flat = reshape(x = number, shape = tensor<int32, [1]>([1]));\n"
    "    tensor<fp32, [1]> margin = sub(x = fp32(5), y = flat);\n"
    "    tensor<fp32, [1]> argmax_val = sqrt(x = margin);\n"
    "    tensor<fp32, [1]> argmax_idx = mul(x = flat, y = fp32(0.5));\n"
    "  } -> (argmax_idx, argmax_val);\n";

std::string head_function(const std::string& body) {
  return std::string("  func head<ios18>(tensor<fp32, [1, 1, 2]> hidden_states) {\n") + kSplit +
         body;
}

package::Package package_of(const std::string& functions, const std::string& position) {
  auto program = mil::parse("program(1.3)\n{\n" + functions + "}\n");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package::Package package;
  package.path = "small.mlpackage";
  if (!program.ok()) return package;
  package.program = *std::move(program);
  for (const mil::Function& function : package.program.functions) {
    package::FunctionDescription described{.name = function.name};
    for (const mil::NamedType& input : function.inputs) {
      if (input.type.kind == mil::ValueType::Kind::state) continue;
      const Shape& shape = input.type.tensor.shape;
      described.inputs.push_back({.name = input.name == "current_pos" ? position : input.name,
                                  .dtype = input.type.tensor.dtype,
                                  .shape = {shape.begin(), shape.end()}});
    }
    for (const auto& output : function.block.outputs) described.outputs.push_back({.name = output});
    package.functions.push_back(std::move(described));
  }
  return package;
}

class StaticCacheModelTest : public testing::Test {
 protected:
  std::shared_ptr<runtime::Model> load(const std::string& head,
                                       const std::string& position = "current_pos") {
    auto model = runtime::Model::load(
        package_of(chunk_function("infer", kStep) + chunk_function("infer_rotate", kRotate) +
                       head_function(head),
                   position),
        {.threads = 1});
    EXPECT_TRUE(model.ok()) << model.error().to_string();
    return model.ok() ? *std::move(model) : nullptr;
  }

  std::optional<Pipeline> pipeline(runtime::Model& model, const std::string& function) {
    std::vector<Pipeline::Stage> stages;
    for (const std::string& name : {function, std::string("head")}) {
      auto stage = make_stage(model, *model.package().find_function(name), 1, name);
      EXPECT_TRUE(stage.ok()) << stage.error().to_string();
      if (!stage.ok()) return std::nullopt;
      stages.push_back(*std::move(stage));
    }
    auto made = Pipeline::make(1, std::move(stages));
    EXPECT_TRUE(made.ok()) << made.error().to_string();
    if (!made.ok()) return std::nullopt;
    return *std::move(made);
  }

  std::unique_ptr<StaticCacheModel> open(const std::string& head, bool rows_are_positions = false) {
    const auto model = load(head);
    if (model == nullptr) return nullptr;
    StaticCacheParts parts;
    parts.packages = {model};
    parts.empty_state = model->new_state();
    parts.step = pipeline(*model, "infer");
    parts.step_rotate = pipeline(*model, "infer_rotate");
    if (!parts.step || !parts.step_rotate) return nullptr;
    parts.window = 2;
    parts.info.context_length = 4;
    parts.info.vocab_size = 8;
    parts.info.gives_logits = parts.step->vocab_size() > 0;
    parts.argmax_parts = {8};
    parts.rows_are_positions = rows_are_positions;
    return std::make_unique<StaticCacheModel>(std::move(parts), false);
  }
};

/// The sum of the tokens that the cache holds after `tokens`.
float sum_after(LanguageModel& model, Sequence& sequence, const std::vector<int32_t>& tokens) {
  std::vector<float> logits(8);
  const Status status = model.extend(sequence, tokens, Rows::last, logits);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  return logits[0];
}

TEST_F(StaticCacheModelTest, AFailedRotationIsComputedAgain) {
  const auto model = open(kLogits);
  ASSERT_NE(model, nullptr);
  for (const int32_t known : {2, 3}) {
    std::vector<int32_t> prompt = {1, 2, 3};
    prompt.resize(static_cast<size_t>(known));
    const auto sequence = model->new_sequence();
    sum_after(*model, *sequence, prompt);
    std::vector<float> logits(8);
    const int32_t bad[] = {7};
    EXPECT_FALSE(model->extend(*sequence, bad, Rows::last, logits).ok());
    EXPECT_EQ(sequence->length(), known);
    EXPECT_EQ(sum_after(*model, *sequence, {5}), static_cast<float>(known + 5)) << known;
  }
}

TEST_F(StaticCacheModelTest, AFailureInLockstepIsThatOfItsSequence) {
  const auto model = open(kLogits);
  ASSERT_NE(model, nullptr);
  for (const size_t known : {0U, 1U, 2U, 3U}) {  // the cache rotates from 2 on
    const std::vector<int32_t> prompt = {1, 2, 3};
    const std::vector<int32_t> tokens = {4, 7, 5};
    std::vector<std::unique_ptr<Sequence>> sequences;
    std::vector<std::vector<float>> logits(3, std::vector<float>(8));
    std::vector<Extension> extensions;
    for (size_t i = 0; i < 3; ++i) {
      sequences.push_back(model->new_sequence());
      const auto before = std::span(prompt).first(known);
      ASSERT_TRUE(model->extend(*sequences[i], before, Rows::none, {}).ok());
      extensions.push_back(
          {sequences[i].get(), std::span(tokens).subspan(i, 1), Rows::last, logits[i], {}});
    }
    model->extend_many(extensions);
    EXPECT_TRUE(extensions[0].status.ok());
    EXPECT_FALSE(extensions[1].status.ok());
    EXPECT_TRUE(extensions[2].status.ok());
    const float last = known == 0 ? 0 : static_cast<float>(prompt[known - 1]);
    EXPECT_EQ(logits[0][0], last + 4) << known;
    EXPECT_EQ(logits[2][0], last + 5) << known;
    EXPECT_EQ(sequences[1]->length(), static_cast<int64_t>(known));
    EXPECT_EQ(sequences[2]->length(), static_cast<int64_t>(known) + 1);
    EXPECT_EQ(sum_after(*model, *sequences[1], {6}), last + 6) << known;
  }
}

TEST_F(StaticCacheModelTest, AFailureLeavesNoRowBehind) {
  const auto model = open(kLogits, true);
  ASSERT_NE(model, nullptr);
  const auto sequence = model->new_sequence();
  sum_after(*model, *sequence, {3});
  auto& cached = static_cast<CachedSequence&>(*sequence);
  const Tensor& rows = cached.state().tensors()[0].tensor;
  const int32_t bad[] = {7};
  std::vector<float> logits(8);
  ASSERT_FALSE(model->extend(*sequence, bad, Rows::last, logits).ok());
  EXPECT_EQ(cached.used_rows(), 1);
  EXPECT_EQ(rows.at(0), 3);
  EXPECT_EQ(rows.at(1), 0);

  Extension extensions[] = {{sequence.get(), bad, Rows::last, logits, {}}};
  model->extend_many(extensions);
  ASSERT_FALSE(extensions[0].status.ok());
  EXPECT_EQ(cached.used_rows(), 1);
  EXPECT_EQ(rows.at(1), 0);
}

TEST_F(StaticCacheModelTest, AnArgMaxWithoutOrderOrPlaceIsAnErrorThatChangesNothing) {
  const auto model = open(kArgmax);
  ASSERT_NE(model, nullptr);
  const auto sequence = model->new_sequence();
  const auto next = [&](int32_t token) {
    const int32_t tokens[] = {token};
    const auto result = model->extend_greedy(*sequence, tokens);
    return result.ok() ? std::to_string(*result) : result.error().message;
  };
  EXPECT_EQ(next(4), "2");
  EXPECT_EQ(next(6), "the largest logit of part 1 is NaN: the model's numbers overflowed");
  EXPECT_EQ(next(1), "arg max 0.5 of part 1 is none of its 8 tokens");
  EXPECT_EQ(sequence->length(), 1);
}

TEST_F(StaticCacheModelTest, RefusesAnInputThatNobodyFeeds) {
  const auto model = load(kLogits, "place");
  ASSERT_NE(model, nullptr);
  const auto stage = make_stage(*model, *model->package().find_function("infer"), 1, "infer");
  ASSERT_FALSE(stage.ok());
  EXPECT_EQ(stage.error().code, ErrorCode::unsupported);
  EXPECT_EQ(stage.error().message,
            "small.mlpackage: function infer: input 'place' has no known role");
}

TEST_F(StaticCacheModelTest, RefusesInputsThatDoNotSuitTheRows) {
  const auto model = load(kLogits);
  ASSERT_NE(model, nullptr);
  const auto stage = make_stage(*model, *model->package().find_function("infer"), 2, "infer");
  ASSERT_FALSE(stage.ok());
  EXPECT_EQ(stage.error().message,
            "infer: input input_ids is int32 [1, 1], expected int32 of 2 tokens");

  auto head = make_stage(*model, *model->package().find_function("head"), 1, "head");
  ASSERT_TRUE(head.ok());
  std::vector<Pipeline::Stage> stages;
  stages.push_back(*std::move(head));
  const auto made = Pipeline::make(1, std::move(stages));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().message, "head: no input_ids");
}

TEST(StateRows, AMaskWiderThanEveryCacheIsRefused) {
  const runtime::State state({{"k", Tensor::zeros(DType::fp16, {1, 2, 16, 4})},
                              {"v", Tensor::zeros(DType::fp16, {1, 2, 8, 4})}});
  EXPECT_TRUE(check_state_rows(state, 16).ok());
  const Status wide = check_state_rows(state, 17);
  ASSERT_FALSE(wide.ok());
  EXPECT_EQ(wide.error().message, "state of 16 rows is shorter than the causal_mask of 17 columns");
}

}  // namespace
}  // namespace anemone::lm
