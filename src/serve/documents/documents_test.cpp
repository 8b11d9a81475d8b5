#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/documents/chat_request.h"
#include "serve/documents/completion_request.h"
#include "serve/documents/messages.h"
#include "serve/documents/refusal.h"
#include "serve/documents/schema_bounds.h"

namespace anemone::serve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Json json(std::string_view text) {
  auto parsed = parse_body(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *std::move(parsed) : Json::object();
}

/// A chat request with these fields besides its messages.
Result<ChatRequest> chat(std::string_view fields) {
  Json body = json(fields);
  body["messages"] = Json::array({{{"role", "user"}, {"content", "Hello"}}});
  generate::Options defaults;
  defaults.sampling.temperature = 1;
  defaults.sampling.seed = 5;
  return read_chat_request(body, defaults);
}

/// The field that is refused, and the words.
std::string refused(std::string_view fields) {
  const auto request = chat(fields);
  EXPECT_FALSE(request.ok()) << fields;
  return request.ok() ? "" : request.error().to_string();
}

TEST(Documents, ABodyIsAnObjectOfBoundedDepth) {
  EXPECT_FALSE(parse_body("").ok());
  EXPECT_FALSE(parse_body("[]").ok());
  EXPECT_FALSE(parse_body("{\"a\":\"\xff\"}").ok());
  EXPECT_TRUE(parse_body("{\"a\":" + std::string(60, '[') + std::string(60, ']') + "}").ok());
  EXPECT_FALSE(parse_body("{\"a\":" + std::string(70, '[') + std::string(70, ']') + "}").ok());
  EXPECT_FALSE(parse_body(std::string(1 << 20, '[')).ok());
}

TEST(Documents, WhatARequestDoesNotSayIsTheServersOwnChoice) {
  const auto request = chat("{}");
  ASSERT_TRUE(request.ok()) << request.error().to_string();
  EXPECT_EQ(request->answer.options.sampling.temperature, 1);
  EXPECT_EQ(request->answer.options.sampling.seed, 5U);
  EXPECT_EQ(request->answer.choices, 1);
  EXPECT_FALSE(request->answer.max_tokens.has_value());
  EXPECT_FALSE(request->answer.streams);
  EXPECT_EQ(request->top_logprobs, -1);
}

TEST(Documents, FieldsAreRead) {
  const auto request = chat(
      R"({"temperature":0.5,"top_p":0.9,"top_k":-1,"min_p":0.1,"seed":-3,"stop":["a","b"],"n":2,
               "max_tokens":9,"max_completion_tokens":9,"presence_penalty":-2,"logit_bias":{"5":-100},
               "logprobs":true,"top_logprobs":4,"stream":true,"stream_options":{"include_usage":true},
               "user":"u","frequency_penalty":null})");
  ASSERT_TRUE(request.ok()) << request.error().to_string();
  const generate::Options& options = request->answer.options;
  EXPECT_EQ(options.sampling.temperature, 0.5);
  EXPECT_EQ(options.sampling.top_p, 0.9);
  EXPECT_EQ(options.sampling.top_k, 0);
  EXPECT_EQ(options.sampling.presence_penalty, -2);
  EXPECT_EQ(options.sampling.seed, static_cast<uint64_t>(-3));
  ASSERT_EQ(options.sampling.logit_bias.size(), 1u);
  EXPECT_EQ(options.sampling.logit_bias[0].token, 5);
  EXPECT_THAT(options.stop, ElementsAre("a", "b"));
  EXPECT_EQ(request->answer.max_tokens, 9);
  EXPECT_EQ(request->answer.choices, 2);
  EXPECT_TRUE(request->answer.include_usage);
  EXPECT_EQ(request->top_logprobs, 4);
  EXPECT_EQ(request->answer.of_choice(0).sampling.seed, options.sampling.seed);
  const uint64_t second = request->answer.of_choice(1).sampling.seed;
  EXPECT_GT(second - options.sampling.seed, uint64_t{1} << 32);
}

TEST(Documents, WrongFieldsAreNamed) {
  EXPECT_THAT(refused(R"({"temperature":2.5})"),
              HasSubstr("temperature: is 2.5, expected a number from 0 to 2"));
  EXPECT_THAT(refused(R"({"temperature":"hot"})"), HasSubstr("temperature: is string"));
  EXPECT_THAT(refused(R"({"n":1.5})"), HasSubstr("n: is 1.5"));
  EXPECT_THAT(refused(R"({"n":18446744073709551615})"), HasSubstr("n: is 18446744073709551615"));
  EXPECT_THAT(refused(R"({"stream":"yes"})"), HasSubstr("stream: is a string"));
  EXPECT_THAT(refused(R"({"stop":["a",""]})"), HasSubstr("stop"));
  EXPECT_THAT(refused(R"({"stop":7})"), HasSubstr("stop"));
  EXPECT_THAT(refused(R"({"logit_bias":{"x":1}})"), HasSubstr("logit_bias: has the key 'x'"));
  EXPECT_THAT(refused(R"({"logit_bias":{"1":101}})"), HasSubstr("logit_bias"));
  EXPECT_THAT(refused(R"({"top_logprobs":2})"), HasSubstr("top_logprobs: is given without"));
  EXPECT_THAT(refused(R"({"stream_options":{}})"), HasSubstr("stream_options"));
  EXPECT_THAT(refused(R"({"stream":true,"stream_options":{"x":1}})"),
              HasSubstr("stream_options.x"));
  EXPECT_THAT(refused(R"({"max_tokens":2,"max_completion_tokens":3})"),
              HasSubstr("max_tokens: is 2, and max_completion_tokens is 3"));
  EXPECT_THAT(refused(R"({"temprature":1})"), HasSubstr("temprature: is not a field"));
  EXPECT_THAT(refused(R"({"modalities":["audio"]})"), HasSubstr("modalities"));
  EXPECT_THAT(refused(R"({"prediction":{"type":"content"}})"),
              HasSubstr("prediction: is not supported"));
}

