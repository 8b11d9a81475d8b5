#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "anemone/probe.h"

namespace anemone::probe {
namespace {

Tensor rows(std::vector<float> values, int64_t channels) {
  const auto count = static_cast<int64_t>(values.size());
  return Tensor::from_values(DType::fp32, {count / channels, channels},
                             std::span<const float>(values));
}

Report compared(const Trace& reference, const Trace& model, const Tolerance& tolerance = {}) {
  auto report = compare(reference, model, tolerance);
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return report.ok() ? *std::move(report) : Report{};
}

TEST(Compare, S4_34_ErrorsAreThoseOfTheirDefinitions) {
  const Report report = compared({{}, {{"layer.0", rows({3, 4, 0, -5}, 2)}}},
                                 {{}, {{"layer.0", rows({3, 4.2F, 0, -4.6F}, 2)}}});
  const PointError& error = report.points.at(0);
  EXPECT_NEAR(error.max_abs, 0.4, 1e-6);
  EXPECT_NEAR(error.mean_abs, 0.15, 1e-6);
  EXPECT_NEAR(error.mse, 0.05, 1e-6);
  EXPECT_NEAR(error.relative, 0.03, 1e-6);
  EXPECT_NEAR(error.relative_l2, std::sqrt(0.2 / 50), 1e-6);
  EXPECT_NEAR(*error.psnr_db, 20 * std::log10(5 / std::sqrt(0.05)), 1e-4);
  EXPECT_NEAR(error.cosine, (9 + 16.8 + 23) / std::sqrt(50 * (9 + 17.64 + 21.16)), 1e-6);
  EXPECT_EQ(error.rows, 2);
  EXPECT_EQ(error.channels, 2);
}

TEST(Compare, S4_34_EitherToleranceAloneFails) {
  const Trace reference{{}, {{"layer.0", rows({100, -100}, 2)}}};
  const Trace model{{}, {{"layer.0", rows({101, -101}, 2)}}};  // relative 0.01, mse 1
  EXPECT_TRUE(compared(reference, model, {0.02, 2}).passed());
  EXPECT_FALSE(compared(reference, model, {0.02, 0.5}).passed());
  EXPECT_FALSE(compared(reference, model, {0.005, 2}).passed());
  EXPECT_FALSE(compared(reference, model).passed());
}

TEST(Compare, EqualValuesAreExact) {
  const float infinite = std::numeric_limits<float>::infinity();
  const Trace trace{{1}, {{"layer.0", rows({0, 1, -infinite}, 3)}}};
  const Report report = compared(trace, trace);
  EXPECT_TRUE(report.passed());
  EXPECT_EQ(report.points[0].max_abs, 0);
  EXPECT_FALSE(report.points[0].psnr_db);
  EXPECT_FALSE(report.first_different);
  EXPECT_FALSE(report.first_standing_out);
}

TEST(Compare, WhatIsNotFiniteOnOneSideIsOverTolerance) {
  for (const float wrong :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const Report report = compared({{}, {{"layer.0", rows({1, 2}, 2)}}},
                                   {{}, {{"layer.0", rows({1, wrong}, 2)}}}, {1e9, 1e9});
    EXPECT_TRUE(report.points[0].over);
    EXPECT_TRUE(std::isinf(report.points[0].max_abs));
    EXPECT_EQ(report.first_different, 0u);
  }
}

TEST(Compare, S4_34_LogitsGiveTopTokensAndDivergence) {
  const float log3 = std::log(3.0F);
  const Report report = compared({{5, 6}, {{"logits", rows({log3, 0, 0, log3}, 2)}}},
                                 {{5, 6}, {{"logits", rows({0, log3, 0, log3}, 2)}}});
  EXPECT_DOUBLE_EQ(report.top1_agreement.value(), 0.5);
  EXPECT_NEAR(report.kl_divergence.value(), (0.75 - 0.25) * std::log(3.0) / 2, 1e-6);
}

TEST(Compare, RowsWithoutProbabilitiesNeitherAgreeNorComeClose) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float wrong : {kNaN, kInfinity})
    for (const auto& [reference, model] :
         {std::pair{1.0F, wrong}, std::pair{wrong, 1.0F}, std::pair{wrong, wrong}}) {
      const Report report = compared({{5, 6}, {{"logits", rows({reference, 0, 1, 0}, 2)}}},
                                     {{5, 6}, {{"logits", rows({model, 0, 1, 0}, 2)}}});
      EXPECT_DOUBLE_EQ(report.top1_agreement.value(), 0.5);
      EXPECT_TRUE(std::isinf(report.kl_divergence.value()));
    }
}

