// The residual stream divided by a power of two: exact, and in fp16 where it overflows without.

#include "models/graph_test.h"

namespace anemone::models {
namespace {

/// Embeddings of 300 and a layer that adds as much again and again: the stream passes 65504.
TinyDecoder overflowing_decoder() {
  TinyDecoder tiny;
  tiny.weight("embedding", {TinyDecoder::kVocab, TinyDecoder::kHidden}, 300);
  tiny.decoder().embedding_scale = 128;
  for (Layer& layer : tiny.decoder().layers) {
    layer.mlp_post_norm = tiny.norm("post", TinyDecoder::kHidden);
    layer.mlp_post_norm->weight = tiny.weight("post", {TinyDecoder::kHidden}, 8000, 30000);
    layer.mlp_post_norm->epsilon = 1e-6;
  }
  return tiny;
}

TEST(Graph, ResidualScaleKeepsAStreamInFp16ThatOverflowsWithoutIt) {
  TinyDecoder tiny = overflowing_decoder();
  const Tensor exact = plain_logits(tiny, plain_spec(DType::fp32));
  FunctionSpec spec = plain_spec(DType::fp16);
  const double without = largest_difference(plain_logits(tiny, spec), exact);
  EXPECT_FALSE(without < 1) << "the stream of this model must not fit into fp16: " << without;
  spec.residual_scale = 1.0 / 16;
  EXPECT_LT(largest_difference(plain_logits(tiny, spec), exact), 0.05);
  spec = plain_spec(DType::fp32);
  spec.residual_scale = 1.0 / 16;
  EXPECT_LT(largest_difference(plain_logits(tiny, spec), exact), 1e-5);
}

TEST(Graph, ResidualScaleIsExactForSmallStreamsWhoseEpsilonCounts) {
  TinyDecoder tiny;
  tiny.weight("embedding", {TinyDecoder::kVocab, TinyDecoder::kHidden}, 1e-2);
  for (Layer& layer : tiny.decoder().layers) layer.attention_pre_norm->epsilon = 1e-4;
  tiny.decoder().layers[0].residual_multiplier = 0.4;
  FunctionSpec spec = plain_spec(DType::fp32);
  const Tensor exact = plain_logits(tiny, spec);
  spec.residual_scale = 0.25;
  EXPECT_LT(largest_difference(plain_logits(tiny, spec), exact), 1e-5);
  for (Layer& layer : tiny.decoder().layers) layer.attention_pre_norm->epsilon = 1e-6;
  EXPECT_GT(largest_difference(plain_logits(tiny, plain_spec(DType::fp32)), exact), 1e-2);
}

bool has_operation(const mil::Program& program, std::string_view type) {
  return std::ranges::any_of(
      program.functions[0].block.operations,
      [&](const mil::Operation& operation) { return operation.type == type; });
}

/// Epsilon times the square of the scale is less than fp16 can hold, and as large as the squares.
TEST(Graph, ResidualScaleKeepsAnEpsilonThatFp16CannotHold) {
  for (const Norm::Kind kind : {Norm::Kind::rms, Norm::Kind::layer}) {
    TinyDecoder tiny;
    tiny.weight("embedding", {TinyDecoder::kVocab, TinyDecoder::kHidden}, 2e-3);
    for (Layer& layer : tiny.decoder().layers)
      for (auto* norm : {&layer.attention_pre_norm, &layer.mlp_pre_norm}) {
        (*norm)->kind = kind;
        (*norm)->bias = (*norm)->weight;
      }
    FunctionSpec spec = plain_spec(DType::fp32);
    const Tensor exact = plain_logits(tiny, spec);
    spec.dtype = DType::fp16;
    const double rounding = largest_difference(plain_logits(tiny, spec), exact);
    EXPECT_FALSE(has_operation(make_program(tiny, spec), "pad"));
    for (const double scale : {0.25, 1.0 / 16, 1.0 / 32}) {
      spec.residual_scale = scale;
      EXPECT_TRUE(has_operation(make_program(tiny, spec), "pad"));
      EXPECT_LT(largest_difference(plain_logits(tiny, spec), exact), 3 * rounding) << scale;
    }
    for (Layer& layer : tiny.decoder().layers) layer.attention_pre_norm->epsilon = 6e-8;
    EXPECT_GT(largest_difference(plain_logits(tiny, plain_spec(DType::fp32)), exact), 9 * rounding);
  }
}

/// A row of zeros is one of zeros after the norm, whatever the scale.
TEST(Graph, ResidualScaleLeavesZerosFinite) {
  TinyDecoder tiny;
  tiny.weight("embedding", {TinyDecoder::kVocab, TinyDecoder::kHidden}, 0);
  FunctionSpec spec = plain_spec(DType::fp16);
  spec.residual_scale = 0x1p-20;
  const Tensor logits = plain_logits(tiny, spec);
  for (int64_t i = 0; i < logits.element_count(); ++i) EXPECT_EQ(logits.at(i), 0);
}

}  // namespace
}  // namespace anemone::models
