#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "anemone/text.h"
#include "support/golden.h"
#include "text/final_message.h"
#include "text/python_strip.h"

namespace anemone::text {
namespace {

using test::golden_file;
using test::read_source_file;

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kUser = R"([{"role": "user", "content": "Hi"}])";

const Tokenizer& tokenizer() {
  static const Tokenizer loaded =
      *Tokenizer::load(test::source_folder() / "models" / "anemone-tiny");
  return loaded;
}

WallClock clock_of(const json& numbers) {
  return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]};
}

ChatRequest request_of(const json& golden, const json& entry) {
  ChatRequest request;
  request.messages = entry["messages"];
  if (entry["tools"] != "null") request.tools = entry["tools"];
  request.add_generation_prompt = entry["add_generation_prompt"];
  request.continue_final_message = entry["continue_final_message"];
  request.clock = clock_of(golden["clock"]);
  return request;
}

class TransformersTemplate : public testing::TestWithParam<const char*> {};

TEST_P(TransformersTemplate, RendersAlike) {
  const json golden = golden_file(std::string("chat_template/") + GetParam());
  const auto compiled = ChatTemplate::compile(golden["template"].get<std::string>(), tokenizer());
  ASSERT_TRUE(compiled.ok()) << compiled.error().to_string();
  for (const json& entry : golden["cases"]) {
    SCOPED_TRACE(entry.dump().substr(0, 200));
    const auto result = compiled->render(request_of(golden, entry));
    ASSERT_EQ(result.ok(), entry.contains("rendered"))
        << (result.ok() ? *result : result.error().to_string());
    if (result.ok()) {
      EXPECT_EQ(*result, entry["rendered"]);
    } else if (entry["error"] == "raised") {
      EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
      EXPECT_THAT(result.error().message, HasSubstr(entry["message"].get<std::string>()));
    } else {
      EXPECT_THAT(result.error().code,
                  testing::AnyOf(ErrorCode::mismatch, ErrorCode::invalid_argument));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Templates, TransformersTemplate,
                         testing::Values("anemone-tiny", "call_blocks", "clock", "content_blocks",
                                         "generation", "loop_controls", "namespace", "raise",
                                         "system_prompt", "tags_and_blanks", "tools"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(ChatTemplate, RendersTheModelsOwnTemplate) {
  const ChatTemplate own = *ChatTemplate::of(tokenizer());
  ChatRequest request;
  request.messages = kUser;
  request.add_generation_prompt = true;
  EXPECT_EQ(*own.render(request), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, PicksByNameThenToolsThenDefault) {
  EXPECT_THAT(ChatTemplate::of(tokenizer(), "rag").error().message,
              testing::AllOf(HasSubstr("\"rag\""), HasSubstr("default")));
  EXPECT_TRUE(ChatTemplate::of(tokenizer(), "default", true).ok());
  EXPECT_TRUE(ChatTemplate::of(tokenizer(), {}, true).ok());
  const Tokenizer bare =
      *Tokenizer::parse(read_source_file("tests/golden/tokenizer/unigram/tokenizer.json"));
  EXPECT_EQ(ChatTemplate::of(bare).error().code, ErrorCode::not_found);
}

TEST(ChatTemplate, VariablesReplaceSpecialTokensButNotTheMessages) {
  const ChatTemplate compiled = *ChatTemplate::compile(
      "{{ eos_token }} {{ thinking }} {{ messages | length }} {{ pad_token }}", tokenizer());
  ChatRequest request;
  request.messages = kUser;
  EXPECT_EQ(*compiled.render(request), "<|im_end|>  1 <|endoftext|>");
  request.variables = R"( {"eos_token": "E", "thinking": false, "messages": []} )";
  EXPECT_EQ(*compiled.render(request), "E False 1 <|endoftext|>");
  request.variables = " { } ";
  EXPECT_EQ(*compiled.render(request), "<|im_end|>  1 <|endoftext|>");
}

TEST(ChatTemplate, SaysWhichJsonIsWrong) {
  const ChatTemplate own = *ChatTemplate::of(tokenizer());
  const auto error = [&](auto change) {
    ChatRequest request;
    request.messages = kUser;
    change(request);
    const auto result = own.render(request);
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    return result.ok() ? std::string() : result.error().message;
  };
  EXPECT_THAT(error([](auto& r) { r.messages = ""; }), HasSubstr("messages"));
  EXPECT_THAT(error([](auto& r) { r.messages = "[{]"; }), HasSubstr("messages"));
  EXPECT_THAT(error([](auto& r) { r.messages = "[], \"add_generation_prompt\": true, \"x\": []"; }),
              HasSubstr("messages"));
  EXPECT_THAT(error([](auto& r) { r.messages = "{}"; }), HasSubstr("messages"));
  EXPECT_THAT(error([](auto& r) { r.messages = "[\"\xff\"]"; }), HasSubstr("messages"));
  EXPECT_THAT(error([](auto& r) { r.tools = "{}"; }), HasSubstr("tools"));
  EXPECT_THAT(error([](auto& r) { r.documents = "3"; }), HasSubstr("documents"));
  EXPECT_THAT(error([](auto& r) { r.variables = "[]"; }), HasSubstr("variables"));
  EXPECT_THAT(error([](auto& r) {
                r.add_generation_prompt = true;
                r.continue_final_message = true;
              }),
              HasSubstr("exclude"));
  EXPECT_THAT(error([](auto& r) {
                r.messages = R"([{"role": "user", "content": "a"},
                                 {"role": "system", "content": "b"}])";
              }),
              HasSubstr("a system message must come first"));
}

TEST(ChatTemplate, ReportsSyntaxErrorsWithTheirLine) {
  const Error error = ChatTemplate::compile("a\n{% for %}", tokenizer()).error();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_THAT(error.to_string(), testing::AllOf(HasSubstr("chat template"), HasSubstr("line 2")));
}

TEST(ChatTemplate, UsesTheClockOfTheMachineUnlessToldOtherwise) {
  const ChatTemplate compiled =
      *ChatTemplate::compile("{{ strftime_now('%Y-%m-%d') }}", tokenizer());
  ChatRequest request;
  request.messages = kUser;
  const WallClock now = WallClock::now();
  EXPECT_GE(now.year, 2024);
  EXPECT_THAT(*compiled.render(request), HasSubstr(std::to_string(now.year)));
  request.clock = WallClock{2001, 2, 3};
  EXPECT_EQ(*compiled.render(request), "2001-02-03");
  request.clock = WallClock{2001, 2, 29};
  EXPECT_EQ(compiled.render(request).error().code, ErrorCode::invalid_argument);
}

TEST(FinalMessage, KeepsEveryNumberOfTheMessages) {
  const std::string messages =
      R"([{"n": 1.0, "big": 123456789012345678901234567890, "content": "a \"b\"\n" , "x": []}])";
  const MarkedMessages marked = *mark_final_message(messages);
  EXPECT_EQ(marked.final_message, "a \"b\"\n");
  EXPECT_EQ(
      marked.json,
      R"([{"n": 1.0, "big": 123456789012345678901234567890, "content": "a \"b\"\nCONTINUE_FINAL_MESSAGE_TAG " , "x": []}])");
}

