#include "text/tokenizer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/scratch_folder.h"

namespace anemone::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(TokenizerConfig, IsEmptyWithoutFiles) {
  const test::ScratchFolder folder;
  const TokenizerConfig config = *read_tokenizer_config(folder.path());
  EXPECT_THAT(config.special_tokens, IsEmpty());
  EXPECT_THAT(config.chat_templates, IsEmpty());
  EXPECT_THAT(config.model_eos_ids, IsEmpty());
  EXPECT_FALSE(config.clean_up_spaces);
}

TEST(TokenizerConfig, ReadsRolesInBothSpellings) {
  const test::ScratchFolder folder;
  folder.write("tokenizer_config.json",
               R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
                   "pad_token": null, "additional_special_tokens": ["<a>", {"content": "<b>"}],
                   "extra_special_tokens": {"image_token": "<img>"}, "add_bos_token": false})");
  folder.write("special_tokens_map.json",
               R"({"bos_token": "other", "pad_token": "<pad>", "unk_token": {"content": "<u>"}})");
  const TokenizerConfig config = *read_tokenizer_config(folder.path());
  EXPECT_THAT(config.special_tokens,
              ElementsAre(Pair("bos_token", "<s>"), Pair("eos_token", "</s>"),
                          Pair("image_token", "<img>"), Pair("unk_token", "<u>")));
  EXPECT_THAT(config.special_token_lists.at("additional_special_tokens"),
              ElementsAre("<a>", "<b>"));
  EXPECT_FALSE(config.add_bos);
  EXPECT_FALSE(config.added_by_flags);
}

TEST(TokenizerConfig, TakesTemplatesFromFilesBeforeTheConfiguration) {
  const test::ScratchFolder folder;
  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "default", "template": "D"},
                                     {"name": "tool_use", "template": "T"}]})");
  EXPECT_THAT(read_tokenizer_config(folder.path())->chat_templates,
              ElementsAre(Pair("default", "D"), Pair("tool_use", "T")));
  folder.write("tokenizer_config.json", R"({"chat_template": "one"})");
  EXPECT_THAT(read_tokenizer_config(folder.path())->chat_templates,
              ElementsAre(Pair("default", "one")));
  folder.write("chat_template.jinja", "file\n");
  folder.write("additional_chat_templates/rag.jinja", "R");
  folder.write("additional_chat_templates/notes.txt", "no template");
  EXPECT_THAT(read_tokenizer_config(folder.path())->chat_templates,
              ElementsAre(Pair("default", "file\n"), Pair("rag", "R")));
}

TEST(TokenizerConfig, RefusesWhatIsNestedWithoutEnd) {
  const test::ScratchFolder folder;
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  for (const char* name : {"config.json", "generation_config.json", "special_tokens_map.json",
                           "tokenizer_config.json"}) {
    folder.write(name, R"({"eos_token_id": {"id": )" + deep + "}}");
    const auto config = read_tokenizer_config(folder.path());
    ASSERT_FALSE(config.ok()) << name;
    EXPECT_EQ(config.error().code, ErrorCode::limit) << name;
    EXPECT_THAT(config.error().to_string(), HasSubstr(name));
  }
}

TEST(TokenizerConfig, ReadsEndIdsFromGenerationConfigFirst) {
  const test::ScratchFolder folder;
  folder.write("config.json", R"({"eos_token_id": 7})");
  EXPECT_THAT(read_tokenizer_config(folder.path())->model_eos_ids, ElementsAre(7));
  folder.write("generation_config.json", R"({"eos_token_id": [9, 3]})");
  EXPECT_THAT(read_tokenizer_config(folder.path())->model_eos_ids, ElementsAre(9, 3));
}

TEST(TokenizerConfig, NamesFileAndKeyOfWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {"tokenizer_config.json", "{"},
      {"tokenizer_config.json", "[]"},
      {"tokenizer_config.json", R"({"bos_token": 5})"},
      {"tokenizer_config.json", R"({"eos_token": {"content": 5}})"},
      {"tokenizer_config.json", R"({"additional_special_tokens": "x"})"},
      {"tokenizer_config.json", R"({"clean_up_tokenization_spaces": "yes"})"},
      {"tokenizer_config.json", R"({"add_bos_token": 1})"},
      {"tokenizer_config.json", R"({"chat_template": [{"name": "x"}]})"},
      {"tokenizer_config.json", R"({"chat_template": 5})"},
      {"special_tokens_map.json", R"({"bos_token": []})"},
      {"generation_config.json", R"({"eos_token_id": -1})"},
      {"generation_config.json", R"({"eos_token_id": "2"})"},
      {"generation_config.json", R"({"eos_token_id": [4294967296]})"},
      {"config.json", "\xff\xfe"},
  };
  for (const auto& [name, content] : kCases) {
    const test::ScratchFolder folder;
    folder.write(name, content);
    const auto config = read_tokenizer_config(folder.path());
    ASSERT_FALSE(config.ok()) << content;
    EXPECT_EQ(config.error().code, ErrorCode::corrupt) << content;
    EXPECT_THAT(config.error().to_string(), HasSubstr(name)) << content;
  }
}

}  // namespace
}  // namespace anemone::text