TEST(Compare, PointsAreInTheOrderOfTheComputation) {
  const Tensor one = rows({1}, 1);
  const Trace trace{{},
                    {{"zeta", one},
                     {"logits", one},
                     {"layer.10", one},
                     {"layer.2", one},
                     {"layer.2.mlp.in10", one},
                     {"layer.2.mlp.in9", one},
                     {"layer.2.attention", one},
                     {"layer.2.attention.q", one},
                     {"embedding", one},
                     {"final_norm", one}}};
  std::vector<std::string> names;
  for (const PointError& point : compared(trace, trace).points) names.push_back(point.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "embedding", "layer.2.attention.q", "layer.2.attention", "layer.2.mlp.in9",
                       "layer.2.mlp.in10", "layer.2", "layer.10", "final_norm", "logits", "zeta"}));
}

TEST(Compare, TheScaleOfAResidualStreamIsUndone) {
  const Trace reference{{},
                        {{"embedding", rows({1, -2}, 2)},
                         {"layer.0.mlp.up", rows({3, 1}, 2)},
                         {"layer.0.mlp.down", rows({5, 2}, 2)},
                         {"layer.0", rows({6, 0}, 2)}}};
  const Trace model{{},
                    {{"embedding", rows({0.25F, -0.5F}, 2)},
                     {"layer.0.mlp.up", rows({3, 1}, 2)},
                     {"layer.0.mlp.down", rows({1.25F, 0.5F}, 2)},
                     {"layer.0", rows({1.5F, 0}, 2)}}};
  const Report report = compared(reference, model);
  EXPECT_EQ(report.stream_scale, 0.25);
  EXPECT_FALSE(report.first_different);
  Trace wrong = model;
  wrong.points[3].tensor = rows({6, 0}, 2);
  EXPECT_EQ(compared(reference, wrong).first_over, 3u);
}

TEST(Compare, ErrorsThatGrowLikeThoseOfOtherLayersDoNotStandOut) {
  const auto trace = [](const std::vector<float>& errors) {
    Trace result;
    for (size_t i = 0; i < errors.size(); ++i)
      result.points.push_back({"layer." + std::to_string(i) + ".mlp.up", rows({1 + errors[i]}, 1)});
    return result;
  };
  const Trace reference = trace({0, 0, 0, 0});
  EXPECT_FALSE(compared(reference, trace({0.1F, 0.1F, 0.11F, 0.1F})).first_standing_out);
  EXPECT_EQ(compared(reference, trace({0.001F, 0.0005F, 0.02F, 0.001F})).first_standing_out, 2u);
}

/// One channel of 1, off by these errors: of each layer the norm, and q, which reads it.
Report of_products(const std::vector<std::pair<float, float>>& errors) {
  Trace reference;
  Trace model;
  for (size_t i = 0; i < errors.size(); ++i) {
    const std::string layer = "layer." + std::to_string(i) + ".attention.";
    for (const auto& [part, error] :
         {std::pair("norm", errors[i].first), std::pair("q", errors[i].second)}) {
      reference.points.push_back({layer + part, rows({1}, 1)});
      model.points.push_back({layer + part, rows({1 + error}, 1)});
    }
  }
  return compared(reference, model);
}

TEST(Compare, TheFirstProductOfASoundPaletteReadsExactValuesAndDoesNotStandOut) {
  // Each product adds 0.05: 0.05 of an exact norm is 0.07 of one that is off by 0.05.
  EXPECT_FALSE(
      of_products({{0, 0.05F}, {0.05F, 0.07F}, {0.05F, 0.07F}, {0.05F, 0.07F}}).first_standing_out);
  const Report wrong = of_products({{0, 0.3F}, {0.05F, 0.07F}, {0.05F, 0.07F}, {0.05F, 0.07F}});
  ASSERT_TRUE(wrong.first_standing_out);
  EXPECT_EQ(wrong.points[*wrong.first_standing_out].name, "layer.0.attention.q");
}

TEST(Compare, AWrongProductStandsOutThoughTheNextLayerCarriesItsError) {
  const Report report = of_products({{0, 0.0005F}, {0.0005F, 0.02F}, {0.015F, 0.025F}});
  ASSERT_TRUE(report.first_standing_out);
  EXPECT_EQ(report.points[*report.first_standing_out].name, "layer.1.attention.q");
}

