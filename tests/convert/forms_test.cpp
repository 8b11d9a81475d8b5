// Which packages and functions a conversion makes.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "anemone/package.h"
#include "convert/convert_output.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using ConvertedForms = test::ConvertOutput;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ConvertedForms, BlocksOfSeveralSizesAreFunctions) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), {.context = 64, .prefill = {8, 32, 8}}));
  const auto package = package::open(out() / "chunk_01of01.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  const auto rows = [&](const char* function) {
    return package->find_function(function)->find_input("input_ids")->shape;
  };
  ASSERT_EQ(package->functions.size(), 4u);
  EXPECT_EQ(rows("decode"), (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(rows("prefill"), (std::vector<int64_t>{1, 32}));
  EXPECT_EQ(rows("prefill_8"), (std::vector<int64_t>{1, 8}));
  EXPECT_EQ(rows("score"), (std::vector<int64_t>{1, 32}));
  const auto manifest = nlohmann::json::parse(read_file(out() / "anemone.json"));
  EXPECT_EQ(manifest.at("passes").at("prefill_8").at("rows"), 8);
}

TEST_F(ConvertedForms, WithoutBlocksThereIsOnlyDecode) {
  const ConvertOptions decodes{.context = 64, .no_prefill = true};
  ASSERT_TRUE(test::converted(checkpoint(), out(), decodes));
  const auto package = package::open(out() / "chunk_01of01.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  ASSERT_EQ(package->functions.size(), 1u);
  EXPECT_EQ(package->functions[0].name, "decode");
  const auto model = test::opened(out(), runtime::Numerics::fp32);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().prefill_block_tokens, 0);
  const auto blocks_of = [&](const fs::path& path) {
    const auto opened = package::open(path);
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
    return nlohmann::json::parse(opened->metadata.at("anemone.settings")).at("prefill");
  };
  EXPECT_EQ(blocks_of(out() / "chunk_01of01.mlpackage"), nlohmann::json::array());
  for (const char* layout : {"plain", "stateful"}) {
    const fs::path path = scratch_.path() / (std::string(layout) + ".mlpackage");
    ASSERT_TRUE(test::converted(checkpoint(), path, {.layout = layout, .context = 64}));
    EXPECT_EQ(blocks_of(path), nlohmann::json::array()) << layout;
  }
  for (const ConvertOptions& refused : {ConvertOptions{.layout = "plain", .no_prefill = true},
                                        ConvertOptions{.layout = "anemll", .no_prefill = true},
                                        ConvertOptions{.prefill = {8}, .no_prefill = true}}) {
    const auto report = convert(checkpoint(), scratch_.path() / "refused", refused);
    ASSERT_FALSE(report.ok()) << refused.layout;
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
  }
}

/// A file of one length, the name is the package itself.
TEST_F(ConvertedForms, S3_56_PlainIsOnePackageOrOneALength) {
  const fs::path package = scratch_.path() / "one.mlpackage";
  ASSERT_TRUE(test::converted(checkpoint(), package, {.layout = "plain", .lengths = {8}}));
  EXPECT_TRUE(fs::exists(package / "Manifest.json"));
  ASSERT_TRUE(test::converted(checkpoint(), out(), {.layout = "plain", .lengths = {8, 16}}));
  const auto model = test::opened(out(), runtime::Numerics::fp32);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->info().name, out().filename());
  EXPECT_TRUE(fs::exists(out() / "model_seq8.mlpackage"));
  EXPECT_TRUE(fs::exists(out() / "model_seq16.mlpackage"));
  EXPECT_TRUE(fs::exists(out() / "tokenizer.json"));
}

TEST_F(ConvertedForms, S3_56_OnePackageTakesAllLengths) {
  const fs::path path = scratch_.path() / "one.mlpackage";
  ASSERT_TRUE(test::converted(checkpoint(), path, {.layout = "plain", .lengths = {16, 8}}));
  const auto package = package::open(path);
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_THAT(package::verify(*package), IsEmpty());
  const auto& ids = package->functions.at(0).inputs.at(0);
  EXPECT_EQ(ids.name, "input_ids");
  EXPECT_EQ(ids.enumerated_shapes, (std::vector<std::vector<int64_t>>{{1, 8}, {1, 16}}));
}

