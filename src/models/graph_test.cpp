#include "models/graph_test.h"

namespace anemone::models {
namespace {

Tensor mask_of(DType dtype, int64_t rows, int64_t context, int64_t first, int64_t window) {
  Tensor mask = Tensor::zeros(dtype, {1, 1, rows, context});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < context; ++column)
      if (column > first + row || column <= first + row - window)
        mask.set(row * context + column, -INFINITY);
  return mask;
}

std::vector<NamedTensor> cached_inputs(DType dtype, int64_t first, int64_t rows, int64_t context,
                                       int64_t window) {
  Tensor positions = Tensor::zeros(DType::int32, {rows});
  Tensor current = Tensor::zeros(DType::int32, {1});
  for (int64_t row = 0; row < rows; ++row) positions.set(row, static_cast<double>(first + row));
  current.set(0, static_cast<double>(first));
  return {{"position_ids", positions},
          {"current_pos", current},
          {"causal_mask", mask_of(dtype, rows, context, first, context)},
          {"window_mask", mask_of(dtype, rows, context, first, window)}};
}
TEST(Graph, S4_7_CachedFunctionsGiveTheRowsOfThePlainOne) {
  TinyDecoder tiny;
  const Tensor expected = plain_logits(tiny, plain_spec(DType::fp32));
  ASSERT_EQ(expected.shape(), (Shape{1, kLength, TinyDecoder::kVocab}));
  for (const int64_t rows : {int64_t{1}, int64_t{2}, int64_t{7}}) {
    const mil::Program program =
        make_program(tiny, {.dtype = DType::fp32, .rows = rows, .context = 12});
    std::vector<Tensor> states{Tensor::zeros(DType::fp32, {4, 2, 12, 4})};
    for (int64_t first = 0; first + rows <= kLength; first += rows) {
      auto inputs = cached_inputs(DType::fp32, first, rows, 12, 3);
      const auto tokens =
          std::span(kTokens).subspan(static_cast<size_t>(first), static_cast<size_t>(rows));
      inputs.push_back({"input_ids", ids_of(tokens)});
      const Tensor logits = run(program, inputs, states).at(0);
      for (int64_t i = 0; i < logits.element_count(); ++i)
        ASSERT_NEAR(logits.at(i), expected.at(first * TinyDecoder::kVocab + i), 1e-5)
            << rows << " rows at " << first;
    }
  }
}

TEST(Graph, ChunksGiveWhatTheWholeGives) {
  TinyDecoder tiny;
  const Tensor expected = plain_logits(tiny, plain_spec(DType::fp32));
  FunctionSpec spec = plain_spec(DType::fp32);
  spec.head = FunctionSpec::Head::none;
  spec.final_norm = false;
  spec.layer_count = 1;
  Tensor hidden = run(make_program(tiny, spec), {{"input_ids", ids_of(kTokens)}}).at(0);
  EXPECT_EQ(hidden.shape(), (Shape{1, TinyDecoder::kHidden, 1, kLength}));
  spec.embedding = false;
  spec.first_layer = 1;
  spec.final_norm = true;
  spec.hidden_rows_first = true;
  const Tensor rows = run(make_program(tiny,
                                       [&] {
                                         FunctionSpec turned = spec;
                                         turned.layer_count = 0;
                                         turned.final_norm = false;
                                         turned.hidden_rows_first = false;
                                         return turned;
                                       }()),
                          {{"hidden_states", hidden}})
                          .at(0);
  EXPECT_EQ(largest_difference(rows, hidden), 0);
  Tensor turned = Tensor::zeros(DType::fp32, {1, kLength, TinyDecoder::kHidden});
  for (int64_t row = 0; row < kLength; ++row)
    for (int64_t channel = 0; channel < TinyDecoder::kHidden; ++channel)
      turned.set(row * TinyDecoder::kHidden + channel, hidden.at(channel * kLength + row));
  hidden = run(make_program(tiny, spec), {{"hidden_states", turned}}).at(0);
  EXPECT_EQ(hidden.shape(), (Shape{1, kLength, TinyDecoder::kHidden}));
  spec = plain_spec(DType::fp32);
  spec.embedding = false;
  spec.layer_count = 0;
  spec.final_norm = false;
  spec.hidden_rows_first = true;
  EXPECT_LT(largest_difference(run(make_program(tiny, spec), {{"hidden_states", hidden}}).at(0),
                               expected),
            1e-6);
}

TEST(Graph, HeadPartsAreThePartsOfTheLogits) {
  TinyDecoder tiny;
  tiny.decoder().logits_scale = 0.5;
  tiny.decoder().logits_softcap = 2;
  FunctionSpec spec = plain_spec(DType::fp32);
  const Tensor whole = plain_logits(tiny, spec);
  spec.head_parts = 4;
  const mil::Program program = make_program(tiny, spec);
  EXPECT_EQ(program.functions[0].block.outputs,
            (std::vector<std::string>{"logits1", "logits2", "logits3", "logits4"}));
  const auto parts = run(program, {{"input_ids", ids_of(kTokens)}});
  int64_t first = 0;
  for (const Tensor& part : parts) {
    const int64_t width = part.shape()[2];
    for (int64_t i = 0; i < part.element_count(); ++i) {
      const int64_t at = i / width * TinyDecoder::kVocab + first + i % width;
      ASSERT_EQ(part.at(i), whole.at(at));
      ASSERT_LE(std::abs(part.at(i)), 2);
    }
    first += width;
  }
  EXPECT_EQ(first, TinyDecoder::kVocab);
  spec.joins_parts = true;
  EXPECT_EQ(largest_difference(plain_logits(tiny, spec), whole), 0);
  spec.last_row_only = true;
  const Tensor last = plain_logits(tiny, spec);
  EXPECT_EQ(last.shape(), (Shape{1, 1, TinyDecoder::kVocab}));
  EXPECT_EQ(last.at(3), whole.at((kLength - 1) * TinyDecoder::kVocab + 3));
}

void expect_part_argmax(TinyDecoder& tiny, DType dtype) {
  FunctionSpec spec{.dtype = dtype, .rows = 1, .cached = false, .head_parts = 5};
  const Tensor token = ids_of(std::span(kTokens).first(1));
  const auto logits = run(make_program(tiny, spec), {{"input_ids", token}});
  spec.head = FunctionSpec::Head::part_argmax;
  const mil::Program program = make_program(tiny, spec);
  ASSERT_EQ(program.functions[0].block.outputs,
            (std::vector<std::string>{"argmax_idx", "argmax_val"}));
  const auto outputs = run(program, {{"input_ids", token}});
  ASSERT_EQ(outputs[0].shape(), (Shape{5}));
  ASSERT_EQ(outputs[0].dtype(), DType::int32);
  ASSERT_EQ(outputs[1].shape(), (Shape{5}));
  ASSERT_EQ(outputs[1].dtype(), dtype);
  for (int64_t part = 0; part < 5; ++part) {
    const Tensor& values = logits.at(static_cast<size_t>(part));
    int64_t best = 0;
    for (int64_t i = 1; i < values.element_count(); ++i)
      if (values.at(i) > values.at(best)) best = i;
    EXPECT_EQ(outputs[0].at(part), static_cast<double>(best)) << part;
    EXPECT_EQ(outputs[1].at(part), values.at(best)) << part;
  }
}

TEST(Graph, PartArgmaxIsThePlaceAndValueOfTheLargestLogits) {
  TinyDecoder tiny;
  expect_part_argmax(tiny, DType::fp32);
  expect_part_argmax(tiny, DType::fp16);
  tiny.decoder().logits_scale = 0;  // all equal: the first is the arg max
  expect_part_argmax(tiny, DType::fp16);
  FunctionSpec several = plain_spec(DType::fp32);
  several.head = FunctionSpec::Head::part_argmax;
  WeightTable table;
  const auto refused = build_function(tiny.decoder(), several, table);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
}

struct Scores {
  double log_probability;
  double log_sum_exp;
  int64_t argmax;
};

Scores scores_of(const Tensor& logits, int64_t row, int32_t target) {
  const int64_t width = logits.shape()[2];
  double most = -INFINITY;
  int64_t argmax = 0;
  for (int64_t i = 0; i < width; ++i)
    if (logits.at(row * width + i) > most) {
      most = logits.at(row * width + i);
      argmax = i;
    }
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += std::exp(logits.at(row * width + i) - most);
  const double log_sum_exp = most + std::log(sum);
  return {logits.at(row * width + target) - log_sum_exp, log_sum_exp, argmax};
}

void expect_scores(TinyDecoder& tiny, DType dtype, int64_t parts, double tolerance) {
  FunctionSpec spec = plain_spec(dtype);
  const Tensor logits = plain_logits(tiny, spec);
  spec.head = FunctionSpec::Head::score;
  spec.head_parts = parts;
  const mil::Program program = make_program(tiny, spec);
  ASSERT_EQ(program.functions[0].block.outputs,
            (std::vector<std::string>{"max_logit", "log_sum", "target_gap", "argmax"}));
  const std::vector<int32_t> targets{17, 0, 9, 20, 5, 11, 6};
  const auto outputs = run(program, {{"input_ids", ids_of(kTokens)}, {"targets", ids_of(targets)}});
  ASSERT_EQ(outputs.size(), 4u);
  for (int64_t row = 0; row < kLength; ++row) {
    const Scores expected = scores_of(logits, row, targets[static_cast<size_t>(row)]);
    EXPECT_NEAR(-(outputs[2].at(row) + outputs[1].at(row)), expected.log_probability, tolerance);
    EXPECT_NEAR(outputs[0].at(row) + outputs[1].at(row), expected.log_sum_exp, tolerance);
    EXPECT_EQ(outputs[3].at(row), static_cast<double>(expected.argmax));
  }
}

TEST(Graph, ScoresAreThoseOfTheLogits) {
  TinyDecoder tiny;
  for (const int64_t parts : {1, 2, 5}) {
    expect_scores(tiny, DType::fp32, parts, 1e-5);
    expect_scores(tiny, DType::fp16, parts, 4e-3);
  }
}

TEST(Graph, ScoresOfFp16SurviveLargeAndEqualLogits) {
  TinyDecoder tiny;
  tiny.decoder().logits_scale = 3000;  // logits of thousands: exp of any would overflow
  expect_scores(tiny, DType::fp16, 3, 8);
  tiny.decoder().logits_scale = 0;  // all equal: the first is the arg max
  expect_scores(tiny, DType::fp16, 3, 2e-3);
}

TEST(Graph, NumbersThatTheTypeCannotHoldAreRefused) {
  TinyDecoder tiny;
  tiny.decoder().layers[0].attention_pre_norm->epsilon = 1e10;
  WeightTable table;
  const auto narrow = build_function(tiny.decoder(), plain_spec(DType::fp16), table);
  ASSERT_FALSE(narrow.ok());
  EXPECT_EQ(narrow.error().code, ErrorCode::out_of_range);
  EXPECT_NE(narrow.error().message.find("does not fit into fp16"), std::string::npos);
  EXPECT_TRUE(build_function(tiny.decoder(), plain_spec(DType::fp32), table).ok());
}

/// E experts of which k are used; logits that the test chooses by the router's weights.
TEST(Graph, MixturesRouteToExactlyTheBestExperts) {
  TinyDecoder tiny;
  constexpr int64_t kExperts = 5;
  MixtureOfExperts mixture;
  mixture.router = tiny.linear("router", TinyDecoder::kHidden, kExperts);
  mixture.experts_per_token = 2;
  for (int64_t i = 0; i < kExperts; ++i)
    mixture.experts.push_back(tiny.mlp(fmt::format("e{}.", i)));
  Layer& layer = tiny.decoder().layers[0];
  const Mlp dense = *layer.mlp;
  layer.mlp.reset();
  for (const bool normalises : {true, false}) {
    // All routing logits are 0: of equals the first two are taken, each with the same weight.
    mixture.normalises = normalises;
    layer.experts = mixture;
    tiny.tensors().insert_or_assign("router",
                                    Tensor::zeros(DType::fp32, {kExperts, TinyDecoder::kHidden}));
    const Tensor routed = plain_logits(tiny, plain_spec(DType::fp32));
    for (int64_t i = 2; i < kExperts; ++i)  // the others do not matter
      tiny.weight(fmt::format("e{}.down", i), {TinyDecoder::kHidden, 12}, 5);
    EXPECT_EQ(largest_difference(plain_logits(tiny, plain_spec(DType::fp32)), routed), 0);
    // Two equal experts with half the weight each are one expert.
    for (const std::string part : {"gate", "up", "down"})
      tiny.tensors().insert_or_assign("e1." + part, tiny.tensors().at("e0." + part));
    const Tensor both = plain_logits(tiny, plain_spec(DType::fp32));
    layer.experts.reset();
    layer.mlp = mixture.experts[0];
    if (!normalises) layer.mlp->down.weight.scale = 2.0 / kExperts;
    EXPECT_LT(largest_difference(plain_logits(tiny, plain_spec(DType::fp32)), both), 1e-5);
    layer.mlp.reset();
  }
}

/// The addresses of constants whose names contain `part`.
std::vector<const void*> constants_of(TinyDecoder& tiny, const FunctionSpec& spec,
                                      std::string_view part) {
  WeightTable table;
  const auto function = build_function(tiny.decoder(), spec, table);
  EXPECT_TRUE(function.ok()) << function.error().to_string();
  std::vector<const void*> found;
  if (!function.ok()) return found;
  for (const mil::Operation& operation : function->block.operations)
    if (operation.type == "const" && operation.outputs[0].name.find(part) != std::string::npos)
      found.push_back(operation.find_attribute("val")->tensor.bytes().data());
  return found;
}

TEST(Graph, FunctionsShareTablesAndMasks) {
  TinyDecoder tiny;
  const FunctionSpec one{.rows = 1, .context = 16};
  FunctionSpec block = one;
  block.rows = 4;
  const auto tables = constants_of(tiny, one, "_table");
  EXPECT_EQ(tables.size(), 2u);
  EXPECT_EQ(constants_of(tiny, block, "_table"), tables);
  block.context = 8;
  for (const void* table : constants_of(tiny, block, "_table"))
    EXPECT_EQ(std::ranges::find(tables, table), tables.end());
  const FunctionSpec plain = plain_spec(DType::fp16);
  const auto masks = constants_of(tiny, plain, "_mask");
  EXPECT_EQ(masks.size(), 2u);
  EXPECT_EQ(constants_of(tiny, plain, "_mask"), masks);
}

/// Longrope: a context beyond the original one turns as long texts do, at every position.
TEST(Graph, LongContextsTakeTheLongFrequencies) {
  TinyDecoder tiny;
  FunctionSpec spec = plain_spec(DType::fp32);
  tiny.decoder().max_positions = kLength - 1;
  WeightTable table;
  EXPECT_FALSE(build_function(tiny.decoder(), spec, table).ok());
  Rope& rope = tiny.decoder().ropes[0];
  rope.long_inv_freq = {0.5, 0.05};
  rope.long_positions = 16;
  const Tensor beyond = plain_logits(tiny, spec);
  spec.rows = kLength - 1;
  const auto first = std::span(kTokens).first(kTokens.size() - 1);
  const auto short_logits = [&] {
    return run(make_program(tiny, spec), {{"input_ids", ids_of(first)}}).at(0);
  };
  const Tensor within = short_logits();
  std::swap(rope.inv_freq, rope.long_inv_freq);
  const Tensor swapped = short_logits();
  double largest = 0;
  for (int64_t i = 0; i < within.element_count(); ++i) {
    EXPECT_NEAR(beyond.at(i), swapped.at(i), 1e-5) << i;
    largest = std::max(largest, std::abs(beyond.at(i) - within.at(i)));
  }
  EXPECT_GT(largest, 0.2);
  spec.rows = 17;
  EXPECT_FALSE(build_function(tiny.decoder(), spec, table).ok());
}

TEST(Graph, ConstantMasksHaveABound) {
  TinyDecoder tiny;
  tiny.decoder().max_positions = 1 << 17;
  WeightTable table;
  const auto refused = build_function(tiny.decoder(), {.rows = 4097, .cached = false}, table);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::limit);
  EXPECT_NE(refused.error().message.find("4097 rows"), std::string::npos);
  tiny.decoder().layers[1].attention.window = 1 << 15;
  FunctionSpec rotating{.rows = 512, .context = 1 << 16};
  rotating.window_cache = FunctionSpec::WindowCache::rotates;
  EXPECT_EQ(build_function(tiny.decoder(), rotating, table).error().code, ErrorCode::limit);
}

