#include "convert/anemll_palettes.h"

#include <gtest/gtest.h>

#include "package/anemll_meta.h"

namespace anemone::converter {
namespace {

constexpr const char* kMeta =
    "model_info:\n"
    "  name: mine\n"
    "  parameters:\n"
    "    context_length: 256\n"
    "    batch_size: 32\n"
    "    lut_embeddings: none\n"
    "    lut_ffn: none\n"
    "    lut_lmhead: none\n"
    "    num_chunks: 1\n"
    "    model_prefix: qwen\n"
    "\n"
    "# lut_ffn: of the run that made it\n";

CompressedWeight weight(const char* package, const char* part, const char* scheme,
                        int64_t elements = 4096) {
  CompressedWeight weight;
  weight.package = package;
  weight.part = part;
  weight.scheme = scheme;
  weight.elements = elements;
  return weight;
}

Result<std::optional<std::string>> changed(const std::string& meta,
                                           const std::vector<CompressedWeight>& weights) {
  auto directory = package::parse_anemll_meta(meta);
  EXPECT_TRUE(directory.ok()) << directory.error().to_string();
  if (directory->monolithic) {
    directory->chunks = {"/m/qwen_monolithic_full.mlpackage"};
  } else {
    directory->embeddings = "/m/qwen_embeddings.mlpackage";
    directory->chunks = {"/m/qwen_FFN_PF_chunk_01of01.mlmodelc"};
    directory->lm_head = "/m/qwen_lm_head.mlpackage";
  }
  return meta_with_palettes(*directory, meta, weights);
}

TEST(AnemllPalettes, AreNamedByPackageAndTheRestStays) {
  const auto meta =
      changed(kMeta, {weight("qwen_FFN_PF_chunk_01of01.mlpackage", "ffn", "lut4:g8"),
                      weight("qwen_FFN_PF_chunk_01of01.mlpackage", "attn", "lut6:g8", 1024),
                      weight("qwen_FFN_PF_chunk_01of01.mlpackage", "attn", "int8:channel", 99999),
                      weight("qwen_lm_head.mlpackage", "head", "lut6:tensor")});
  ASSERT_TRUE(meta.ok()) << meta.error().to_string();
  ASSERT_TRUE(*meta);
  EXPECT_EQ(**meta,
            "model_info:\n"
            "  name: mine\n"
            "  parameters:\n"
            "    context_length: 256\n"
            "    batch_size: 32\n"
            "    lut_embeddings: none\n"
            "    lut_ffn: 4\n"
            "    lut_ffn_per_channel: 8\n"
            "    lut_lmhead: 6\n"
            "    lut_lmhead_per_channel: 0\n"
            "    num_chunks: 1\n"
            "    model_prefix: qwen\n"
            "    lm_head: qwen_lm_head.mlmodelc\n"
            "    ffn: qwen_FFN_PF_chunk_01of01.mlmodelc\n"
            "\n"
            "# lut_ffn: of the run that made it\n");
}

/// Tools would build other names of files from the numbers.
TEST(AnemllPalettes, NumbersAndNamesThatAreThereStay) {
  std::string meta = kMeta;
  meta.replace(meta.find("lut_ffn: none"), 13, "lut_ffn: 6");
  meta.insert(meta.find("\n# "), "    lm_head: other.mlmodelc\n");
  const auto again = changed(meta, {weight("qwen_FFN_PF_chunk_01of01.mlpackage", "ffn", "lut4:g8"),
                                    weight("qwen_lm_head.mlpackage", "head", "lut8:g4:v2")});
  ASSERT_TRUE(again.ok() && *again);
  EXPECT_NE((*again)->find("    lut_ffn: 6\n    lut_lmhead: 8\n    lut_lmhead_per_channel: 4\n"),
            std::string::npos)
      << **again;
  EXPECT_NE((*again)->find("lm_head: other.mlmodelc\n"), std::string::npos);
  EXPECT_EQ((*again)->find("ffn: qwen"), std::string::npos);
}

TEST(AnemllPalettes, OfAMonolithAreOneNumberAndThoseThatDiffer) {
  const std::string meta =
      "model_info:\n  model_type: monolithic\n  parameters:\n    context_length: 256\n"
      "    batch_size: 32\n    lut_bits: none\n    model_prefix: qwen\n";
  const auto one = changed(meta, {weight("qwen_monolithic_full.mlpackage", "ffn", "lut4:g8"),
                                  weight("qwen_monolithic_full.mlpackage", "embed", "int8:channel"),
                                  weight("qwen_monolithic_full.mlpackage", "head", "lut6:g8")});
  ASSERT_TRUE(one.ok() && *one);
  const auto read = package::parse_anemll_meta(**one);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->parameters.at("lut_bits"), "4");
  EXPECT_EQ(read->parameters.at("lut_per_channel"), "8");
  EXPECT_EQ(read->parameters.at("lut_lmhead"), "6");
  EXPECT_FALSE(read->parameters.contains("lut_embeddings"));
  EXPECT_EQ(read->parameters.at("monolithic_model"), "qwen_monolithic_full.mlmodelc");
}

TEST(AnemllPalettes, IntegersAreNone) {
  const auto meta = changed(kMeta, {weight("qwen_lm_head.mlpackage", "head", "int8:channel")});
  ASSERT_TRUE(meta.ok());
  EXPECT_FALSE(*meta);
}

/// What kMeta says with `from` in place of `to`, and lut4:g8 of its chunk.
std::string changed_text(std::string_view from, std::string_view to) {
  std::string meta = kMeta;
  meta.replace(meta.find(from), from.size(), to);
  const auto text = changed(meta, {weight("qwen_FFN_PF_chunk_01of01.mlpackage", "ffn", "lut4:g8")});
  EXPECT_TRUE(text.ok()) << text.error().to_string();
  return text.ok() && *text ? **text : std::string();
}

TEST(AnemllPalettes, BlankLinesAndCommentsBeforeTheFirstParameterAreNoIndent) {
  for (const char* between : {"\n\n", "\n  # of the run\n", "\n# a: b\n\n"}) {
    const std::string text = changed_text("parameters:\n", std::string("parameters:") + between);
    EXPECT_NE(text.find("\n    lut_ffn: 4\n    lut_ffn_per_channel: 8\n"), std::string::npos)
        << text;
  }
}

TEST(AnemllPalettes, KeysOfALaterSectionAreNotTheParameters) {
  std::string meta = kMeta;
  meta.replace(meta.find("    lut_ffn: none\n"), 18, "");
  meta += "  history:\n    lut_ffn: none\n";
  const auto text = changed(meta, {weight("qwen_FFN_PF_chunk_01of01.mlpackage", "ffn", "lut4:g8")});
  ASSERT_TRUE(text.ok()) << text.error().to_string();
  EXPECT_NE((*text)->find("  history:\n    lut_ffn: none\n"), std::string::npos);
  EXPECT_EQ(package::parse_anemll_meta(**text)->parameters.at("lut_ffn"), "4");
}

TEST(AnemllPalettes, ALastLineWithoutAnEndGetsOne) {
  const std::string text = changed_text(
      "    model_prefix: qwen\n\n# lut_ffn: of the run that made it\n", "    model_prefix: qwen");
  EXPECT_NE(text.find("    model_prefix: qwen\n    ffn: qwen_FFN_PF_chunk_01of01.mlmodelc\n"),
            std::string::npos)
      << text;
}

TEST(AnemllPalettes, KeysAreReadAsYamlDoesAndCommentsStay) {
  for (const char* line : {"\"lut_ffn\": none  # by hand", "lut_ffn : none  # by hand",
                           "'lut_ffn': none  # by hand"}) {
    const std::string text = changed_text("lut_ffn: none", line);
    EXPECT_NE(text.find("    lut_ffn: 4 "), std::string::npos) << text;
    EXPECT_NE(text.find("# by hand\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("none  #"), std::string::npos) << "the key stands there once";
  }
}

TEST(AnemllPalettes, AKeyThatStandsThereTwiceIsNotChanged) {
  std::string meta = kMeta;
  meta.insert(meta.find("    num_chunks"), "    lut_ffn: none\n");
  EXPECT_FALSE(
      changed(meta, {weight("qwen_FFN_PF_chunk_01of01.mlpackage", "ffn", "lut4:g8")}).ok());
}

TEST(AnemllPalettes, LinesThatCannotBeChangedAreNamed) {
  const auto meta = changed(
      "{model_info: {parameters: {context_length: 256, batch_size: 32, lut_lmhead: none}}}\n",
      {weight("qwen_lm_head.mlpackage", "head", "lut6:g8")});
  ASSERT_FALSE(meta.ok());
  EXPECT_NE(meta.error().message.find("lut_lmhead: 6"), std::string::npos);
}

TEST(AnemllPalettes, MetadataOfOtherPackagesIsLeftAlone) {
  const std::vector<CompressedWeight> weights = {weight("p", "ffn", "lut4:g8")};
  std::map<std::string, std::string> metadata = {{"anemone.settings", "{}"}};
  record_palette(weights, metadata);
  EXPECT_EQ(metadata.size(), 1u);
  metadata["com.anemll.info"] = "";
  metadata["com.anemll.lut_bits"] = "none";
  record_palette(weights, metadata);
  EXPECT_EQ(metadata.at("com.anemll.lut_bits"), "4");
}

}  // namespace
}  // namespace anemone::converter
