#include "models/rope_scaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "models/architectures.h"
#include "support/header_source.h"
#include "support/shared.h"

namespace anemone::models {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

Result<Decoder> decoder_of(const Json& config) {
  return read_decoder(config.dump(),
                      test::HeaderSource({{"model.norm.weight", DType::fp32, {64}}}));
}

std::vector<Json> golden() {
  std::ifstream file(test::source_folder() / "tests/golden/rope/frequencies.json");
  return Json::parse(file).get<std::vector<Json>>();
}

void expect_frequencies(const Rope& rope, const Json& expected) {
  const auto inv_freq = expected.at("inv_freq").get<std::vector<double>>();
  ASSERT_EQ(rope.inv_freq.size(), inv_freq.size());
  // The reference rounds a power, a few products and a blend to fp32: 6e-8 of the value each.
  for (size_t i = 0; i < inv_freq.size(); ++i)
    EXPECT_NEAR(rope.inv_freq[i], inv_freq[i], 1e-6 * inv_freq[i]) << "pair " << i;
  EXPECT_NEAR(rope.attention_scaling, expected.at("attention_scaling").get<double>(), 1e-12);
  const auto longer = expected.value("long_inv_freq", std::vector<double>());
  ASSERT_EQ(rope.long_inv_freq.size(), longer.size());
  for (size_t i = 0; i < longer.size(); ++i)
    EXPECT_NEAR(rope.long_inv_freq[i], longer[i], 1e-6 * longer[i]) << "pair " << i;
}

TEST(RopeScaling, FrequenciesAreThoseOfTransformers) {
  const std::vector<Json> rows = golden();
  EXPECT_EQ(rows.size(), 15u);
  for (const Json& row : rows) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const auto decoder = decoder_of(row.at("config"));
    ASSERT_TRUE(decoder.ok()) << decoder.error().to_string();
    expect_frequencies(decoder->ropes.at(0), row);
  }
}

TEST(RopeScaling, TheNewerFieldSaysTheSame) {
  for (const Json& row : golden()) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    Json config = row.at("config");
    Json parameters = config.value("rope_scaling", Json::object());
    if (parameters.contains("type")) {
      parameters["rope_type"] = parameters["type"];
      parameters.erase("type");
    }
    for (const char* key : {"rope_theta", "partial_rotary_factor"}) {
      if (!config.contains(key)) continue;
      parameters[key] = config[key];
      config.erase(key);
    }
    config.erase("rope_scaling");
    config["rope_parameters"] = parameters;
    const auto decoder = decoder_of(config);
    ASSERT_TRUE(decoder.ok()) << decoder.error().to_string();
    expect_frequencies(decoder->ropes.at(0), row);
  }
}

TEST(RopeScaling, PositionsEndWhereFrequenciesWouldChange) {
  for (const Json& row : golden()) {
    const auto decoder = decoder_of(row.at("config"));
    ASSERT_TRUE(decoder.ok());
    const std::string name = row.at("name");
    const Json& config = row.at("config");
    const auto longest = config.at("max_position_embeddings").get<int64_t>();
    EXPECT_EQ(decoder->max_positions, config.value("original_max_position_embeddings", longest))
        << name;
    EXPECT_EQ(decoder->longest_context(), longest) << name;
  }
}

/// transformers 4.57 passes over the original length inside rope_scaling, later versions do not.
TEST(RopeScaling, NeverGuessesWhichLengthIsTheOriginal) {
  for (const Json& row : golden()) {
    if (row.at("name") != "longrope of another family") continue;
    Json config = row.at("config");
    config["rope_scaling"]["original_max_position_embeddings"] = 2048;
    const auto ambiguous = decoder_of(config);
    ASSERT_FALSE(ambiguous.ok());
    EXPECT_EQ(ambiguous.error().code, ErrorCode::unsupported);
    EXPECT_THAT(ambiguous.error().message, HasSubstr("versions of transformers"));

    Json newer = config;
    newer["rope_parameters"] = newer["rope_scaling"];
    newer.erase("rope_scaling");
    const auto later = decoder_of(newer);
    ASSERT_TRUE(later.ok()) << later.error().to_string();
    EXPECT_EQ(later->max_positions, 2048);
    EXPECT_EQ(later->longest_context(), 4096);
    EXPECT_NEAR(later->ropes[0].attention_scaling, std::sqrt(1 + std::log(4) / std::log(2048)),
                1e-12);

    config["rope_scaling"]["attention_factor"] = 1.5;
    const auto said = decoder_of(config);
    ASSERT_TRUE(said.ok()) << said.error().to_string();
    EXPECT_EQ(said->longest_context(), 2048);
    EXPECT_EQ(said->ropes[0].attention_scaling, 1.5);
  }
  for (const Json& row : golden()) {
    if (row.at("name") != "longrope under its first name") continue;
    Json config = row.at("config");
    config["rope_scaling"]["original_max_position_embeddings"] = 4096;
    EXPECT_THAT(decoder_of(config).error().message, HasSubstr("but 8192 beside the scaling"));
  }
}