TEST(Documents, ToolsOfBothInterfacesAreTheSame) {
  const auto nested = chat(
      R"({"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],
          "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false})");
  ASSERT_TRUE(nested.ok()) << nested.error().to_string();
  EXPECT_EQ(nested->tools.choice.kind, generate::ToolChoice::Kind::named);
  EXPECT_EQ(nested->tools.choice.name, "f");
  EXPECT_FALSE(nested->tools.choice.parallel);
  const auto flat = read_responses_request(
      json(R"({"input":"x","tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],
              "tool_choice":{"type":"function","name":"f"}})"),
      {});
  ASSERT_TRUE(flat.ok()) << flat.error().to_string();
  EXPECT_EQ(flat->tools.tools, nested->tools.tools);
  EXPECT_EQ(flat->tools.choice.name, "f");
  const auto none =
      chat(R"({"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"})");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->tools.tools.empty());
  EXPECT_THAT(refused(R"({"tools":[{"type":"web_search"}]})"), HasSubstr("tools"));
  EXPECT_THAT(refused(R"({"tools":7})"), HasSubstr("tools: is no list"));
  EXPECT_THAT(refused(R"({"tool_choice":"required"})"), HasSubstr("tool_choice"));
}

TEST(Documents, AFormIsAConstraint) {
  using Kind = generate::Constraint::Kind;
  const auto kind = [](const char* format) {
    const auto request = chat(std::string(R"({"response_format":)") + format + "}");
    EXPECT_TRUE(request.ok()) << format;
    return request.ok() ? request->tools.format.kind : Kind::none;
  };
  EXPECT_EQ(kind(R"({"type":"text"})"), Kind::none);
  EXPECT_EQ(kind(R"({"type":"json_object"})"), Kind::json_object);
  EXPECT_EQ(kind(R"({"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}})"),
            Kind::json_schema);
  for (const char* wrong : {R"({"type":"xml"})", R"("json")", R"({"type":"json_schema"})",
                            R"({"type":"json_schema","json_schema":{"schema":7}})", "[]"})
    EXPECT_THAT(refused(std::string(R"({"response_format":)") + wrong + "}"),
                HasSubstr("response_format"));
}

TEST(Documents, WhatCannotBeEnforcedOfASchemaIsPassedOverUnlessTheClientInsists) {
  const auto options = [](const Json& schema, const Json& strict) {
    const Json form = {{"type", "json_schema"},
                       {"json_schema", {{"schema", schema}, {"strict", strict}}}};
    const auto request = chat(Json{{"response_format", form}}.dump());
    EXPECT_TRUE(request.ok()) << form;
    return request.ok() ? Json::parse(request->tools.format.text)["x-guidance"] : Json();
  };
  EXPECT_EQ(options({{"type", "object"}}, nullptr), (Json{{"lenient", true}}));
  EXPECT_EQ(options({{"type", "object"}}, true), (Json{{"lenient", false}}));
  const Json flexible = {{"x-guidance", {{"whitespace_flexible", true}}}};
  EXPECT_EQ(options(flexible, false), (Json{{"whitespace_flexible", true}, {"lenient", true}}));
  const Json insists = {{"x-guidance", {{"lenient", false}}}};
  EXPECT_EQ(options(insists, false), (Json{{"lenient", false}}));
  EXPECT_EQ(options({{"x-guidance", Json::array({1})}}, false), Json::array({1}));
}