/// One channel of 1 at each point of each layer, off by these errors.
Report of_layers(const std::vector<std::string>& parts,
                 const std::vector<std::vector<float>>& errors) {
  Trace reference;
  Trace model;
  for (size_t layer = 0; layer < errors.size(); ++layer)
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::string dot = parts[i].empty() ? "" : ".";
      const std::string name = "layer." + std::to_string(layer) + dot + parts[i];
      reference.points.push_back({name, rows({1}, 1)});
      model.points.push_back({name, rows({1 + errors[layer][i]}, 1)});
    }
  return compared(reference, model);
}

std::string first_standing_out(const Report& report) {
  return report.first_standing_out ? report.points[*report.first_standing_out].name : "nothing";
}

TEST(Compare, AWrongWeightOfTheFirstLayerStandsOutThoughAllOthersCarryItsError) {
  const std::vector<float> carried = {0.018F, 0.019F, 0.021F};
  const std::vector<std::string> attention = {"attention.norm", "attention.q", "attention.out"};
  EXPECT_EQ(first_standing_out(
                of_layers(attention, {{0, 0.0005F, 0.02F}, carried, carried, carried, carried})),
            "layer.0.attention.out");
  const std::vector<std::string> mlp = {"mlp.norm", "mlp.gate", "mlp.down"};
  EXPECT_EQ(
      first_standing_out(of_layers(mlp, {{0, 0.0005F, 0.02F}, carried, carried, carried, carried})),
      "layer.0.mlp.down");
  const std::vector<std::string> with_stream = {"mlp.norm", "mlp.gate", "mlp.down", ""};
  const std::vector<float> wrong_norm = {0.02F, 0.02F, 0.02F, 0.02F};
  const std::vector<float> later = {0.018F, 0.019F, 0.021F, 0.02F};
  EXPECT_EQ(first_standing_out(of_layers(with_stream, {wrong_norm, later, later, later, later})),
            "layer.0.mlp.norm");
}

TEST(Compare, AWrongWeightOfTheSecondLayerStandsOutThoughAllLaterOnesCarryItsError) {
  const std::vector<float> carried = {0.018F, 0.025F, 0.021F};
  const std::vector<float> right = {0.0005F, 0.0005F, 0.0005F};
  EXPECT_EQ(first_standing_out(of_layers({"mlp.norm", "mlp.gate", "mlp.down"},
                                         {right, {0.0005F, 0.02F, 0.02F}, carried, carried})),
            "layer.1.mlp.gate");
}

TEST(Compare, ProductsOfTheFirstLayerThatAreAllOffDoNotStandOut) {
  // A palette of 6 bits, of whose k the other layers make less than they read.
  EXPECT_EQ(
      first_standing_out(of_layers({"attention.norm", "attention.q", "attention.k", "attention.v"},
                                   {{0.0003F, 0.0090F, 0.0132F, 0.0305F},
                                    {0.0180F, 0.0115F, 0.0078F, 0.0165F},
                                    {0.0181F, 0.0121F, 0.0126F, 0.0232F},
                                    {0.0188F, 0.0129F, 0.0148F, 0.0233F},
                                    {0.0202F, 0.0172F, 0.0209F, 0.0250F}})),
      "nothing");
  // Of the mlp alone.
  EXPECT_EQ(first_standing_out(
                of_layers({"mlp.norm", "mlp.gate", "mlp.up"}, {{0.0003F, 0.0164F, 0.0206F},
                                                               {0.0180F, 0.0151F, 0.0209F},
                                                               {0.0181F, 0.0197F, 0.0218F},
                                                               {0.0188F, 0.0169F, 0.0210F}})),
            "nothing");
  // Of experts alone.
  EXPECT_EQ(first_standing_out(of_layers(
                {"mlp.norm", "mlp.in2"},
                {{0.0003F, 0.0164F}, {0.0180F, 0.0151F}, {0.0181F, 0.0197F}, {0.0188F, 0.0169F}})),
            "nothing");
  // Of one of them alone it does.
  EXPECT_EQ(first_standing_out(
                of_layers({"mlp.norm", "mlp.gate", "mlp.up"}, {{0.0003F, 0.0004F, 0.0206F},
                                                               {0.0080F, 0.0051F, 0.0089F},
                                                               {0.0081F, 0.0097F, 0.0088F},
                                                               {0.0088F, 0.0069F, 0.0080F}})),
            "layer.0.mlp.up");
}

