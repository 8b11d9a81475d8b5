#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lm/recorded_model.h"
#include "lm/static_cache_model.h"

namespace anemone::lm {
namespace {

/// Tokens [1, S] go into slots current_pos … of the cache; row i of the logits is the sum of the
/// slots that row i of the mask shows, and one more at the row's own token.
std::string function(const std::string& name, int rows) {
  std::string text = R"(
  func NAME<ios18>(state<tensor<fp32, [1, 1, 8, 1]>> cache, tensor<int32, [1, S]> input_ids,
                   tensor<int32, [S]> position_ids, tensor<fp32, [1, 1, S, 8]> causal_mask,
                   tensor<int32, [1]> current_pos) {
    tensor<fp32, [1, S]> numbers = cast(x = input_ids, dtype = string("fp32"));
    tensor<fp32, [1, 1, S, 1]> rows = reshape(x = numbers,
        shape = tensor<int32, [4]>([1, 1, S, 1]));
    tensor<fp32, [1, 1, 8, 1]> old = read_state(input = cache);
    tensor<int32, [1]> after = add(x = current_pos, y = tensor<int32, [1]>([S]));
    tensor<int32, [4]> begin = concat(values = (tensor<int32, [2]>([0, 0]), current_pos,
        tensor<int32, [1]>([0])), axis = int32(0), interleave = bool(false));
    tensor<int32, [4]> end = concat(values = (tensor<int32, [2]>([1, 1]), after,
        tensor<int32, [1]>([1])), axis = int32(0), interleave = bool(false));
    tensor<fp32, [1, 1, 8, 1]> now = slice_update(x = old, update = rows, begin = begin,
        end = end, stride = tensor<int32, [4]>([1, 1, 1, 1]),
        begin_mask = tensor<bool, [4]>([false, false, false, false]),
        end_mask = tensor<bool, [4]>([false, false, false, false]),
        squeeze_mask = tensor<bool, [4]>([false, false, false, false]));
    write_state(data = now, input = cache);
    tensor<fp32, [1, 1, S, 8]> shown = exp(x = causal_mask);
    tensor<fp32, [1, 1, S, 1]> sums = matmul(x = shown, y = now, transpose_x = bool(false),
        transpose_y = bool(false));
    tensor<fp32, [1, S, 1]> sum = reshape(x = sums, shape = tensor<int32, [3]>([1, S, 1]));
    tensor<fp32, [1, S, 8]> own = one_hot(indices = input_ids, one_hot_vector_size = int32(8),
        axis = int32(-1), on_value = fp32(1), off_value = fp32(0));
    tensor<fp32, [1, S, 8]> logits = add(x = own, y = sum);
  } -> (logits);
)";
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  };
  const std::string count = std::to_string(rows);
  replace("NAME", name);
  replace("[1, S]", "[1, " + count + "]");
  replace("[S]", "[" + count + "]");
  replace(" S, ", " " + count + ", ");
  return text;
}

class ModelCalls : public testing::Test {
 protected:
  std::unique_ptr<StaticCacheModel> open(const std::string& functions) {
    auto program = mil::parse("program(1.3)\n{" + functions + "}\n");
    EXPECT_TRUE(program.ok()) << program.error().to_string();
    if (!program.ok()) return nullptr;
    package::Package package;
    package.path = "sums.mlpackage";
    package.program = *std::move(program);
    for (const mil::Function& each : package.program.functions)
      package.functions.push_back(*package::describe(each));
    auto model = runtime::Model::load(std::move(package), {.threads = 1});
    EXPECT_TRUE(model.ok()) << model.error().to_string();
    if (!model.ok()) return nullptr;
    recording_ = std::make_shared<Recording>();
    auto parts =
        join_static_cache(std::make_shared<RecordedModel>(*std::move(model), recording_), {});
    EXPECT_TRUE(parts.ok()) << parts.error().to_string();
    if (!parts.ok()) return nullptr;
    return std::make_unique<StaticCacheModel>(*std::move(parts), false);
  }

  std::unique_ptr<StaticCacheModel> open_both() {
    return open(function("prefill", 4) + function("infer", 1));
  }

  /// Logits [T, V] after each of `tokens`.
  static std::vector<float> extend(LanguageModel& model, Sequence& sequence,
                                   const std::vector<int32_t>& tokens) {
    std::vector<float> logits(tokens.size() * 8);
    const Status status = model.extend(sequence, tokens, Rows::all, logits);
    EXPECT_TRUE(status.ok()) << status.error().to_string();
    return logits;
  }