TEST(Graph, RefusesWhatItCannotBuild) {
  TinyDecoder tiny;
  WeightTable table;
  const auto error_of = [&](FunctionSpec spec) {
    const auto built = build_function(tiny.decoder(), spec, table);
    EXPECT_FALSE(built.ok());
    return built.ok() ? std::string() : built.error().to_string();
  };
  EXPECT_EQ(error_of({.context = 17}), "function main: the context is 17, expected 1 to 16");
  EXPECT_EQ(error_of({.rows = 9, .context = 8}),
            "function main: the number of rows is 9, expected 1 to 8");
  EXPECT_EQ(error_of({.first_layer = 1, .layer_count = 2, .context = 8}),
            "function main: the number of layers is 2, expected 0 to 1");
  EXPECT_EQ(error_of({.context = 8, .residual_scale = 0.3}),
            "the residual scale is 0.3, not a power of two");
  tiny.decoder().layers[1].attention_pre_norm.reset();
  EXPECT_NE(error_of({.context = 8, .residual_scale = 0.5}).find("layer 1 of tiny takes"),
            std::string::npos);
  tiny.decoder().layers[0].attention.window = 5;
  EXPECT_NE(error_of({.context = 8}).find("windows of 3 and 5 tokens"), std::string::npos);
  EXPECT_EQ(*window_of(tiny.decoder(), 5), 3);
  EXPECT_EQ(*window_of(tiny.decoder(), 3), 0);
  EXPECT_EQ(split_vocabulary(21, 4), (std::vector<int64_t>{6, 5, 5, 5}));
}

}  // namespace
}  // namespace anemone::models
