#include "models/architectures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "support/header_source.h"
#include "support/shared.h"

namespace anemone::models {
namespace {

using test::HeaderSource;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;
using checkpoint::TensorInfo;

std::string config_text(const fs::path& folder) {
  std::ifstream file(folder / "config.json", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status read_and_check(const fs::path& folder) {
  const HeaderSource weights = HeaderSource::of_folder(folder);
  ANEMONE_TRY(const Decoder decoder, read_decoder(config_text(folder), weights));
  return check_weights(decoder, weights);
}

class Fixture : public ::testing::TestWithParam<const char*> {};

TEST_P(Fixture, ReadsAndFitsItsWeights) {
  const fs::path folder = test::shared_folder() / "fixtures" / GetParam();
  ANEMONE_NEED_SHARED(folder);
  const Status status = read_and_check(folder);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
}

std::string name_of(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

constexpr const char* kHuggingFace[] = {
    "hf/gemma2", "hf/gemma3", "hf/gpt2",  "hf/granite", "hf/llama",     "hf/llama31", "hf/mistral",
    "hf/olmo2",  "hf/phi3",   "hf/qwen2", "hf/qwen3",   "hf/qwen3_moe", "hf/smollm3"};
INSTANTIATE_TEST_SUITE_P(HuggingFace, Fixture, ::testing::ValuesIn(kHuggingFace), name_of);

/// A line of architectures.inc has a checkpoint that it is held against, and no checkpoint is left
/// out above.
TEST(Architectures, EachHasAFixture) {
  const fs::path folder = test::shared_folder() / "fixtures/hf";
  ANEMONE_NEED_SHARED(folder);
  std::set<std::string> listed(std::begin(kHuggingFace), std::end(kHuggingFace));
  std::set<std::string> types;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    EXPECT_EQ(listed.erase("hf/" + entry.path().filename().string()), 1u)
        << entry.path() << " is read by no test";
    auto config = checkpoint::ConfigReader::parse(config_text(entry.path()));
    ASSERT_TRUE(config.ok()) << entry.path();
    types.insert(config->word("model_type"));
  }
  EXPECT_THAT(listed, ::testing::IsEmpty()) << "listed, and not there";
  for (const Architecture* architecture : architectures())
    EXPECT_TRUE(std::ranges::any_of(
        architecture->model_types,
        [&](std::string_view type) { return types.contains(std::string(type)); }))
        << architecture->model_types.front() << " has no fixture";
}

INSTANTIATE_TEST_SUITE_P(Anemll, Fixture,
                         ::testing::Values("anemll/checkpoints/tiny-llama",
                                           "anemll/checkpoints/tiny-qwen3",
                                           "anemll/checkpoints/micro-qwen3"),
                         name_of);

struct BrokenCase {
  const char* folder;
  ErrorCode code;
  const char* message;
};

class Broken : public ::testing::TestWithParam<BrokenCase> {};

TEST_P(Broken, IsRefusedByName) {
  const fs::path folder = test::shared_folder() / "fixtures/checkpoints/broken" / GetParam().folder;
  ANEMONE_NEED_SHARED(folder);
  const Status status = read_and_check(folder);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, GetParam().code);
  EXPECT_THAT(status.error().to_string(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Checkpoint, Broken,
    ::testing::Values(
        BrokenCase{"config_missing_hidden_size", ErrorCode::corrupt, "hidden_size: missing"},
        BrokenCase{"config_missing_model_type", ErrorCode::corrupt, "model_type: missing"},
        BrokenCase{"config_not_json", ErrorCode::corrupt, "config.json: not JSON"},
        BrokenCase{"config_unknown_arch", ErrorCode::unsupported, "\"walrus\""},
        BrokenCase{"config_heads_do_not_divide", ErrorCode::corrupt, "num_key_value_heads: 2"},
        BrokenCase{"config_unknown_rope", ErrorCode::unsupported, "unknown kind \"spiral\""},
        BrokenCase{"config_wrong_size", ErrorCode::mismatch,
                   "mlp.gate_proj.weight: shape [12, 8], expected [16, 8]"},
        BrokenCase{"tensor_missing", ErrorCode::mismatch, "layers.0.mlp.up_proj.weight: missing"},
        BrokenCase{"tensor_extra", ErrorCode::mismatch, "model.layers.7.mystery.weight"},
        BrokenCase{"tensor_dtype_int", ErrorCode::mismatch, "expected a floating-point type"}),
    [](const auto& parameter) { return std::string(parameter.param.folder); });

constexpr const char* kLlama = R"({"model_type": "llama", "vocab_size": 16, "hidden_size": 8,
  "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
  "num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
  "hidden_act": "silu", "tie_word_embeddings": false)";

std::string llama_with(const std::string& fields) { return kLlama + fields + "}"; }

std::vector<TensorInfo> llama_tensors() {
  return {{"lm_head.weight", DType::fp32, {16, 8}},
          {"model.embed_tokens.weight", DType::fp32, {16, 8}},
          {"model.layers.0.input_layernorm.weight", DType::fp32, {8}},
          {"model.layers.0.mlp.down_proj.weight", DType::fp32, {8, 12}},
          {"model.layers.0.mlp.gate_proj.weight", DType::fp32, {12, 8}},
          {"model.layers.0.mlp.up_proj.weight", DType::fp32, {12, 8}},
          {"model.layers.0.post_attention_layernorm.weight", DType::fp32, {8}},
          {"model.layers.0.self_attn.k_proj.weight", DType::fp32, {4, 8}},
          {"model.layers.0.self_attn.o_proj.weight", DType::fp32, {8, 8}},
          {"model.layers.0.self_attn.q_proj.weight", DType::fp32, {8, 8}},
          {"model.layers.0.self_attn.rotary_emb.inv_freq", DType::fp32, {2}},
          {"model.layers.0.self_attn.v_proj.weight", DType::fp32, {4, 8}},
          {"model.norm.weight", DType::fp32, {8}}};
}

TEST(ReadDecoder, UnknownFieldsAreListedTogether) {
  const HeaderSource weights(llama_tensors());
  const auto decoder =
      read_decoder(llama_with(R"(, "alibi": true, "rope_scaling": {"type": "linear",
                                 "factor": 2, "twist": 3}, "num_experts": 4)"),
                   weights);
  ASSERT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.error().code, ErrorCode::unsupported);
  EXPECT_THAT(decoder.error().message,
              AllOf(HasSubstr("alibi: unknown field (true)"), HasSubstr("num_experts"),
                    HasSubstr("rope_scaling.twist"), Not(HasSubstr("factor"))));
  EXPECT_THAT(decoder.error().hint, HasSubstr("remove it from config.json"));
}

/// Fields of published checkpoints and of those that transformers 5 saves, beside the usual ones.
struct ExtraFields {
  const char* folder;
  const char* fields;
  const char* refused;  ///< the same with values that change the mathematics; or null.
};

std::ostream& operator<<(std::ostream& stream, const ExtraFields& extra) {
  return stream << extra.fields;
}

class Extra : public ::testing::TestWithParam<ExtraFields> {};

TEST_P(Extra, FieldsAreKnown) {
  const fs::path folder = test::shared_folder() / "fixtures/hf" / GetParam().folder;
  ANEMONE_NEED_SHARED(folder);
  const HeaderSource weights = HeaderSource::of_folder(folder);
  const auto with = [&](const char* fields) {
    std::string text = config_text(folder);
    text.insert(text.find('{') + 1, std::string(fields) + ",");
    return read_decoder(text, weights);
  };
  const auto known = with(GetParam().fields);
  EXPECT_TRUE(known.ok()) << known.error().to_string();
  if (GetParam().refused != nullptr) {
    const auto other = with(GetParam().refused);
    ASSERT_FALSE(other.ok());
    EXPECT_EQ(other.error().code, ErrorCode::unsupported);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Published, Extra,
    ::testing::Values(
        ExtraFields{"qwen2", R"("use_mrope": false)", R"("use_mrope": true)"},
        ExtraFields{"llama", R"("is_llama_config": true, "rope_interleaved": false)",
                    R"("rope_interleaved": true)"},
        ExtraFields{"smollm3", R"("transformers.js_config": {"dtype": "q4"})", nullptr},
        ExtraFields{"gpt2", R"("_num_labels": 1, "num_labels": 2)", R"("add_alibi": true)"},
        ExtraFields{"gemma2", R"("use_bidirectional_attention": null)",
                    R"("use_bidirectional_attention": true)"},
        ExtraFields{"mistral", R"("field_of_tomorrow": null)", R"("field_of_tomorrow": 0)"}),
    [](const auto& parameter) { return std::string(parameter.param.folder); });

TEST(ReadDecoder, ExpertsMayHaveTheirNewName) {
  const fs::path folder = test::shared_folder() / "fixtures/hf/qwen3_moe";
  ANEMONE_NEED_SHARED(folder);
  const HeaderSource weights = HeaderSource::of_folder(folder);
  const std::string old = config_text(folder);
  const auto decoder = read_decoder(old, weights);
  ASSERT_TRUE(decoder.ok());
  const size_t experts = decoder->layers[0].experts->experts.size();
  std::string text = old;
  text.replace(text.find("\"num_experts\""), 13, "\"num_local_experts\"");
  const auto renamed = read_decoder(text, weights);
  ASSERT_TRUE(renamed.ok()) << renamed.error().to_string();
  EXPECT_EQ(renamed->layers[0].experts->experts.size(), experts);
  text = old;
  text.insert(text.find('{') + 1, R"("num_local_experts": 3,)");
  EXPECT_THAT(read_decoder(text, weights).error().message, HasSubstr("num_local_experts"));
}

TEST(ReadDecoder, UnknownModelTypeListsTheKnown) {
  const HeaderSource weights(llama_tensors());
  const auto decoder = read_decoder(R"({"model_type": "mamba"})", weights);
  ASSERT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.error().code, ErrorCode::unsupported);
  EXPECT_THAT(decoder.error().to_string(), AllOf(HasSubstr("mamba"), HasSubstr("llama")));
}

TEST(ReadDecoder, AClassifierIsNoLanguageModel) {
  const HeaderSource weights(llama_tensors());
  for (const char* named : {"LlamaForSequenceClassification", "LlamaForTokenClassification",
                            "LlamaForQuestionAnswering", "LlamaModel", "MistralForCausalLM",
                            "LlamaVForCausalLM", "ForCausalLM"}) {
    const auto decoder =
        read_decoder(llama_with(std::string(R"(, "architectures": [")") + named + "\"]"), weights);
    ASSERT_FALSE(decoder.ok()) << named;
    EXPECT_EQ(decoder.error().code, ErrorCode::unsupported);
    EXPECT_THAT(decoder.error().message, HasSubstr(std::string("architectures: ") + named));
  }
  for (const char* list :
       {"[]", "null", R"(["LlamaForCausalLM"])", R"(["Other", "LlamaForCausalLM"])"})
    EXPECT_TRUE(
        read_decoder(llama_with(std::string(R"(, "architectures": )") + list), weights).ok())
        << list;
}

TEST(ReadDecoder, LayersAreBoundedByTheTensors) {
  const HeaderSource weights(llama_tensors());
  std::string text = llama_with("");
  text.replace(text.find("\"num_hidden_layers\": 1"), 22, "\"num_hidden_layers\": 2000000000");
  const auto decoder = read_decoder(text, weights);
  ASSERT_FALSE(decoder.ok());
  EXPECT_THAT(decoder.error().message, HasSubstr("2000000000 layers"));
}

TEST(ReadDecoder, LayersAreBoundedHoweverManyTensorsThereAre) {
  std::vector<TensorInfo> tensors = llama_tensors();
  for (int i = 0; i < 5000; ++i) tensors.push_back({std::to_string(i), DType::fp32, {0}});
  const HeaderSource weights(tensors);
  const auto read = [&](const char* layers) {
    std::string text = llama_with("");
    text.replace(text.find("\"num_hidden_layers\": 1"), 22,
                 std::string("\"num_hidden_layers\": ") + layers);
    return read_decoder(text, weights);
  };
  EXPECT_TRUE(read("4096").ok());
  ASSERT_FALSE(read("4097").ok());
  EXPECT_THAT(read("4097").error().message, HasSubstr("4097 layers, at most 4096"));
  const auto gpt2 = read_decoder(R"({"model_type": "gpt2", "vocab_size": 16, "n_positions": 8,
                                     "n_embd": 8, "n_layer": 4097, "n_head": 1})",
                                 weights);
  ASSERT_FALSE(gpt2.ok());
  EXPECT_THAT(gpt2.error().message, HasSubstr("n_layer: expected an integer from 1 to 4096"));
}