/// Errors of the points of three layers with two experts each: of layer 1, and of the others.
struct ExpertErrors {
  float choice = 0;
  float first = 0.02F;  // what the first expert gives
  float last = 0.002F;  // what the last one gives
};

Trace experts_of(const ExpertErrors& usual, const ExpertErrors& in_layer_1) {
  Trace trace{{}, {{"embedding", rows({1, 1, 1, 1}, 4)}}};
  for (int layer = 0; layer < 3; ++layer) {
    const ExpertErrors& error = layer == 1 ? in_layer_1 : usual;
    const std::string name = "layer." + std::to_string(layer);
    trace.points.push_back({name + ".mlp.norm", rows({1.25F, 1, 1, 1}, 4)});
    trace.points.push_back({name + ".mlp.in0", rows({1 - error.choice, error.choice}, 2)});
    trace.points.push_back({name + ".mlp.in1", rows({1.25F, 1}, 2)});
    trace.points.push_back({name + ".mlp.in2", rows({1.25F + error.first, 1, 1, 1}, 4)});
    trace.points.push_back({name + ".mlp.down", rows({1.25F + error.last, 1, 1, 1}, 4)});
    trace.points.push_back({name, rows({2 + error.choice, 2, 2, 2}, 4)});
  }
  return trace;
}

TEST(Compare, AnExpertGrowsFromWhatItReadsAndNotFromOtherExperts) {
  const Trace reference = experts_of({0, 0, 0}, {0, 0, 0});
  EXPECT_FALSE(compared(reference, experts_of({}, {})).first_standing_out);
  const Report report = compared(reference, experts_of({}, {.last = 0.04F}));
  ASSERT_TRUE(report.first_standing_out);
  EXPECT_EQ(report.points[*report.first_standing_out].name, "layer.1.mlp.down");
}

TEST(Compare, AnotherChoiceOfExpertsIsSaidAndDoesNotStandOut) {
  const Report report = compared(experts_of({0, 0, 0}, {0, 0, 0}), experts_of({}, {.choice = 1}));
  EXPECT_FALSE(report.first_standing_out);
  const auto point = [&](std::string_view name) {
    return *std::ranges::find(report.points, name, &PointError::name);
  };
  EXPECT_TRUE(point("layer.1.mlp.in0").is_choice && point("layer.1.mlp.in0").over);
  EXPECT_TRUE(point("layer.1").over);
  EXPECT_FALSE(point("layer.1.mlp.in2").is_choice);
  EXPECT_FALSE(point("layer.1").is_choice) << "whole numbers of a stream choose nothing";
}

/// A stream and what the last product of each branch makes, of which a norm may stand before the
/// sum.
Trace stream_of(const std::vector<std::pair<float, float>>& stream) {
  Trace trace{{}, {{"embedding", rows({stream[0].first, stream[0].second}, 2)}}};
  for (size_t i = 1; i < stream.size(); ++i) {
    const std::string layer = "layer." + std::to_string(i - 1);
    trace.points.push_back({layer + ".mlp.down", rows({8, 8}, 2)});
    trace.points.push_back({layer, rows({stream[i].first, stream[i].second}, 2)});
  }
  return trace;
}

TEST(Compare, AWrongNormBehindABranchStandsOutInTheSum) {
  const Trace reference = stream_of({{1, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 4}});
  const Report report =
      compared(reference, stream_of({{1, 0}, {1, 1}, {1, 2.02F}, {1, 3.02F}, {1, 4.02F}}));
  ASSERT_TRUE(report.first_standing_out);
  EXPECT_EQ(report.points[*report.first_standing_out].name, "layer.1");
  EXPECT_EQ(std::ranges::count_if(report.points, &PointError::stands_out), 1);
}

TEST(Compare, ASumWhoseTermsCancelDoesNotStandOut) {
  const Report report =
      compared(stream_of({{100, 0}, {100, 1}, {100, 2}, {1, 2}, {1, 3}}),
               stream_of({{100.1F, 0}, {100.1F, 1}, {100.1F, 2}, {1.1F, 2}, {1.1F, 3}}));
  EXPECT_FALSE(report.first_standing_out);
  EXPECT_NEAR(*report.points.back().growth, 1, 1e-3);
}

