#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "anemone/package.h"
#include "package/anemll_meta.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::package {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

/// A directory of empty packages with a meta.yaml of the given parameters (two blanks deep).
class Directory {
 public:
  Directory(std::initializer_list<const char*> packages, const std::string& parameters,
            const std::string& info = "  version: 0.3.5\n") {
    folder_.write("meta.yaml", "model_info:\n" + info + "  parameters:\n" + parameters);
    for (const char* name : packages) fs::create_directories(folder_.path() / name);
  }
  const fs::path& path() const { return folder_.path(); }
  Result<AnemllDirectory> open() const { return open_anemll(folder_.path()); }
  std::string error() const {
    const auto opened = open();
    return opened.ok()
               ? "ok"
               : std::string(to_string(opened.error().code)) + ": " + opened.error().to_string();
  }

 private:
  test::ScratchFolder folder_;
};

std::vector<std::string> names(const std::vector<fs::path>& paths) {
  std::vector<std::string> result;
  for (const fs::path& path : paths) result.push_back(path.filename().string());
  return result;
}

constexpr const char* kTwoChunks =
    "    num_chunks: 2\n    model_prefix: llama\n    lut_ffn: 6\n    lut_lmhead: none\n";

TEST(OpenAnemll, S1_34_EmbeddingsInBothFormsWithAndWithoutPrefixAndBits) {
  for (const char* name :
       {"embeddings.mlmodelc", "embeddings.mlpackage", "llama_embeddings.mlpackage",
        "llama_embeddings_lut8.mlmodelc", "any_prefix_embeddings_lut4.mlpackage"}) {
    const Directory directory(
        {name, "lm_head.mlpackage", "llama_FFN_PF_lut6_chunk_01of01.mlpackage"},
        "    model_prefix: llama\n");
    const auto opened = directory.open();
    ASSERT_TRUE(opened.ok()) << name << ": " << opened.error().to_string();
    EXPECT_EQ(opened->embeddings.filename(), name);
  }
  EXPECT_THAT(Directory({"lm_head.mlpackage"}, "    model_prefix: llama\n").error(),
              HasSubstr("not_found: "));
  EXPECT_THAT(Directory({"lm_head.mlpackage"}, "    model_prefix: llama\n").error(),
              HasSubstr("neither llama_embeddings.mlmodelc nor llama_embeddings.mlpackage"));
}

TEST(OpenAnemll, S1_35_HeadInBothForms) {
  for (const char* name : {"lm_head.mlmodelc", "lm_head.mlpackage", "llama_lm_head.mlmodelc",
                           "llama_lm_head_lut6.mlpackage"}) {
    const Directory directory({name, "embeddings.mlpackage", "FFN_chunk_01of01.mlpackage"},
                              "    model_prefix: llama\n");
    const auto opened = directory.open();
    ASSERT_TRUE(opened.ok()) << name << ": " << opened.error().to_string();
    EXPECT_EQ(opened->lm_head.filename(), name);
  }
  EXPECT_THAT(
      Directory({"embeddings.mlpackage"}, "    model_prefix: qwen\n    lut_lmhead: 6\n").error(),
      HasSubstr("qwen_lm_head_lut6.mlmodelc"));
}

TEST(OpenAnemll, S1_3_S1_36_ChunksComeInOrderAndAMissingOneIsNamed) {
  const auto chunk = [](const char* number) {
    return std::string("llama_FFN_PF_lut6_chunk_") + number + "of11.mlpackage";
  };
  std::vector<std::string> owned;
  for (const char* number : {"10", "02", "01", "03", "11", "04", "05", "06", "07", "08", "09"})
    owned.push_back(chunk(number));
  test::ScratchFolder folder;
  folder.write("meta.yaml", "model_info:\n  parameters:\n    num_chunks: 11\n");
  for (const char* name : {"embeddings.mlpackage", "lm_head.mlpackage"})
    fs::create_directories(folder.path() / name);
  for (const std::string& name : owned) fs::create_directories(folder.path() / name);
  const auto opened = open_anemll(folder.path());
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  ASSERT_EQ(opened->chunks.size(), 11u);
  EXPECT_EQ(opened->chunks[1].filename(), chunk("02"));
  EXPECT_EQ(opened->chunks[9].filename(), chunk("10"));

  fs::remove(folder.path() / chunk("09"));
  const auto missing = open_anemll(folder.path());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("llama_FFN_PF_lut6_chunk_09of11.mlpackage"));
}