/// Their product is bounded, not only each number by itself.
TEST(ReadDecoder, ExpertsOfAllLayersAreBoundedByTheTensors) {
  std::vector<TensorInfo> tensors;
  for (int i = 0; i < 300; ++i) tensors.push_back({std::to_string(i), DType::fp32, {0}});
  const auto read = [&](int experts, const std::string& rest) {
    return read_decoder(R"({"model_type": "qwen3_moe", "vocab_size": 16, "hidden_size": 8,
        "intermediate_size": 12, "moe_intermediate_size": 4, "num_hidden_layers": 10,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6, "hidden_act": "silu",
        "num_experts_per_tok": 1, "num_experts": )" +
                            std::to_string(experts) + rest + "}",
                        HeaderSource(tensors));
  };
  EXPECT_TRUE(read(10, "").ok());
  EXPECT_TRUE(read(20, R"(, "decoder_sparse_step": 2)").ok());
  EXPECT_TRUE(read(12, R"(, "mlp_only_layers": [9, 0])").ok());
  for (const auto& [experts, rest] :
       {std::pair(11, ""), std::pair(21, R"(, "decoder_sparse_step": 2)"),
        std::pair(13, R"(, "mlp_only_layers": [9, 0])")}) {
    const auto decoder = read(experts, rest);
    ASSERT_FALSE(decoder.ok()) << experts << rest;
    EXPECT_EQ(decoder.error().code, ErrorCode::corrupt);
    EXPECT_THAT(decoder.error().message,
                AllOf(HasSubstr("num_experts: "), HasSubstr("300 tensors")));
  }
}