  static std::vector<float> expected(const std::vector<int32_t>& tokens) {
    std::vector<float> logits;
    float sum = 0;
    for (const int32_t token : tokens) {
      sum += static_cast<float>(token);
      for (int32_t v = 0; v < 8; ++v) logits.push_back(sum + (v == token ? 1.0F : 0.0F));
    }
    return logits;
  }

  std::vector<int32_t> integers(size_t call, const std::string& name) const {
    for (const NamedTensor& input : recording_->calls[call].inputs)
      if (input.name == name) {
        const auto values = input.tensor.values<int32_t>();
        return {values.begin(), values.end()};
      }
    ADD_FAILURE() << "no input " << name;
    return {};
  }

  std::shared_ptr<Recording> recording_;
  const std::vector<int32_t> six_ = {3, 1, 4, 1, 5, 2};
};

using Integers = std::vector<int32_t>;

TEST_F(ModelCalls, S1_43_S1_47_BlocksCarryFullBlocksAndStepsOneTokenEach) {
  const auto model = open_both();
  ASSERT_NE(model, nullptr);
  const auto sequence = model->new_sequence();
  EXPECT_EQ(extend(*model, *sequence, six_), expected(six_));
  ASSERT_EQ(recording_->calls.size(), 3U);
  EXPECT_EQ(recording_->calls[0].function, "prefill");
  EXPECT_EQ(integers(0, "input_ids"), (Integers{3, 1, 4, 1}));
  EXPECT_EQ(recording_->calls[1].function, "infer");
  EXPECT_EQ(integers(1, "input_ids"), Integers{5});
  EXPECT_EQ(integers(2, "input_ids"), Integers{2});
  EXPECT_EQ(recording_->calls[1].inputs[0].name, "input_ids");
  EXPECT_EQ(recording_->calls[1].inputs[0].tensor.shape(), (Shape{1, 1}));
}

/// The mask of the chat tool hides column j from the row of position p where j > p.
TEST_F(ModelCalls, S0_64_S1_42_PositionsAndMasksAreThoseOfTheUpstreamLoop) {
  const auto model = open_both();
  ASSERT_NE(model, nullptr);
  const auto sequence = model->new_sequence();
  extend(*model, *sequence, six_);
  int32_t position = 0;
  for (size_t i = 0; i < recording_->calls.size(); ++i) {
    const auto rows = static_cast<int32_t>(integers(i, "input_ids").size());
    EXPECT_EQ(integers(i, "current_pos"), Integers{position});
    Integers positions;
    for (int32_t row = 0; row < rows; ++row) positions.push_back(position + row);
    EXPECT_EQ(integers(i, "position_ids"), positions);
    for (const NamedTensor& input : recording_->calls[i].inputs) {
      if (input.name != "causal_mask") continue;
      const auto mask = input.tensor.values<float>();
      for (int32_t row = 0; row < rows; ++row)
        for (int32_t column = 0; column < 8; ++column) {
          const float value = mask[static_cast<size_t>(row * 8 + column)];
          EXPECT_EQ(value, column > position + row ? -INFINITY : 0.0F)
              << i << " " << row << " " << column;
        }
    }
    position += rows;
  }
  EXPECT_EQ(position, 6);
}

TEST_F(ModelCalls, S1_17_S1_44_AShortBlockIsPaddedAndThePaddingShowsNowhere) {
  const auto padded = open(function("prefill", 4));
  ASSERT_NE(padded, nullptr);
  const auto sequence = padded->new_sequence();
  EXPECT_EQ(extend(*padded, *sequence, six_), expected(six_));
  ASSERT_EQ(recording_->calls.size(), 2U);
  EXPECT_EQ(integers(1, "input_ids"), (Integers{5, 2, 0, 0}));
  EXPECT_EQ(integers(1, "current_pos"), Integers{4});
  EXPECT_EQ(extend(*padded, *sequence, {7, 6}).back(), 29.0F);
}

TEST_F(ModelCalls, S1_7_S1_14_S1_15_S1_18_S1_48_S1_53_InputsAreWhatTheDescriptionDeclares) {
  const auto model = open_both();
  ASSERT_NE(model, nullptr);
  const auto sequence = model->new_sequence();
  extend(*model, *sequence, six_);
  for (const RecordedCall& call : recording_->calls) {
    const int64_t rows = call.function == "prefill" ? 4 : 1;
    ASSERT_EQ(call.inputs.size(), 4U);
    const std::map<std::string, Shape> shapes = {{"input_ids", {1, rows}},
                                                 {"position_ids", {rows}},
                                                 {"causal_mask", {1, 1, rows, 8}},
                                                 {"current_pos", {1}}};
    for (const NamedTensor& input : call.inputs) {
      EXPECT_EQ(input.tensor.dtype(), input.name == "causal_mask" ? DType::fp32 : DType::int32);
      EXPECT_EQ(input.tensor.shape(), shapes.at(input.name)) << input.name;
    }
  }
  EXPECT_EQ(recording_->undeclared, std::vector<std::string>{});
}