TEST(FinalMessage, TakesTheLastTextBlock) {
  const std::string messages =
      R"([{"content": "no"}, {"content": [{"text": "one"}, {"text": "two"}, {"type": "image"}]}])";
  const MarkedMessages marked = *mark_final_message(messages);
  EXPECT_EQ(marked.final_message, "two");
  EXPECT_THAT(marked.json, HasSubstr(R"({"text": "twoCONTINUE_FINAL_MESSAGE_TAG "}, {"type")"));
}

TEST(FinalMessage, NeedsText) {
  for (const char* messages : {"[]", "[1]", "[{}]", R"([{"content": null}])", R"([{"content": 5}])",
                               R"([{"content": []}])", R"([{"content": [{"type": "image"}]}])",
                               R"([{"content": [{"text": 1}]}])", R"([{"content": ["x"]}])"}) {
    const auto marked = mark_final_message(messages);
    ASSERT_FALSE(marked.ok()) << messages;
    EXPECT_EQ(marked.error().code, ErrorCode::invalid_argument);
  }
}

TEST(PythonStrip, KnowsPythonsBlanks) {
  EXPECT_EQ(python_strip("\u3000\u00a0\x1c a b \u2028\t\n"), "a b");
  EXPECT_EQ(python_rstrip("\u00a0a\u200b \u0085"), "\u00a0a\u200b");
  EXPECT_EQ(python_strip(" \n"), "");
}

}  // namespace
}  // namespace anemone::text