TEST(ReadDecoder, RejectsActivationsItDoesNotKnow) {
  std::string text = llama_with("");
  text.replace(text.find("\"silu\""), 6, "\"relu2\"");
  const auto decoder = read_decoder(text, HeaderSource(llama_tensors()));
  ASSERT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.error().code, ErrorCode::unsupported);
  EXPECT_THAT(decoder.error().message, HasSubstr("hidden_act: unknown function \"relu2\""));
}

TEST(CheckWeights, ListsMissingExtraAndMisshapenTogether) {
  HeaderSource weights(llama_tensors());
  const auto decoder = read_decoder(llama_with(""), weights);
  ASSERT_TRUE(decoder.ok()) << decoder.error().to_string();
  const Status fits = check_weights(*decoder, weights);
  EXPECT_TRUE(fits.ok()) << fits.error().to_string();

  std::vector<TensorInfo> other = llama_tensors();
  other.erase(other.begin());     // lm_head
  other[3].shape = Shape{8, 12};  // gate_proj
  other.push_back({"model.layers.0.self_attn.q_proj.bias", DType::fp32, {8}});
  const Status status = check_weights(*decoder, HeaderSource(other));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::mismatch);
  EXPECT_EQ(status.error().message,
            "the checkpoint does not fit its config: lm_head.weight: missing, expected [16, 8]; "
            "model.layers.0.mlp.gate_proj.weight: shape [8, 12], expected [12, 8]; "
            "model.layers.0.self_attn.q_proj.bias: not part of a llama model with this config");
}