TEST_F(ModelCalls, S1_18_TokensOfAnotherTypeAreRefusedWhenTheModelIsOpened) {
  std::string text = function("infer", 1);
  const std::string declared = "tensor<int32, [1, 1]> input_ids";
  text.replace(text.find(declared), declared.size(), "tensor<fp32, [1, 1]> input_ids");
  const std::string hot = "indices = input_ids";
  text.replace(text.find(hot), hot.size(), "indices = whole");
  const std::string own = "    tensor<fp32, [1, 1, 8]> own";
  text.insert(
      text.find(own),
      "    tensor<int32, [1, 1]> whole = cast(x = input_ids, dtype = string(\"int32\"));\n");
  auto program = mil::parse("program(1.3)\n{" + text + "}\n");
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  package::Package package;
  package.path = "sums.mlpackage";
  package.program = *std::move(program);
  package.functions.push_back(*package::describe(package.program.functions[0]));
  auto model = runtime::Model::load(std::move(package), {.threads = 1});
  ASSERT_TRUE(model.ok()) << model.error().to_string();
  const auto parts = join_static_cache(*std::move(model), {});
  ASSERT_FALSE(parts.ok());
  EXPECT_EQ(parts.error().code, ErrorCode::mismatch);
  EXPECT_NE(parts.error().message.find("input input_ids is fp32"), std::string::npos)
      << parts.error().message;
}

TEST_F(ModelCalls, S0_19_S1_4_S1_19_S1_51_WhatALongerPromptLeftInTheStateNeverShows) {
  const auto model = open_both();
  ASSERT_NE(model, nullptr);
  const auto sequence = model->new_sequence();
  extend(*model, *sequence, {7, 7, 7, 7, 7, 7, 7, 7});
  sequence->truncate(0);
  EXPECT_EQ(extend(*model, *sequence, six_), expected(six_));
  EXPECT_EQ(integers(recording_->calls.size() - 3, "current_pos"), Integers{0});
  const auto fresh = model->new_sequence();
  EXPECT_EQ(extend(*model, *fresh, {2}), expected({2}));
}

TEST_F(ModelCalls, BlocksOfSeveralSequencesGoTogetherAndEachEndsByItsOwnSteps) {
  const auto model = open_both();
  ASSERT_NE(model, nullptr);
  const std::vector<Integers> given = {{3, 1, 4, 1, 5, 2}, {1, 2}, {2, 2, 2, 2, 2, 2, 2, 2},
                                       {1, 1, 1, 1},       {},     {7, 0, 7, 0, 7},
                                       {4, 3, 2, 1, 0}};
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::vector<std::vector<float>> logits;
  std::vector<Extension> extensions;
  for (const Integers& tokens : given) logits.emplace_back(tokens.size() * 8);
  for (size_t i = 0; i < given.size(); ++i) {
    sequences.push_back(model->new_sequence());
    extensions.push_back({sequences[i].get(), given[i], Rows::all, logits[i], {}});
  }
  model->extend_many(extensions);
  for (size_t i = 0; i < given.size(); ++i) {
    EXPECT_TRUE(extensions[i].status.ok()) << i;
    EXPECT_EQ(logits[i], expected(given[i])) << i;
  }
  const auto blocks = std::ranges::count(recording_->calls, "prefill", &RecordedCall::function);
  EXPECT_EQ(blocks, 6);
  EXPECT_EQ(recording_->calls.size(), 6U + 2 + 2 + 1 + 1);
}

TEST_F(ModelCalls, S0_3_S0_35_FunctionsArePreparedOnceHoweverManyPromptsRun) {
  const auto model = open_both();
  ASSERT_NE(model, nullptr);
  for (int i = 0; i < 20; ++i) {
    const auto sequence = model->new_sequence();
    extend(*model, *sequence, six_);
  }
  EXPECT_EQ(recording_->prepared, 2);
  EXPECT_EQ(recording_->calls.size(), 60U);
}

}  // namespace
}  // namespace anemone::lm