TEST(OpenAnemll, CompiledPackagesGoFirstAndStraysAreLeftAlone) {
  const Directory directory(
      {"embeddings.mlpackage", "lm_head.mlpackage", "llama_FFN_PF_lut6_chunk_01of02.mlpackage",
       "llama_FFN_PF_lut6_chunk_01of02.mlmodelc", "llama_FFN_PF_lut6_chunk_02of02.mlpackage",
       "llama_FFN_lut6_chunk_01of02.mlpackage", "llama_prefill_lut6_chunk_01of02.mlpackage",
       "llama_FFN_rotate_lut6_chunk_01of02.mlpackage"},
      kTwoChunks);
  const auto opened = directory.open();
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_THAT(names(opened->chunks), ElementsAre("llama_FFN_PF_lut6_chunk_01of02.mlmodelc",
                                                 "llama_FFN_PF_lut6_chunk_02of02.mlpackage"));
}

TEST(OpenAnemll, ALinkToItselfIsNoPackage) {
  const Directory directory({"embeddings.mlpackage", "lm_head.mlpackage"}, kTwoChunks);
  fs::create_symlink("llama_FFN_PF_lut6_chunk_01of02.mlpackage",
                     directory.path() / "llama_FFN_PF_lut6_chunk_01of02.mlpackage");
  EXPECT_THAT(directory.error(), HasSubstr("not_found: "));
  EXPECT_THAT(directory.error(), HasSubstr("llama_FFN_PF_lut6_chunk_01of02.mlpackage"));
}

TEST(OpenAnemll, S2_10_S2_11_S2_12_PrefixedCompiledPartsWithoutPaletteBitsAreFound) {
  const Directory directory(
      {"qwen_embeddings.mlmodelc", "qwen_lm_head.mlmodelc", "qwen_FFN_PF_chunk_01of01.mlmodelc"},
      "    context_length: 256\n    batch_size: 64\n    lut_embeddings: none\n    lut_ffn: none\n"
      "    lut_lmhead: none\n    num_chunks: 1\n    model_prefix: qwen\n    split_lm_head: 16\n");
  const auto opened = directory.open();
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->embeddings.filename(), "qwen_embeddings.mlmodelc");
  EXPECT_EQ(opened->lm_head.filename(), "qwen_lm_head.mlmodelc");
  EXPECT_THAT(names(opened->chunks), ElementsAre("qwen_FFN_PF_chunk_01of01.mlmodelc"));
  EXPECT_EQ(opened->context_length, 256);
  EXPECT_EQ(opened->parameters.at("lut_ffn"), "none");
}

/// The name says nothing of weights: what is stored does.
TEST(OpenAnemll, S2_12_WeightTypesAreThoseOfThePackage) {
  const auto opened = open_anemll(test::source_folder() / "models/anemone-tiny-anemll");
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  ASSERT_EQ(opened->chunks.at(0).stem(), "qwen_FFN_PF_chunk_01of01");
  const auto chunk = package::open(opened->chunks[0]);
  ASSERT_TRUE(chunk.ok()) << chunk.error().to_string();
  const auto blobs = list_blobs(*chunk);
  ASSERT_TRUE(blobs.ok()) << blobs.error().to_string();
  EXPECT_FALSE(blobs->empty());
  for (const BlobEntry& blob : *blobs) EXPECT_EQ(blob.dtype, DType::fp16) << blob.offset_bytes;
}

TEST(OpenAnemll, MetaDecidesBetweenCandidates) {
  const std::initializer_list<const char*> packages = {"embeddings.mlpackage", "lm_head.mlpackage",
                                                       "a_FFN_PF_chunk_01of01.mlpackage",
                                                       "b_FFN_PF_chunk_01of01.mlpackage"};
  const auto opened = Directory(packages, "    ffn: b_FFN_PF.mlmodelc\n").open();
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_THAT(names(opened->chunks), ElementsAre("b_FFN_PF_chunk_01of01.mlpackage"));
  EXPECT_THAT(Directory(packages, "    model_prefix: c\n").error(), HasSubstr("mismatch: "));
  EXPECT_THAT(Directory(packages, "    model_prefix: c\n").error(),
              HasSubstr("several candidates"));
  EXPECT_THAT(
      Directory({"embeddings.mlpackage", "lm_head.mlpackage", "a_FFN_PF_chunk_01of03.mlpackage"},
                "    num_chunks: 2\n")
          .error(),
      HasSubstr("meta.yaml says 2 chunks"));
}

