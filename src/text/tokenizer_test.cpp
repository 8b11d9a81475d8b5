#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "anemone/text.h"
#include "base/sha256.h"
#include "support/golden.h"
#include "support/scratch_folder.h"

namespace anemone::text {
namespace {

using test::golden_file;
using test::read_source_file;

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

Tokenizer load_golden(const std::string& name) {
  if (name == "anemone-tiny") {
    auto loaded = Tokenizer::load(test::source_folder() / "models" / name);
    EXPECT_TRUE(loaded.ok()) << loaded.error().to_string();
    return *loaded;
  }
  auto parsed =
      Tokenizer::parse(read_source_file("tests/golden/tokenizer/" + name + "/tokenizer.json"));
  EXPECT_TRUE(parsed.ok()) << parsed.error().to_string();
  return *parsed;
}

std::vector<TokenSpan> spans_of(const json& pairs) {
  std::vector<TokenSpan> spans;
  for (const json& pair : pairs) spans.push_back({pair[0], pair[1]});
  return spans;
}

/// All at once and token by token.
void expect_decoded(const Tokenizer& tokenizer, const json& golden) {
  const auto ids = golden["ids"].get<std::vector<int32_t>>();
  for (const bool skip : {false, true}) {
    const std::string expected = golden[skip ? "decoded_without_special" : "decoded"];
    EXPECT_EQ(*tokenizer.decode(ids, skip), expected) << golden["ids"];
    DetokenizeStream stream = tokenizer.stream(skip);
    std::string joined;
    for (const int32_t id : ids) {
      joined += *stream.step(id);
      EXPECT_TRUE(expected.starts_with(joined)) << golden["ids"];
      EXPECT_NO_THROW(json(joined).dump()) << "a piece cuts a character";
    }
    joined += *stream.finish();
    EXPECT_EQ(joined, expected) << golden["ids"];
  }
}

TEST(Tokenizer, TheDigestIsThatOfBothFiles) {
  const test::ScratchFolder folder;
  const auto embedded = test::source_folder() / "models/anemone-tiny";
  std::filesystem::copy_file(embedded / "tokenizer.json", folder.path() / "tokenizer.json");
  const std::string tokens = folder.read("tokenizer.json");
  EXPECT_EQ(Tokenizer::load(folder.path())->sha256(), sha256(tokens));
  EXPECT_EQ(Tokenizer::parse(tokens)->sha256(), sha256(tokens));
  folder.write("tokenizer_config.json", "{}");
  EXPECT_EQ(Tokenizer::load(folder.path())->sha256(), sha256(tokens + "{}"));
}

class HuggingFaceTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(HuggingFaceTokenizer, S4_9_EncodesDecodesAndStreamsAlike) {
  const std::string name = GetParam();
  const Tokenizer tokenizer = load_golden(name);
  const json golden = golden_file("tokenizer/" + name);
  EXPECT_EQ(tokenizer.vocab_size(), golden["vocab_size"]);
  std::vector<std::string> texts;
  for (const json& entry : golden["cases"]) {
    SCOPED_TRACE(entry["name"]);
    const std::string text = entry["text"];
    texts.push_back(text);
    const auto ids = entry["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(*tokenizer.encode(text, true), ids);
    EXPECT_EQ(*tokenizer.encode(text, false),
              entry["ids_without_special"].get<std::vector<int32_t>>());
    const Encoding encoding = *tokenizer.encode_with_spans(text, true);
    EXPECT_EQ(encoding.ids, ids);
    EXPECT_EQ(encoding.spans, spans_of(entry["byte_offsets"]));
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::string token = entry["tokens"][i];
      EXPECT_EQ(*tokenizer.token(ids[i]), token);
      EXPECT_EQ(tokenizer.find(token), ids[i]);
    }
    expect_decoded(tokenizer, entry);
  }
  for (const size_t threads : {size_t{0}, size_t{1}, size_t{3}}) {
    const auto batch = *tokenizer.encode_batch(texts, true, threads);
    ASSERT_EQ(batch.size(), texts.size());
    for (size_t i = 0; i < batch.size(); ++i)
      EXPECT_EQ(batch[i], golden["cases"][i]["ids"].get<std::vector<int32_t>>());
  }
  for (const json& entry : golden["decode"]) expect_decoded(tokenizer, entry);
}

INSTANTIATE_TEST_SUITE_P(Kinds, HuggingFaceTokenizer,
                         testing::Values("anemone-tiny", "byte-fallback-bpe", "unigram",
                                         "wordpiece"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Tokenizer, S4_26_BatchesHaveTheIdsOfTheirTexts) {
  const Tokenizer tokenizer = load_golden("anemone-tiny");
  const json golden = golden_file("tokenizer/anemone-tiny");
  std::vector<std::string> texts;
  for (int copy = 0; copy < 20; ++copy)
    for (const json& entry : golden["cases"])
      texts.push_back(std::to_string(copy) + " " + entry["text"].get<std::string>());
  std::vector<std::vector<int32_t>> one_by_one;
  for (const std::string& text : texts) one_by_one.push_back(*tokenizer.encode(text, true));
  for (const size_t threads : {0U, 1U, 2U, 5U})
    EXPECT_EQ(*tokenizer.encode_batch(texts, true, threads), one_by_one) << threads;
}

TEST(Tokenizer, S4_27_ABufferIsReusedAndGrowsOnlyForLongerTexts) {
  const Tokenizer tokenizer = load_golden("anemone-tiny");
  const json golden = golden_file("tokenizer/anemone-tiny");
  std::vector<std::string> texts;
  size_t most = 0;
  for (const json& entry : golden["cases"]) {
    texts.push_back(entry["text"]);
    most = std::max(most, entry["ids"].size());
  }
  std::vector<int32_t> ids;
  ids.reserve(most + 2);
  const int32_t* const memory = ids.data();
  size_t reused = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_TRUE(tokenizer.encode_to(texts[i], true, ids).ok());
    EXPECT_EQ(ids, golden["cases"][i]["ids"].get<std::vector<int32_t>>());
    reused += ids.data() == memory ? 1U : 0U;
  }
  EXPECT_GT(texts.size(), 10U);
  EXPECT_EQ(reused, texts.size());

  const std::vector<int32_t> kept = ids;
  EXPECT_FALSE(tokenizer.encode_to("caf\xe9", true, ids).ok());
  EXPECT_EQ(ids, kept);
  std::string longer;
  for (size_t i = 0; i <= most; ++i) longer += " sea";
  ASSERT_TRUE(tokenizer.encode_to(longer, true, ids).ok());
  EXPECT_EQ(ids, *tokenizer.encode(longer, true));
  EXPECT_GT(ids.size(), most);
}

TEST(Tokenizer, KnowsTheEmbeddedModelsSpecialTokens) {
  const Tokenizer tokenizer = load_golden("anemone-tiny");
  EXPECT_EQ(tokenizer.bos_id(), std::nullopt);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.special_tokens().at("eos_token"), "<|im_end|>");
  EXPECT_THAT(tokenizer.special_token_lists().at("additional_special_tokens"),
              ElementsAre("<|im_start|>"));
  ASSERT_EQ(tokenizer.added_tokens().size(), 5U);
  EXPECT_EQ(tokenizer.added_tokens()[3].content, "<tool_call>");
  EXPECT_TRUE(tokenizer.added_tokens()[3].special);
  EXPECT_EQ(tokenizer.chat_templates().count("default"), 1U);
  EXPECT_THAT(tokenizer.stop_ids(), testing::Contains(2));
}

TEST(Tokenizer, RefusesIdsAndBytesThatAreNone) {
  const Tokenizer tokenizer = load_golden("anemone-tiny");
  EXPECT_EQ(tokenizer.token(-1).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(tokenizer.token(1 << 30).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{5, -7}, false).error().code,
            ErrorCode::out_of_range);
  EXPECT_EQ(tokenizer.stream(false).step(-1).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(*tokenizer.decode(std::vector<int32_t>{1 << 30}, false), "");
  EXPECT_EQ(tokenizer.find("no such token"), std::nullopt);
  const std::string latin1 = "caf\xe9";
  EXPECT_EQ(tokenizer.encode(latin1, true).error().code, ErrorCode::invalid_argument);
  const std::vector<std::string> texts = {"fine", latin1};
  EXPECT_THAT(tokenizer.encode_batch(texts, true).error().message, HasSubstr("text 1"));
}

TEST(Tokenizer, NamesTheFileThatIsMissingOrBroken) {
  const test::ScratchFolder folder;
  const Error missing = Tokenizer::load(folder.path()).error();
  EXPECT_EQ(missing.code, ErrorCode::not_found);
  EXPECT_THAT(missing.message,
              HasSubstr(folder.path().string() + ": there is no tokenizer.json in it"));
  EXPECT_THAT(missing.hint, HasSubstr("checkpoint"));
  const Error nowhere = Tokenizer::load(folder.path() / "none").error();
  EXPECT_EQ(nowhere.message, (folder.path() / "none").string() + " does not exist");
  const std::string whole = read_source_file("tests/golden/tokenizer/unigram/tokenizer.json");
  for (size_t cut = 0; cut + 2 < whole.size(); cut += 503) {
    folder.write("tokenizer.json", whole.substr(0, cut));
    const Error broken = Tokenizer::load(folder.path()).error();
    EXPECT_EQ(broken.code, ErrorCode::corrupt) << cut;
    EXPECT_THAT(broken.to_string(), HasSubstr("tokenizer.json")) << cut;
    EXPECT_THAT(broken.to_string(), HasSubstr(folder.path().string())) << cut;
  }
}

TEST(Tokenizer, S1_37_IsReadFromTheModelDirectory) {
  const auto directory = test::source_folder() / "models" / "anemone-tiny-anemll";
  for (const char* package : {"qwen_lm_head.mlpackage", "qwen_lm_head.mlpackage/", ""})
    EXPECT_TRUE(Tokenizer::load(directory / package).ok()) << package;
}

TEST(Tokenizer, AnAdapterWithoutOneHasThatOfItsBase) {
  const test::ScratchFolder folder;
  folder.write("base/tokenizer.json",
               read_source_file("tests/golden/tokenizer/byte-fallback-bpe/tokenizer.json"));
  folder.write("peft/adapter_config.json", R"({"base_model_name_or_path": "../base"})");
  folder.write("bare/config.json", R"({"lora_rank": 4, "base_model": "../base"})");
  folder.write("far/adapter_config.json", R"({"base_model_name_or_path": "org/base"})");
  for (const char* adapter : {"peft", "peft/", "bare"})
    EXPECT_TRUE(Tokenizer::load(folder.path() / adapter).ok()) << adapter;
  EXPECT_THAT(Tokenizer::load(folder.path() / "far").error().message,
              HasSubstr((folder.path() / "far").string() + ": there is no tokenizer.json in it"));
}

TEST(Tokenizer, CleansUpDecodedTextOnlyWhenConfigured) {
  const test::ScratchFolder folder;
  folder.write("tokenizer.json",
               read_source_file("tests/golden/tokenizer/byte-fallback-bpe/tokenizer.json"));
  const std::string text = "do n't stop , it 's fine . ' x ' !";
  for (const bool clean : {false, true}) {
    folder.write("tokenizer_config.json", json{{"clean_up_tokenization_spaces", clean}}.dump());
    const Tokenizer tokenizer = *Tokenizer::load(folder.path());
    const auto ids = *tokenizer.encode(text, false);
    const std::string expected = clean ? "don't stop, it's fine.'x '!" : text;
    EXPECT_EQ(*tokenizer.decode(ids, true), expected);
    DetokenizeStream stream = tokenizer.stream(true);
    std::string joined;
    for (const int32_t id : ids) joined += *stream.step(id);
    EXPECT_GT(joined.size(), 10U) << "nothing was given out before the end";
    EXPECT_EQ(joined + *stream.finish(), expected);
  }
}

TEST(Tokenizer, AddsBosAndEosByFlagsForLlamaClasses) {
  const test::ScratchFolder folder;
  folder.write("tokenizer.json",
               read_source_file("tests/golden/tokenizer/byte-fallback-bpe/tokenizer.json"));
  json config = {{"tokenizer_class", "LlamaTokenizerFast"},
                 {"bos_token", {{"content", "<s>"}}},
                 {"eos_token", "</s>"}};
  const auto ids = [&] {
    folder.write("tokenizer_config.json", config.dump());
    return *Tokenizer::load(folder.path())->encode("x", true);
  };
  const auto plain = *Tokenizer::load(folder.path())->encode("x", false);
  const auto with = [&](std::vector<int32_t> before, std::vector<int32_t> after) {
    before.insert(before.end(), plain.begin(), plain.end());
    before.insert(before.end(), after.begin(), after.end());
    return before;
  };
  EXPECT_EQ(ids(), with({1}, {}));
  config["add_eos_token"] = true;
  EXPECT_EQ(ids(), with({1}, {2}));
  config["add_bos_token"] = false;
  EXPECT_EQ(ids(), with({}, {2}));
  const Encoding encoding = *Tokenizer::load(folder.path())->encode_with_spans("x", true);
  EXPECT_EQ(encoding.spans.back(), (TokenSpan{0, 0}));
  EXPECT_EQ(encoding.spans.size(), encoding.ids.size());
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  EXPECT_EQ(ids(), with({1}, {})) << "the file's post-processor";
  config = {{"tokenizer_class", "LlamaTokenizer"}};
  folder.write("tokenizer_config.json", config.dump());
  EXPECT_EQ(Tokenizer::load(folder.path()).error().code, ErrorCode::mismatch);
}

}  // namespace
}  // namespace anemone::text