TEST(CheckWeights, ListsTenProblemsAtMost) {
  const HeaderSource weights(llama_tensors());
  const auto decoder = read_decoder(llama_with(""), weights);
  ASSERT_TRUE(decoder.ok()) << decoder.error().to_string();
  std::vector<TensorInfo> others = llama_tensors();
  for (int i = 0; i < 13; ++i) others.push_back({"zz." + std::to_string(i), DType::fp32, {1}});
  const Status status = check_weights(*decoder, HeaderSource(others));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, AllOf(HasSubstr("; and 3 more"), HasSubstr("zz.0: ")));
  EXPECT_EQ(std::ranges::count(status.error().message, ';'), 10);
}

/// A stored lm_head is not used where the family ties the output layer to the embedding.
TEST(CheckWeights, AnAdapterIsNeverLost) {
  const auto check = [](const char* tied, const char* name, checkpoint::Adaptation adaptation) {
    std::string text = llama_with("");
    text.replace(text.find("false"), 5, tied);
    std::vector<TensorInfo> tensors = llama_tensors();
    std::ranges::find(tensors, name, &TensorInfo::name)->adaptation = adaptation;
    const HeaderSource weights(tensors);
    const auto decoder = read_decoder(text, weights);
    EXPECT_TRUE(decoder.ok()) << decoder.error().to_string();
    return check_weights(*decoder, weights);
  };
  using checkpoint::Adaptation;
  const char* const head = "lm_head.weight";
  const char* const embedding = "model.embed_tokens.weight";
  for (const Adaptation adaptation : {Adaptation::all_uses, Adaptation::one_use}) {
    EXPECT_TRUE(check("false", head, adaptation).ok());
    EXPECT_TRUE(check("false", embedding, adaptation).ok());
    const Status lost = check("true", head, adaptation);
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().code, ErrorCode::mismatch);
    EXPECT_THAT(lost.error().message, HasSubstr("lm_head.weight: the adapter changes it"));
  }
  EXPECT_TRUE(check("true", head, Adaptation::none).ok());
  EXPECT_TRUE(check("true", embedding, Adaptation::all_uses).ok());
  const Status torn = check("true", embedding, Adaptation::one_use);
  ASSERT_FALSE(torn.ok());
  EXPECT_EQ(torn.error().code, ErrorCode::unsupported);
  EXPECT_THAT(torn.error().message, HasSubstr("ties it to another use"));
}

}  // namespace
}  // namespace anemone::models