TEST(OpenAnemll, OldSingleChunkWithoutASuffix) {
  const auto opened = Directory({"llama_embeddings.mlmodelc", "llama_lm_head_lut6.mlmodelc",
                                 "llama_FFN_PF_lut6.mlmodelc"},
                                "    context_length: 512\n    num_chunks: 1\n"
                                "    model_prefix: llama\n    lut_ffn: 6\n    lut_lmhead: 6\n",
                                "  version: 0.1.1\n")
                          .open();
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->version, "0.1.1");
  EXPECT_EQ(opened->architecture, "");
  EXPECT_EQ(opened->split_lm_head, 0);
  EXPECT_THAT(names(opened->chunks), ElementsAre("llama_FFN_PF_lut6.mlmodelc"));
}

TEST(OpenAnemll, RotateChunksAreKeptApart) {
  const std::initializer_list<const char*> all = {"embeddings.mlpackage",
                                                  "lm_head.mlpackage",
                                                  "g_FFN_PF_chunk_01of02.mlpackage",
                                                  "g_FFN_PF_chunk_02of02.mlpackage",
                                                  "g_FFN_PF_chunk_01of02_rot.mlpackage",
                                                  "g_FFN_PF_chunk_02of02_rot.mlpackage"};
  const auto opened = Directory(all, "    split_rotate: true\n").open();
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_THAT(names(opened->chunks),
              ElementsAre("g_FFN_PF_chunk_01of02.mlpackage", "g_FFN_PF_chunk_02of02.mlpackage"));
  EXPECT_THAT(names(opened->rotate_chunks), ElementsAre("g_FFN_PF_chunk_01of02_rot.mlpackage",
                                                        "g_FFN_PF_chunk_02of02_rot.mlpackage"));
  EXPECT_THAT(
      Directory({"embeddings.mlpackage", "lm_head.mlpackage", "g_FFN_PF_chunk_01of02.mlpackage",
                 "g_FFN_PF_chunk_02of02.mlpackage", "g_FFN_PF_chunk_02of02_rot.mlpackage"},
                "    split_rotate: true\n")
          .error(),
      HasSubstr("g_FFN_PF_chunk_01of02_rot.mlpackage"));
}

TEST(OpenAnemll, MonolithsAreKnownFromEitherPlaceOrTheirName) {
  for (const auto& [info, parameters] : {std::pair("  model_type: monolithic\n", "    a: b\n"),
                                         std::pair("  name: x\n", "    model_type: monolithic\n"),
                                         std::pair("  name: x\n", "    a: b\n")}) {
    const auto opened = Directory({"qwen_monolithic_full_lut4.mlmodelc"}, parameters, info).open();
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    EXPECT_TRUE(opened->monolithic);
    EXPECT_THAT(names(opened->chunks), ElementsAre("qwen_monolithic_full_lut4.mlmodelc"));
    EXPECT_TRUE(opened->embeddings.empty());
    EXPECT_EQ(opened->num_chunks, 1);
  }
  EXPECT_THAT(Directory({}, "    monolithic_model: q_monolithic_full.mlmodelc\n",
                        "  model_type: monolithic\n")
                  .error(),
              HasSubstr("neither q_monolithic_full.mlmodelc nor"));
}

TEST(AnemllMeta, S2_13_ValuesOfEveryKind) {
  const auto meta = parse_anemll_meta(R"(model_info:
  name: anemll-x
  version: 0.3.5
  architecture: gemma3_text
  parameters:
    context_length: 4096
    batch_size: 64
    num_logits: 16
    sliding_window: 512
    vocab_size: 262144
    lm_head_chunk_sizes: [3, 2]
    argmax_in_model: true
    lut_ffn: none
    functions: [infer]
)");
  ASSERT_TRUE(meta.ok()) << meta.error().to_string();
  EXPECT_EQ(meta->name, "anemll-x");
  EXPECT_EQ(meta->architecture, "gemma3_text");
  EXPECT_EQ(meta->context_length, 4096);
  EXPECT_EQ(meta->batch_size, 64);
  EXPECT_EQ(meta->split_lm_head, 16);
  EXPECT_EQ(meta->sliding_window, 512);
  EXPECT_EQ(meta->vocab_size, 262144);
  EXPECT_THAT(meta->lm_head_chunk_sizes, ElementsAre(3, 2));
  EXPECT_TRUE(meta->argmax_in_model);
  EXPECT_EQ(meta->parameters.at("lut_ffn"), "none");
  EXPECT_EQ(meta->parameters.count("functions"), 0u);
}