TEST(Compare, ASumIsMeasuredByWhatTheBranchHadAsWell) {
  // The branch is off by 0.1 of the 1 that it adds, and so is the sum.
  Trace reference{{}, {{"embedding", rows({1, 0}, 2)}}};
  Trace model = reference;
  for (const auto& [trace, error] : {std::pair(&reference, 0.0F), std::pair(&model, 0.1F)}) {
    trace->points.push_back({"layer.0.mlp.down", rows({0, 1 + error}, 2)});
    trace->points.push_back({"layer.0", rows({1, 1 + error}, 2)});
  }
  const Report report = compared(reference, model);
  EXPECT_NEAR(*report.points[2].growth, 1, 1e-6);
  EXPECT_FALSE(report.points[2].stray_channel);
}

TEST(Compare, WhatOnlyOneSideHasIsNamed) {
  const Report report = compared({{}, {{"embedding", rows({1}, 1)}, {"layer.1", rows({1}, 1)}}},
                                 {{}, {{"embedding", rows({1}, 1)}, {"logits", rows({1}, 1)}}});
  EXPECT_EQ(report.skipped, (std::vector<std::string>{"layer.1: only the reference has it",
                                                      "logits: only the model has it"}));
  EXPECT_TRUE(report.shapes_differ.empty());
  EXPECT_TRUE(report.passed());
}

TEST(Compare, S4_34_APointOfOtherShapeFails) {
  const Report one =
      compared({{}, {{"embedding", rows({1}, 1)}, {"layer.0", rows({1, 2}, 1)}}},
               {{}, {{"embedding", rows({1}, 1)}, {"layer.0", rows({1, 2}, 2)}}}, {1e9, 1e9});
  EXPECT_EQ(one.shapes_differ,
            (std::vector<std::string>{"layer.0: [2, 1] in the reference, [1, 2] in the model"}));
  EXPECT_TRUE(one.skipped.empty());
  EXPECT_FALSE(one.first_over);
  EXPECT_FALSE(one.passed());
  const Report all =
      compared({{}, {{"logits", rows({1, 2}, 1)}}}, {{}, {{"logits", rows({1, 2}, 2)}}});
  EXPECT_EQ(all.shapes_differ.size(), 1u);
  EXPECT_FALSE(all.passed());
}

TEST(Compare, S4_3_AJointProductIsCutWhereTheOtherSideHasItsParts) {
  const Trace parts{{},
                    {{"layer.0.attention.q", rows({1, 2, 11, 12}, 2)},
                     {"layer.0.attention.k", rows({3, 13}, 1)},
                     {"layer.0.attention.v", rows({4, 14}, 1)},
                     {"layer.0.mlp.gate", rows({5, 15}, 1)},
                     {"layer.0.mlp.up", rows({6, 16}, 1)}}};
  const Trace joint{{},
                    {{"layer.0.attention.qkv", rows({1, 2, 3, 4, 11, 12, 13, 14}, 4)},
                     {"layer.0.mlp.up", rows({5, 6, 15, 16}, 2)}}};
  for (const auto& [reference, model] : {std::pair(&parts, &joint), std::pair(&joint, &parts)}) {
    const Report report = compared(*reference, *model);
    ASSERT_EQ(report.points.size(), 5u);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(report.points[i].name, parts.points[i].name);
    EXPECT_FALSE(report.first_different);
    EXPECT_TRUE(report.skipped.empty());
    EXPECT_TRUE(report.passed());
  }
  const Report whole = compared(joint, joint);
  EXPECT_EQ(whole.points[0].name, "layer.0.attention.qkv");
  Trace wider = joint;
  wider.points[0].tensor = rows({1, 2, 3, 4, 0, 11, 12, 13, 14, 0}, 5);
  EXPECT_EQ(compared(parts, wider).skipped.size(), 4u);
}

TEST(Compare, NothingInCommonAndOtherTokensAreErrors) {
  const Trace one{{1, 2}, {{"embedding", rows({1}, 1)}}};
  const auto apart = compare(one, {{1, 2}, {{"logits", rows({1}, 1)}}}, {});
  ASSERT_FALSE(apart.ok());
  EXPECT_EQ(apart.error().code, ErrorCode::mismatch);
  EXPECT_EQ(apart.error().message,
            "no point in common: the reference has embedding, the model logits");
  const auto other = compare(one, {{1, 3}, one.points}, {});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::mismatch);
}

}  // namespace
}  // namespace anemone::probe