TEST(Documents, MessagesBecomeWhatTemplatesExpect) {
  const auto messages = read_messages(Json::parse(R"([
    {"role":"developer","content":"Be brief."},
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"assistant","content":null,"tool_calls":[
      {"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]},
    {"role":"tool","tool_call_id":"1","content":"2"}])"));
  ASSERT_TRUE(messages.ok()) << messages.error().to_string();
  EXPECT_EQ((*messages)[0]["role"], "system");
  EXPECT_EQ((*messages)[1]["content"], "ab");
  EXPECT_EQ((*messages)[2]["content"], "");
  EXPECT_EQ((*messages)[2]["tool_calls"][0]["function"]["arguments"], (Json{{"x", 1}}));
  EXPECT_EQ((*messages)[3]["tool_call_id"], "1");
}

TEST(Documents, ItemsOfResponsesAreMessages) {
  const auto messages = read_input(Json::parse(R"([
    {"role":"user","content":[{"type":"input_text","text":"a"}]},
    {"type":"function_call","call_id":"1","name":"f","arguments":"{}"},
    {"type":"function_call_output","call_id":"1","output":"2"}])"),
                                   "Be brief.");
  ASSERT_TRUE(messages.ok()) << messages.error().to_string();
  EXPECT_EQ(dump(*messages),
            R"([{"role":"system","content":"Be brief."},{"role":"user","content":"a"},)"
            R"({"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function",)"
            R"("function":{"name":"f","arguments":{}}}]},)"
            R"({"role":"tool","content":"2","tool_call_id":"1"}])");
  EXPECT_FALSE(read_input(Json::parse(R"([{"type":"item_reference","id":"x"}])"), "").ok());
  EXPECT_FALSE(read_input(Json::parse(R"([{"type":7}])"), "").ok());
  EXPECT_FALSE(read_input(Json(7), "").ok());
}

TEST(Documents, PromptsAreTextsIdsOrListsOfThem) {
  const auto prompts = [](const char* prompt) -> size_t {
    const auto request = read_completion_request(Json{{"prompt", Json::parse(prompt)}}, {});
    return request.ok() ? request->prompts.size() : 0;
  };
  EXPECT_EQ(prompts(R"("a")"), 1u);
  EXPECT_EQ(prompts("[1,2]"), 1u);
  EXPECT_EQ(prompts(R"(["a","b"])"), 2u);
  EXPECT_EQ(prompts("[[1,2],[3]]"), 2u);
  EXPECT_EQ(prompts(R"([[1,2],"a"])"), 2u);
  for (const char* wrong : {"[]", "[[]]", "[-1]", "[1.5]", "7", R"([1,"a"])", "[[1,\"a\"]]", "{}",
                            "[4294967296]", "null"})
    EXPECT_EQ(prompts(wrong), 0u) << wrong;
}

TEST(Documents, ARefusalHasOpenAisForm) {
  const Refusal refusal =
      refusal_of(field_error(ErrorCode::unsupported, "messages[0].content", "is an image"));
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(
      to_document(refusal),
      R"({"error":{"message":"messages[0].content: is an image","type":"invalid_request_error",)"
      R"("param":"messages[0].content","code":"unsupported_value"}})");
  EXPECT_EQ(refusal_of(Error{ErrorCode::io, "the bridge panicked", {}, {}}).status, 500);
  EXPECT_EQ(refusal_of_run(Error{ErrorCode::io, "x", {}, {}}, "tools").status, 500);
  EXPECT_EQ(refusal_of_run(Error{ErrorCode::limit, "x", {}, {}}, "").status, 500);
  const Refusal form = refusal_of_run(Error{ErrorCode::limit, "x", {}, {}}, "tools");
  EXPECT_EQ(form.status, 400);
  EXPECT_EQ(form.field, "tools");
}

TEST(Documents, SchemasAndTheirPatternsAreBounded) {
  const auto with_schema = [](const Json& schema) {
    return chat(dump(
        {{"response_format", {{"type", "json_schema"}, {"json_schema", {{"schema", schema}}}}}}));
  };
  const auto pattern = [](size_t bytes) {
    return Json{{"type", "string"}, {"pattern", std::string(bytes, 'a')}};
  };
  EXPECT_TRUE(with_schema(pattern(kMostPatternBytes)).ok());
  const std::string long_key(kMostPatternBytes + 1, 'a');
  for (const Json& schema :
       {pattern(kMostPatternBytes + 1), Json{{"not", {{"anyOf", {pattern(3000)}}}}},
        Json{{"patternProperties", {{long_key, true}}}},
        Json{{"x-guidance", {{"whitespace_pattern", long_key}}}},
        Json{{"anyOf", Json::array({pattern(2000), pattern(2001), pattern(2002), pattern(2003),
                                    pattern(2004)})}},
        Json{{"const", std::string(kMostSchemaBytes, 'a')}}}) {
    const auto request = with_schema(schema);
    ASSERT_FALSE(request.ok());
    EXPECT_THAT(request.error().to_string(), HasSubstr("response_format"));
    EXPECT_THAT(request.error().to_string(), HasSubstr("are taken"));
  }
  const auto tool = [&](const char* name) {
    return Json{
        {"type", "function"},
        {"function",
         {{"name", name},
          {"parameters", {{"properties", {{"a", {{"const", std::string(40'000, 'a')}}}}}}}}}};
  };
  EXPECT_TRUE(chat(dump({{"tools", Json::array({tool("a")})}})).ok());
  EXPECT_THAT(refused(dump({{"tools", Json::array({tool("a"), tool("b")})}})),
              HasSubstr("are taken"));
}

}  // namespace
}  // namespace anemone::serve