TEST(AnemllMeta, S2_13_EveryWrongValueIsNamed) {
  const auto meta = parse_anemll_meta(
      "model_info:\n  parameters:\n    context_length: many\n    num_chunks: -2\n"
      "    batch_size: 1e3\n    lm_head_chunk_sizes: [1, x]\n    argmax_in_model: 7\n"
      "    vocab_size: 99999999999999999999\n    split_lm_head: {a: b}\n");
  ASSERT_FALSE(meta.ok());
  EXPECT_EQ(meta.error().code, ErrorCode::mismatch);
  for (const char* fault :
       {"line 3: model_info.parameters.context_length is 'many'", "line 4: ", "num_chunks is '-2'",
        "batch_size is '1e3'", "lm_head_chunk_sizes is", "argmax_in_model is '7'", "vocab_size is",
        "split_lm_head is a mapping"})
    EXPECT_THAT(meta.error().message, HasSubstr(fault));
}

TEST(AnemllMeta, OddDocumentsAreErrors) {
  for (const char* yaml : {"", "a", "[1, 2]", "model_info: 3\n", "model_info:\n  parameters: x\n"})
    EXPECT_EQ(parse_anemll_meta(yaml).error().code, ErrorCode::mismatch) << yaml;
  for (const std::string& yaml :
       {std::string("a: [b\nc: d"), std::string("\t- x"), std::string("a: *none"),
        std::string(200000, '['), std::string(200000, '{'), std::string("\xff\xfe")})
    EXPECT_EQ(parse_anemll_meta(yaml).error().code, ErrorCode::corrupt) << yaml.substr(0, 20);
  EXPECT_EQ(parse_anemll_meta(std::string(2 << 20, ' ')).error().code, ErrorCode::limit);
}

std::string error_of_fixture(const std::string& name) {
  const auto opened = open_anemll(test::shared_folder() / "fixtures/anemll" / name);
  return opened.ok()
             ? "ok"
             : std::string(to_string(opened.error().code)) + ": " + opened.error().to_string();
}

TEST(OpenAnemll, BrokenDirectoriesGiveTheirCause) {
  ANEMONE_NEED_SHARED("fixtures/anemll");
  EXPECT_THAT(
      error_of_fixture("broken-missing-chunk"),
      ::testing::AllOf(HasSubstr("not_found: "), HasSubstr("qwen_FFN_PF_chunk_02of02.mlpackage")));
  EXPECT_THAT(error_of_fixture("broken-meta-syntax"),
              ::testing::AllOf(HasSubstr("corrupt: "), HasSubstr("meta.yaml: line 1")));
  EXPECT_THAT(error_of_fixture("broken-meta-values"),
              ::testing::AllOf(HasSubstr("mismatch: "), HasSubstr("context_length is 'many'"),
                               HasSubstr("num_chunks is '-2'")));
  EXPECT_THAT(error_of_fixture("broken-meta-no-parameters"),
              ::testing::AllOf(HasSubstr("mismatch: "), HasSubstr("'model_info.parameters'")));
  EXPECT_THAT(error_of_fixture("broken-no-meta"),
              ::testing::AllOf(HasSubstr("not_found: "), HasSubstr("is no ANEMLL directory")));
  EXPECT_THAT(error_of_fixture("no-such-directory"), HasSubstr("does not exist"));
}

TEST(OpenAnemll, S0_56_SoundDirectoriesAreRead) {
  ANEMONE_NEED_SHARED("fixtures/anemll");
  for (const char* name :
       {"qwen3-fp16-1chunk", "qwen3-fp16-2chunk", "qwen3-lut4-2chunk", "llama-fp16-1chunk",
        "gemma3-fp16-1chunk", "qwen3-mono-argmax", "qwen3-micro-2chunk"}) {
    const auto opened = open_anemll(test::shared_folder() / "fixtures/anemll" / name);
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    EXPECT_EQ(opened->version, "0.3.5");
    EXPECT_EQ(opened->context_length, 256);
    EXPECT_EQ(opened->monolithic, std::string(name) == "qwen3-mono-argmax");
    for (const fs::path& chunk : opened->chunks) EXPECT_TRUE(package::open(chunk).ok());
  }
}

TEST(OpenAnemll, TheEmbeddedModelIsRead) {
  const auto opened = open_anemll(test::source_folder() / "models/anemone-tiny-anemll");
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  EXPECT_EQ(opened->chunks.size(), 1u);
  EXPECT_TRUE(package::open(opened->embeddings).ok());
  EXPECT_TRUE(package::open(opened->lm_head).ok());
}

}  // namespace
}  // namespace anemone::package
