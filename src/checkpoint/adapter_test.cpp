#include "checkpoint/adapter.h"

#include <gmock/gmock.h>

#include <cmath>

#include "checkpoint/adapter_formats.h"
#include "support/memory_source.h"

namespace anemone::checkpoint {
namespace {

using ::testing::HasSubstr;
using SourcePtr = std::shared_ptr<const TensorSource>;

Tensor matrix(int64_t rows, int64_t columns, const std::vector<float>& values) {
  return Tensor::from_values<float>(DType::fp32, {rows, columns}, values);
}

SourcePtr source(const std::vector<NamedTensor>& tensors) {
  return std::make_shared<test::MemorySource>(tensors);
}

/// x.q is [2, 3], x.square [2, 2], x.norm [2], x.bias [2].
SourcePtr base() {
  return source({{"x.q.weight", matrix(2, 3, {1, 2, 3, 4, 5, 6})},
                 {"x.square.weight", matrix(2, 2, {1, 2, 3, 4})},
                 {"x.norm.weight", Tensor::zeros(DType::fp16, {2})},
                 {"x.q.bias", Tensor::zeros(DType::fp16, {2})}});
}

const Json kPeft = {{"peft_type", "LORA"}, {"r", 1}, {"lora_alpha", 2}};

Json with(Json config, const Json& changes) {
  config.update(changes);
  return config;
}

std::vector<NamedTensor> peft_pair(const std::string& module, Tensor a, Tensor b) {
  return {{"base_model.model." + module + ".lora_A.weight", std::move(a)},
          {"base_model.model." + module + ".lora_B.weight", std::move(b)}};
}

/// A = [1 0 2], B = [1; 10]: B·A = [1 0 2; 10 0 20].
std::vector<NamedTensor> pair_for_q() {
  return peft_pair("x.q", matrix(1, 3, {1, 0, 2}), matrix(2, 1, {1, 10}));
}

Result<SourcePtr> peft(const Json& config, const std::vector<NamedTensor>& tensors) {
  const SourcePtr adapter = source(tensors);
  auto plan = plan_peft(config, *adapter, *base());
  if (!plan.ok()) return std::move(plan).error();
  return apply_adapter(base(), adapter, std::move(plan).value());
}

std::vector<float> values(const Result<SourcePtr>& merged, const char* name) {
  EXPECT_TRUE(merged.ok()) << merged.error().to_string();
  if (!merged.ok()) return {};
  const auto tensor = (*merged)->read(name);
  EXPECT_EQ(tensor->dtype(), (*merged)->find(name)->dtype);
  std::vector<float> list;
  for (int64_t i = 0; i < tensor->element_count(); ++i)
    list.push_back(static_cast<float>(tensor->at(i)));
  return list;
}

void expect_error(const Result<SourcePtr>& merged, ErrorCode code, const char* text) {
  ASSERT_FALSE(merged.ok()) << text;
  EXPECT_EQ(merged.error().code, code) << merged.error().to_string();
  EXPECT_THAT(merged.error().to_string(), HasSubstr(text));
}

TEST(Adapter, S3_9_WeightPlusScaleTimesBTimesA) {
  EXPECT_EQ(values(peft(kPeft, pair_for_q()), "x.q.weight"),
            (std::vector<float>{3, 2, 7, 24, 5, 46}));
  EXPECT_EQ(values(peft(kPeft, pair_for_q()), "x.square.weight"), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Adapter, PatternsAndRankStabilisedScale) {
  const auto pair = peft_pair("x.q", matrix(4, 3, {1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                              matrix(2, 4, {1, 0, 0, 0, 10, 0, 0, 0}));
  const Json ranks = {{"rank_pattern", {{"q", 4}}}};
  EXPECT_EQ(values(peft(with(kPeft, ranks), pair), "x.q.weight"),  // 2 / 4
            (std::vector<float>{1.5, 2, 4, 9, 5, 16}));
  Json stable = with(kPeft, ranks);
  stable["use_rslora"] = true;
  stable["alpha_pattern"] = {{"^x.q", 6}};
  EXPECT_EQ(values(peft(stable, pair), "x.q.weight"),  // 6 / √4
            (std::vector<float>{4, 2, 9, 34, 5, 66}));
  expect_error(peft(kPeft, pair), ErrorCode::mismatch, "rank r = 1");
  expect_error(peft(with(kPeft, {{"rank_pattern", {{".*q", 4}}}}), pair), ErrorCode::unsupported,
               "regular expression '.*q'");
}

/// A key with ^ is a whole name for PEFT, never the beginning of one.
TEST(Adapter, PatternsThatFitNothingOrDisagreeAreFaults) {
  const auto merged = [&](const Json& alphas) {
    return peft(with(kPeft, {{"alpha_pattern", alphas}}), pair_for_q());
  };
  const auto scaled = [](float scale) {
    return std::vector<float>{1 + scale, 2, 3 + 2 * scale, 4 + 10 * scale, 5, 6 + 20 * scale};
  };
  for (const char* key : {"q", "x.q", "^x.q"})
    EXPECT_EQ(values(merged({{key, 3}}), "x.q.weight"), scaled(3)) << key;
  for (const char* key : {"^x", "^q", "x", ".q", "other"})
    expect_error(merged({{key, 3}}), ErrorCode::mismatch, "fits no module");
  EXPECT_EQ(values(merged({{"q", 3}, {"x.q", 3}}), "x.q.weight"), scaled(3));
  expect_error(merged({{"q", 3}, {"x.q", 4}}), ErrorCode::mismatch,
               "'q' and 'x.q' both fit module 'x.q'");
  expect_error(merged(3), ErrorCode::corrupt, "alpha_pattern is number");
}

TEST(Adapter, MagnitudesRescaleRows) {
  auto tensors = pair_for_q();
  tensors.push_back({"base_model.model.x.q.lora_magnitude_vector",
                     Tensor::from_values<float>(DType::fp32, {2}, std::array{2.0F, 5.0F})});
  const double first = 2 / std::sqrt(9.0 + 4 + 49);
  const double second = 5 / std::sqrt(24.0 * 24 + 25 + 46 * 46);
  const auto row = values(peft(with(kPeft, {{"use_dora", true}}), tensors), "x.q.weight");
  ASSERT_EQ(row.size(), 6u);
  EXPECT_EQ(row[0], static_cast<float>(3 * first));
  EXPECT_EQ(row[2], static_cast<float>(7 * first));
  EXPECT_EQ(row[5], static_cast<float>(46 * second));
  expect_error(peft(kPeft, tensors), ErrorCode::mismatch, "use_dora is false");
  expect_error(peft(with(kPeft, {{"use_dora", true}}), pair_for_q()), ErrorCode::mismatch,
               "no magnitude");
}

TEST(Adapter, TransposedWeightsOfConv1D) {
  const Json config = with(kPeft, {{"fan_in_fan_out", true}});
  // x.q as [in 2, out 3]: A [1, 2], B [3, 1].
  const auto turned = peft_pair("x.q", matrix(1, 2, {1, 2}), matrix(3, 1, {1, 0, 10}));
  EXPECT_EQ(values(peft(config, turned), "x.q.weight"), (std::vector<float>{3, 2, 23, 8, 5, 46}));
  EXPECT_EQ(values(peft(config, pair_for_q()), "x.q.weight"),  // a linear layer beside them
            (std::vector<float>{3, 2, 7, 24, 5, 46}));
  const auto square = peft_pair("x.square", matrix(1, 2, {1, 0}), matrix(2, 1, {0, 1}));
  EXPECT_EQ(values(peft(config, square), "x.square.weight"), (std::vector<float>{1, 4, 3, 4}));
  EXPECT_EQ(values(peft(kPeft, square), "x.square.weight"), (std::vector<float>{1, 2, 5, 4}));
  expect_error(peft(kPeft, turned), ErrorCode::mismatch, "does not take");
}

TEST(Adapter, SavedModulesAndBiasesReplace) {
  auto tensors = pair_for_q();
  const auto ones = Tensor::from_values<float>(DType::bf16, {2}, std::array{1.0F, 1.5F});
  tensors.push_back({"base_model.model.x.norm.weight", ones});
  expect_error(peft(kPeft, tensors), ErrorCode::mismatch, "not in modules_to_save");
  const Json saved = with(kPeft, {{"modules_to_save", {"norm"}}});
  EXPECT_EQ(values(peft(saved, tensors), "x.norm.weight"), (std::vector<float>{1, 1.5}));
  // A module with A and B keeps its bias as .base_layer.bias, another one under its own name.
  for (const char* name : {"x.q.base_layer.bias", "x.q.bias"}) {
    auto biased = tensors;
    biased.push_back({std::string("base_model.model.") + name, ones});
    expect_error(peft(saved, biased), ErrorCode::mismatch, name);
    const Json both = with(saved, {{"bias", "all"}});
    EXPECT_EQ(values(peft(both, biased), "x.q.bias"), (std::vector<float>{1, 1.5}));
    biased.back().tensor = Tensor::zeros(DType::fp32, {3});
    expect_error(peft(both, biased), ErrorCode::mismatch, "has shape [3]");
  }
}

/// PEFT takes the ends of names: "norm" is also "input_norm".
TEST(Adapter, SavedModulesAreNamedByTheirEnds) {
  auto tensors = pair_for_q();
  tensors.push_back({"base_model.model.x.norm.weight",
                     Tensor::from_values<float>(DType::fp32, {2}, std::array{1.0F, 1.5F})});
  for (const char* end : {"orm", "norm", "x.norm"})
    EXPECT_EQ(values(peft(with(kPeft, {{"modules_to_save", {end}}}), tensors), "x.norm.weight"),
              (std::vector<float>{1, 1.5}))
        << end;
  for (const char* other : {"nor", "", "weight", "q"})
    expect_error(peft(with(kPeft, {{"modules_to_save", {other}}}), tensors), ErrorCode::mismatch,
                 "not in modules_to_save");
}

/// Of embeddings and output layers that it adapts, PEFT saves what they were trained over: that,
/// and not the base's, is what A and B are added to.
TEST(Adapter, S3_9_AnAdaptersOwnWeightIsWhatItsPairIsAddedTo) {
  const Tensor base_values = matrix(3, 2, {1, 2, 3, 4, 5, 6});
  const SourcePtr embeddings =
      source({{"model.embed_tokens.weight", base_values}, {"lm_head.weight", base_values}});
  const auto merged = [&](std::vector<NamedTensor> tensors) -> Result<SourcePtr> {
    for (NamedTensor& tensor : tensors) tensor.name = "base_model.model." + tensor.name;
    const SourcePtr adapter = source(tensors);
    auto plan = plan_peft(kPeft, *adapter, *embeddings);
    if (!plan.ok()) return std::move(plan).error();
    return apply_adapter(embeddings, adapter, std::move(plan).value());
  };
  const Tensor own = matrix(3, 2, {10, 20, 30, 40, 50, 60});
  std::vector<NamedTensor> tensors = {
      {"model.embed_tokens.base_layer.weight", own},
      {"model.embed_tokens.lora_embedding_A", matrix(1, 3, {1, 0, 2})},
      {"model.embed_tokens.lora_embedding_B", matrix(2, 1, {1, 10})},
      {"lm_head.base_layer.weight", own},
      {"lm_head.lora_A.weight", matrix(1, 2, {1, 2})},
      {"lm_head.lora_B.weight", matrix(3, 1, {1, 0, 10})}};
  EXPECT_EQ(values(merged(tensors), "model.embed_tokens.weight"),
            (std::vector<float>{12, 40, 30, 40, 54, 100}));
  EXPECT_EQ(values(merged(tensors), "lm_head.weight"),
            (std::vector<float>{12, 24, 30, 40, 70, 100}));
  tensors[3].tensor = matrix(4, 2, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_error(merged(tensors), ErrorCode::mismatch, "lm_head.base_layer.weight' is fp32 [4, 2]");
  // Without a pair it replaces, as saved embeddings do.
  EXPECT_EQ(values(merged({{"lm_head.weight", own}}), "lm_head.weight"),
            (std::vector<float>{10, 20, 30, 40, 50, 60}));
  expect_error(merged({{"lm_head.other.weight", own}}), ErrorCode::mismatch, "lm_head.other");
}

TEST(Adapter, FieldsThatChangeTheResultAreRefusedByName) {
  const std::pair<Json, const char*> refused[] = {
      {{{"peft_type", "IA3"}}, "IA3"},
      {{{"lora_bias", true}}, "lora_bias"},
      {{{"use_qalora", true}}, "use_qalora"},
      {{{"layer_replication", {{0, 1}}}}, "layer_replication"},
      {{{"target_parameters", {"experts"}}}, "target_parameters"},
      {{{"trainable_token_indices", {1}}}, "trainable_token_indices"},
      {{{"something_new", 1}}, "something_new"},
      {{{"init_lora_weights", "pissa"}}, "pissa"},
      {{{"bias", "some"}}, "bias"}};
  for (const auto& [change, text] : refused)
    expect_error(peft(with(kPeft, change), pair_for_q()), ErrorCode::unsupported, text);
  for (const char* key : {"r", "lora_alpha"})
    for (const Json& value : {Json(0), Json("8"), Json(nullptr)})
      expect_error(peft(with(kPeft, {{key, value}}), pair_for_q()), ErrorCode::corrupt, key);
  EXPECT_TRUE(
      peft(with(kPeft, {{"something_new", nullptr}, {"lora_bias", false}}), pair_for_q()).ok());
}

TEST(Adapter, TargetsAndLayersAreHeldAgainstTheTensors) {
  expect_error(peft(with(kPeft, {{"target_modules", {"k"}}}), pair_for_q()), ErrorCode::mismatch,
               "'x.q' is not among");
  const SourcePtr layers = source({{"m.layers.1.q.weight", matrix(2, 3, {1, 2, 3, 4, 5, 6})}});
  const SourcePtr adapter =
      source(peft_pair("m.layers.1.q", matrix(1, 3, {1, 0, 2}), matrix(2, 1, {1, 10})));
  const auto plan = [&](const Json& wanted) {
    return plan_peft(with(kPeft, {{"layers_to_transform", wanted}}), *adapter, *layers);
  };
  EXPECT_TRUE(plan({0, 1}).ok());
  EXPECT_TRUE(plan(1).ok());
  EXPECT_EQ(plan({0, 2}).error().code, ErrorCode::mismatch);
  EXPECT_EQ(plan(2).error().code, ErrorCode::mismatch);
}

TEST(Adapter, EveryTensorMustBeUsed) {
  auto half = pair_for_q();
  half.pop_back();
  expect_error(peft(kPeft, half), ErrorCode::mismatch, "has no B");
  expect_error(peft(kPeft, peft_pair("x.k", matrix(1, 3, {1, 0, 2}), matrix(2, 1, {1, 10}))),
               ErrorCode::mismatch, "module 'x.k' is not in the base");
  auto extra = pair_for_q();
  extra.push_back({"base_model.model.x.q.ia3_l.weight", matrix(1, 1, {1})});
  expect_error(peft(kPeft, extra), ErrorCode::mismatch, "ia3_l");
}

TEST(Adapter, EmbeddingsAreUpdatedForTheirOwnUse) {
  const SourcePtr embedding = source({{"embed_tokens.weight", matrix(3, 2, {1, 2, 3, 4, 5, 6})}});
  const SourcePtr adapter =
      source({{"base_model.model.embed_tokens.lora_embedding_A", matrix(1, 3, {1, 0, 2})},
              {"base_model.model.embed_tokens.lora_embedding_B", matrix(2, 1, {1, 10})}});
  auto plan = plan_peft(kPeft, *adapter, *embedding);
  ASSERT_TRUE(plan.ok()) << plan.error().to_string();
  const auto merged = apply_adapter(embedding, adapter, *plan);
  EXPECT_EQ(values(merged, "embed_tokens.weight"), (std::vector<float>{3, 22, 3, 4, 9, 46}));
  EXPECT_EQ((*merged)->find("embed_tokens.weight")->adaptation, Adaptation::one_use);
}

TEST(Adapter, WhatIsAdaptedIsMarked) {
  auto tensors = pair_for_q();
  tensors.push_back({"base_model.model.x.norm.weight", Tensor::zeros(DType::fp32, {2})});
  const auto merged = peft(with(kPeft, {{"modules_to_save", {"norm"}}}), tensors);
  ASSERT_TRUE(merged.ok()) << merged.error().to_string();
  for (const TensorInfo& info : (*merged)->tensors())
    EXPECT_EQ(info.adaptation, info.name == "x.q.weight" || info.name == "x.norm.weight"
                                   ? Adaptation::one_use
                                   : Adaptation::none)
        << info.name;
}

Result<SourcePtr> mlx(const Json& config, const std::vector<NamedTensor>& tensors) {
  const SourcePtr adapter = source(tensors);
  auto plan = plan_mlx(config, *adapter, *base());
  if (!plan.ok()) return std::move(plan).error();
  return apply_adapter(base(), adapter, std::move(plan).value());
}

TEST(Adapter, MlxPairsAreTransposedAndTheirScaleIsUsedAsItIs) {
  const std::vector<NamedTensor> tensors = {{"x.q.lora_a", matrix(3, 1, {1, 0, 2})},
                                            {"x.q.lora_b", matrix(1, 2, {1, 10})}};
  const Json config = {{"fine_tune_type", "lora"},
                       {"lora_parameters", {{"rank", 1}, {"scale", 2.0}, {"keys", {"q"}}}}};
  EXPECT_EQ(values(mlx(config, tensors), "x.q.weight"), (std::vector<float>{3, 2, 7, 24, 5, 46}));
  Json alpha = config;
  alpha["lora_parameters"]["alpha"] = 16;  // its meaning was another in each version
  expect_error(mlx(alpha, tensors), ErrorCode::unsupported, "alpha");
  Json keys = config;
  keys["lora_parameters"]["keys"] = {"k"};
  expect_error(mlx(keys, tensors), ErrorCode::mismatch, "keys");
  Json rank = config;
  rank["lora_parameters"]["rank"] = 2;
  expect_error(mlx(rank, tensors), ErrorCode::mismatch, "expected rank 2");

  auto dora = tensors;
  dora.push_back({"x.q.m", Tensor::from_values<float>(DType::fp32, {2}, std::array{2.0F, 5.0F})});
  expect_error(mlx(config, dora), ErrorCode::mismatch, "has a magnitude");
  const auto row = values(mlx(with(config, {{"fine_tune_type", "dora"}}), dora), "x.q.weight");
  ASSERT_EQ(row.size(), 6u);
  EXPECT_EQ(row[0], static_cast<float>(3 * (2 / std::sqrt(62.0))));
}

TEST(Adapter, S3_8_BarePairsOfEitherOrientationHaveTheirKeysMapped) {
  const Json config = {{"lora_rank", 1}, {"lora_alpha", 2}, {"hidden_size", 3}};
  const auto bare = [&](const Json& settings,
                        const std::vector<NamedTensor>& tensors) -> Result<SourcePtr> {
    const SourcePtr adapter = source(tensors);
    auto plan = plan_bare(settings, *adapter, *base());
    if (!plan.ok()) return std::move(plan).error();
    return apply_adapter(base(), adapter, std::move(plan).value());
  };
  const std::vector<float> expected = {3, 2, 7, 24, 5, 46};
  EXPECT_EQ(values(bare(config, {{"x.q.lora_a", matrix(3, 1, {1, 0, 2})},
                                 {"x.q.lora_b", matrix(1, 2, {1, 10})}}),
                   "x.q.weight"),
            expected);
  EXPECT_EQ(values(bare(config, {{"x.q.weight.lora_a", matrix(1, 3, {1, 0, 2})},
                                 {"x.q.weight.lora_b", matrix(2, 1, {1, 10})}}),
                   "x.q.weight"),
            expected);
  // A square pair takes the orientation of the others; alone it is ambiguous.
  const Json two = {{"lora_rank", 2}, {"lora_alpha", 2}};
  const std::vector<NamedTensor> square = {{"x.square.lora_a", matrix(2, 2, {0, 1, 0, 0})},
                                           {"x.square.lora_b", matrix(2, 2, {1, 0, 0, 0})}};
  expect_error(bare(two, square), ErrorCode::mismatch, "either orientation");
  auto beside = square;
  beside.push_back({"x.q.lora_a", matrix(3, 2, {0, 0, 0, 0, 0, 0})});
  beside.push_back({"x.q.lora_b", matrix(2, 2, {0, 0, 0, 0})});
  EXPECT_EQ(values(bare(two, beside), "x.square.weight"), (std::vector<float>{1, 2, 3, 4}));
  beside[2].tensor = matrix(2, 3, {0, 0, 0, 0, 0, 0});
  EXPECT_EQ(values(bare(two, beside), "x.square.weight"), (std::vector<float>{1, 3, 3, 4}));
  expect_error(bare(with(config, {{"lora_plus", true}}), square), ErrorCode::unsupported,
               "lora_plus");
  expect_error(bare({{"lora_rank", 1}}, square), ErrorCode::corrupt, "lora_alpha is missing");
}

/// What an adapter lacks that its config promises was lost when it was saved.
TEST(Adapter, WhatTheConfigPromisesMustBeThere) {
  const Json targets = with(kPeft, {{"target_modules", {"q", "square"}}});
  expect_error(peft(targets, pair_for_q()), ErrorCode::mismatch,
               "module 'x.square' is among the config's targets, and the adapter has no pair");
  EXPECT_TRUE(peft(with(targets, {{"exclude_modules", {"square"}}}), pair_for_q()).ok());
  EXPECT_TRUE(peft(with(kPeft, {{"target_modules", ".*(q|square)"}}), pair_for_q()).ok());
  expect_error(peft(with(kPeft, {{"exclude_modules", {"q"}}}), pair_for_q()), ErrorCode::mismatch,
               "module 'x.q' is among the config's exclude_modules");
  expect_error(peft(with(kPeft, {{"modules_to_save", {"norm"}}}), pair_for_q()),
               ErrorCode::mismatch, "'norm' is in modules_to_save, and the adapter has no tensor");
  // PEFT adds names of its own that a language model does not have.
  EXPECT_TRUE(peft(with(kPeft, {{"modules_to_save", {"classifier", "score"}}}), pair_for_q()).ok());
}

/// In the merged weight it would seem to be the base's.
TEST(Adapter, ValuesThatAreNoNumbersAreTheAdapters) {
  const auto read = [](const Json& config, const std::vector<NamedTensor>& tensors,
                       const char* name) {
    const auto merged = peft(config, tensors);
    EXPECT_TRUE(merged.ok());
    return merged.ok() ? (*merged)->read(name) : Result<Tensor>(merged.error());
  };
  const auto expect_blamed = [](const Result<Tensor>& tensor, const char* text) {
    ASSERT_FALSE(tensor.ok());
    EXPECT_EQ(tensor.error().code, ErrorCode::corrupt);
    EXPECT_THAT(tensor.error().message, HasSubstr(text));
  };
  auto tensors = pair_for_q();
  tensors[0].tensor = matrix(1, 3, {1, NAN, 2});
  expect_blamed(read(kPeft, tensors, "x.q.weight"),
                "the adapter's tensor 'base_model.model.x.q.lora_A.weight' holds nan");
  tensors = pair_for_q();
  tensors.push_back({"base_model.model.x.norm.weight", {}});
  for (const DType dtype : {DType::fp16, DType::bf16, DType::fp32, DType::fp64}) {
    for (const auto& [value, word] : {std::pair{INFINITY, "inf"}, std::pair{-INFINITY, "-inf"}}) {
      tensors.back().tensor = Tensor::from_values<float>(dtype, {2}, std::array{1.0F, value});
      expect_blamed(read(with(kPeft, {{"modules_to_save", {"norm"}}}), tensors, "x.norm.weight"),
                    word);
    }
    tensors.back().tensor = Tensor::from_values<float>(dtype, {2}, std::array{1.0F, 65504.0F});
    EXPECT_TRUE(read(with(kPeft, {{"modules_to_save", {"norm"}}}), tensors, "x.norm.weight").ok());
  }
}

}  // namespace
}  // namespace anemone::checkpoint