TEST(RopeScaling, ReadsOneRopeForEachKindOfLayer) {
  Json config = golden().back().at("config");
  config["layer_types"] = {"sliding_attention"};
  config["rope_local_base_freq"] = 100.0;
  const auto older = decoder_of(config);
  ASSERT_TRUE(older.ok()) << older.error().to_string();
  EXPECT_EQ(older->layers[0].attention.rope, 1);
  EXPECT_NEAR(older->ropes[0].inv_freq[0], 1 / 8.0, 1e-12);
  EXPECT_NEAR(older->ropes[1].inv_freq[0], 1, 1e-12);
  EXPECT_NEAR(older->ropes[1].inv_freq[8], 0.1, 1e-12);

  for (const char* key : {"rope_theta", "rope_scaling", "rope_local_base_freq"}) config.erase(key);
  config["rope_parameters"] = {
      {"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 1e6}}},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 100.0}}}};
  const auto newer = decoder_of(config);
  ASSERT_TRUE(newer.ok()) << newer.error().to_string();
  EXPECT_EQ(newer->ropes, older->ropes);
}

struct WrongScaling {
  const char* name;
  Json fields;
  ErrorCode code;
  const char* message;
};

TEST(RopeScaling, RefusesWhatItDoesNotKnow) {
  const WrongScaling cases[] = {
      {"unknown kind",
       {{"rope_type", "mrope"}},
       ErrorCode::unsupported,
       "rope_scaling.rope_type: unknown kind \"mrope\""},
      {"two kinds",
       {{"rope_type", "linear"}, {"type", "yarn"}, {"factor", 2}},
       ErrorCode::corrupt,
       "contradicts rope_type \"linear\""},
      {"no factor", {{"rope_type", "linear"}}, ErrorCode::corrupt, "rope_scaling.factor: missing"},
      {"factor 0", {{"rope_type", "linear"}, {"factor", 0}}, ErrorCode::corrupt, "factor"},
      {"extra",
       {{"rope_type", "linear"}, {"factor", 2}, {"finetuned", true}},
       ErrorCode::unsupported,
       "rope_scaling.finetuned: unknown field (true)"},
      {"llama3 band",
       {{"rope_type", "llama3"},
        {"factor", 2},
        {"low_freq_factor", 4},
        {"high_freq_factor", 4},
        {"original_max_position_embeddings", 64}},
       ErrorCode::corrupt,
       "must be above low_freq_factor"},
      {"short list",
       {{"rope_type", "longrope"}, {"factor", 2}, {"short_factor", {1, 2}}, {"long_factor", {1}}},
       ErrorCode::corrupt,
       "rope_scaling.short_factor: expected 16 numbers above 0"},
      {"no list", {{"rope_type", "longrope"}, {"factor", 2}}, ErrorCode::corrupt, "short_factor"},
      {"part of a head",
       {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}},
       ErrorCode::unsupported,
       "partial_rotary_factor"},
      {"no object", Json::array({1}), ErrorCode::corrupt, "rope_scaling: expected an object"},
  };
  for (const WrongScaling& wrong : cases) {
    Json config = golden().front().at("config");
    config["rope_scaling"] = wrong.fields;
    const auto decoder = decoder_of(config);
    ASSERT_FALSE(decoder.ok()) << wrong.name;
    EXPECT_EQ(decoder.error().code, wrong.code) << wrong.name;
    EXPECT_THAT(decoder.error().to_string(), HasSubstr(wrong.message)) << wrong.name;
  }
}

TEST(RopeScaling, RefusesBothFormsAtOnce) {
  Json config = golden().front().at("config");
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2}};
  config["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 2}};
  const auto decoder = decoder_of(config);
  ASSERT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.error().code, ErrorCode::corrupt);
  EXPECT_THAT(decoder.error().message, HasSubstr("stands beside rope_parameters"));
}

}  // namespace
}  // namespace anemone::models