TEST_F(ConvertedForms, StatefulIsFlexibleWithACacheInStates) {
  ASSERT_TRUE(test::converted(checkpoint(), out(), {.layout = "stateful", .context = 64}));
  for (const fs::path& path : {out(), out() / "model.mlpackage"}) {
    const auto model = test::opened(path, runtime::Numerics::fp32);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().name, out().filename()) << "all of this layout are model.mlpackage";
  }
  const auto package = package::open(out() / "model.mlpackage");
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_THAT(package::verify(*package), IsEmpty());
  const auto& function = package->functions.at(0);
  const package::Feature* ids = function.find_input("input_ids");
  const package::Feature* mask = function.find_input("causal_mask");
  ASSERT_NE(ids, nullptr);
  ASSERT_NE(mask, nullptr);
  EXPECT_EQ(ids->ranges.at(1).upper, 64);
  EXPECT_EQ(mask->ranges.at(3).upper, 64);
  EXPECT_NE(function.find_output("logits"), nullptr);
  ASSERT_EQ(function.states.size(), 2u);
  EXPECT_EQ(function.states[0].name, "keyCache");
  EXPECT_EQ(function.states[0].shape.at(3), 64);
  EXPECT_EQ(function.states[1].name, "valueCache");
  EXPECT_TRUE(fs::exists(out() / "tokenizer.json"));
}

/// longrope has other frequencies for contexts beyond the original one: they convert as they run.
TEST_F(ConvertedForms, LongContextsAreConvertedAsTheyRun) {
  const fs::path original = test::shared_folder() / "fixtures/hf/phi3";
  ANEMONE_NEED_SHARED(original);
  auto config = nlohmann::json::parse(read_file(original / "config.json"));
  config["original_max_position_embeddings"] = 128;
  config["rope_scaling"] = {{"type", "longrope"},
                            {"short_factor", {1.0, 1.1, 1.2, 1.3, 1.4, 1.5}},
                            {"long_factor", {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}}};
  scratch_.write("long/config.json", config.dump());
  fs::copy_file(original / "model.safetensors", scratch_.path() / "long/model.safetensors");
  const test::Arrays expected = test::read_arrays(original / "expected.npz");
  std::vector<std::vector<float>> of_context;
  for (const int64_t context : {128, 129}) {
    fs::remove_all(out());
    std::string warnings;
    ConvertOptions wanted_options{.context = context, .prefill = {16}, .dtype = DType::fp32};
    wanted_options.log = [&](LogLevel level, std::string_view line) {
      if (level == LogLevel::warning && line.find("longrope") != line.npos) warnings += line;
    };
    ASSERT_TRUE(test::converted(scratch_.path() / "long", out(), wanted_options));
    if (context == 128)
      EXPECT_EQ(warnings, "");
    else
      EXPECT_THAT(warnings, HasSubstr("a context of 129 has longrope's long factors built in, for "
                                      "short texts as well; transformers takes the short ones for "
                                      "texts of up to 128 tokens"));
    lm::LanguageModel::Options options;
    options.runtime.numerics = runtime::Numerics::fp32;
    options.context = context;
    const auto direct = lm::LanguageModel::open(scratch_.path() / "long", options);
    ASSERT_TRUE(direct.ok()) << direct.error().to_string();
    const auto converted = test::opened(out(), runtime::Numerics::fp32);
    ASSERT_NE(converted, nullptr);
    EXPECT_EQ(converted->info().context_length, context);
    const auto wanted = test::logits_of(**direct, expected, "0");
    of_context.push_back(test::logits_of(*converted, expected, "0"));
    for (size_t i = 0; i < wanted.size(); ++i)
      ASSERT_NEAR(of_context.back()[i], wanted[i], 1e-3) << context << " " << i;
  }
  EXPECT_NE(of_context[0], of_context[1]);
  ConvertOptions beyond = small_;
  beyond.context = 513;
  const auto refused = convert(scratch_.path() / "long", scratch_.path() / "beyond", beyond);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("expected 1 to 512"));
}

}  // namespace
}  // namespace anemone
