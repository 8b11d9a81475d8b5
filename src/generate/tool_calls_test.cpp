#include "anemone/tool_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "anemone/generate.h"
#include "generate/random_model_test.h"
#include "generate/schema_check_test.h"
#include "support/golden.h"
#include "support/scratch_folder.h"
#include "text/grammar.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::json;
using Choice = ToolChoice::Kind;

constexpr const char* kTools = R"([
  {"type":"function","function":{"name":"weather","description":"What the sky does","parameters":
   {"type":"object","properties":{"city":{"type":"string","maxLength":12},"unit":{"$ref":"#/$defs/unit"}},
    "required":["city"],"additionalProperties":false,"$defs":{"unit":{"enum":["C","F"]}}}}},
  {"type":"function","name":"add","parameters":{"type":"object","properties":{"a":{"type":"integer",
   "minimum":0,"maximum":99},"b":{"type":"integer","minimum":0,"maximum":99}},"required":["a","b"],
   "additionalProperties":false},"strict":true},
  {"type":"function","function":{"name":"now"}}])";

std::vector<Tool> tools() {
  auto tools = read_tools(kTools);
  EXPECT_TRUE(tools.ok()) << tools.error().to_string();
  return *std::move(tools);
}

/// The tokenizer of the embedded model with another template and other names of its added tokens.
text::Tokenizer tokenizer_with(const std::string& chat_template,
                               const std::string& open = "<tool_call>",
                               const std::string& close = "</tool_call>", bool special = true) {
  const test::ScratchFolder folder;
  Json json = Json::parse(test::read_source_file("models/anemone-tiny/tokenizer.json"));
  json["added_tokens"][3]["content"] = open;
  json["added_tokens"][4]["content"] = close;
  for (const size_t i : {size_t{3}, size_t{4}}) json["added_tokens"][i]["special"] = special;
  Json& vocabulary = json["model"]["vocab"];
  for (const auto& [old, now] : {std::pair("<tool_call>", open), {"</tool_call>", close}})
    if (vocabulary.contains(old)) {
      const Json id = vocabulary[old];
      vocabulary.erase(old);
      vocabulary[now] = id;
    }
  folder.write("tokenizer.json", json.dump());
  folder.write("tokenizer_config.json", R"({"eos_token": "<|im_end|>"})");
  folder.write("chat_template.jinja", chat_template);
  auto tokenizer = text::Tokenizer::load(folder.path());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().to_string();
  return *std::move(tokenizer);
}

struct Model {
  const char* name;
  text::Tokenizer tokenizer;
  ToolDialect dialect;
};

std::vector<Model> models() {
  const std::string hermes = R"({% if tools %}<tool_call>{"name": ..}</tool_call>{% endif %})";
  std::vector<Model> models;
  const auto add = [&](const char* name, text::Tokenizer tokenizer) {
    ToolDialect dialect = ToolDialect::of(tokenizer);
    models.push_back({name, std::move(tokenizer), std::move(dialect)});
  };
  add("hermes", tokenizer_with(hermes));
  add("hermes as text", tokenizer_with(hermes, "<tool_call>", "</tool_call>", false));
  add("mistral", tokenizer_with("{{ tools }}[TOOL_CALLS] [", "[TOOL_CALLS]", "[ARGS]"));
  add("mistral as text", tokenizer_with("{{ tools }}[TOOL_CALLS] ["));
  add("mistral, name first",
      tokenizer_with("{{ tools }}[TOOL_CALLS]name[ARGS]", "[TOOL_CALLS]", "[ARGS]"));
  add("llama3", tokenizer_with(R"({{ tools }}<|python_tag|>{"name": "parameters": )",
                               "<|python_tag|>", "<|eom_id|>"));
  add("plain", tokenizer_with("{{ messages }}"));
  return models;
}

TEST(ToolCalls, TheFormatIsFoundInTheTemplate) {
  const auto all = models();
  const ToolFormat formats[] = {ToolFormat::hermes,  ToolFormat::hermes,  ToolFormat::mistral,
                                ToolFormat::mistral, ToolFormat::mistral, ToolFormat::llama3,
                                ToolFormat::plain};
  const size_t marks[] = {2, 0, 1, 0, 2, 1, 0};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].dialect.format, formats[i]) << all[i].name;
    EXPECT_EQ(all[i].dialect.tokens().size(), marks[i]) << all[i].name;
    EXPECT_EQ(all[i].dialect.in_template, formats[i] != ToolFormat::plain);
    EXPECT_EQ(all[i].dialect.named_first, i == 4);
  }
  EXPECT_EQ(ToolDialect::of(tokenizer_with("<tool_call><function=name>")).format,
            ToolFormat::plain);
}

TEST(ToolCalls, ReadsToolsAndRefusesOthersByPlace) {
  const auto list = tools();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].description, "What the sky does");
  EXPECT_FALSE(list[0].strict);
  EXPECT_TRUE(list[1].strict);
  EXPECT_EQ(list[2].parameters_json, R"({"type":"object"})");
  EXPECT_THAT(tool_instructions(list), testing::HasSubstr("What the sky does"));
  const auto refusal = [](std::string_view json) {
    const auto tools = read_tools(json);
    EXPECT_FALSE(tools.ok()) << json;
    return tools.ok() ? "" : tools.error().message;
  };
  using testing::HasSubstr;
  EXPECT_THAT(refusal("{"), HasSubstr("no JSON"));
  EXPECT_THAT(refusal("{}"), HasSubstr("expected a JSON list"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("tools[0] is not an object"));
  EXPECT_THAT(refusal(R"([{"type":"web"}])"), HasSubstr("tools[0].type"));
  EXPECT_THAT(refusal(R"([{"function":{"name":"a b"}}])"), HasSubstr("tools[0].function.name"));
  EXPECT_THAT(refusal(R"([{"function":[]}])"), HasSubstr("tools[0].function"));
  EXPECT_THAT(refusal(R"([{"name":"a"},{"name":"a"}])"), HasSubstr("tools[1]"));
  EXPECT_THAT(refusal(R"([{"name":"a","parameters":3}])"), HasSubstr("tools[0].parameters"));
  EXPECT_THAT(refusal(R"([{"name":"a","strict":1}])"), HasSubstr("tools[0].strict"));
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_THAT(refusal(R"([{"name":"a","parameters":{"enum":)" + nested(400'000) + "}}]"),
              HasSubstr("nested deeper"));
  const Tool deep{"a", "", R"({"enum":)" + nested(400'000) + "}"};
  EXPECT_EQ(tool_constraint({}, {&deep, 1}, {}).error().code, ErrorCode::limit);
  const Tool none{"a", "", "[]"};
  EXPECT_EQ(tool_constraint({}, {&none, 1}, {}).error().code, ErrorCode::invalid_argument);
  // What a model nests so deep is no call.
  const Tool plain{"a"};
  const std::string call = R"({"name": "a", "arguments": {"x": )";
  EXPECT_EQ(read_tool_answer({}, {&plain, 1}, call + nested(60) + "}}").calls.size(), 1U);
  EXPECT_EQ(read_tool_answer({}, {&plain, 1}, call + nested(400'000) + "}}").calls.size(), 0U);
}

TEST(ToolCalls, BlanksOfArgumentsAreThoseOfTemplatesUnlessTheSchemaSaysOtherwise) {
  const auto options = [](const char* guidance) {
    const Tool tool{"a", "", std::string(R"({"type":"object","x-guidance":)") + guidance + "}"};
    const auto constraint = arguments_constraint(tool);
    EXPECT_TRUE(constraint.ok());
    return constraint.ok() ? constraint->text.substr(constraint->text.find(R"("x-guidance":)") + 13)
                           : "";
  };
  EXPECT_EQ(options("{}"), R"({"whitespace_flexible":false,"item_separator":", ",)"
                           R"("key_separator":": ","lenient":true}})");
  for (const char* given : {R"("whitespace_flexible":true)", R"("whitespace_pattern":" ")",
                            R"("item_separator":",")", R"("key_separator":":")"})
    EXPECT_EQ(options((std::string("{") + given + "}").c_str()),
              std::string("{") + given + R"(,"lenient":true}})");
  EXPECT_EQ(options("[1]"), "[1]}");
  EXPECT_TRUE(tool_constraint({}, tools(), {}).ok());
}

struct Reading {
  const char* form;
  const char* text;
  ToolAnswer answer;
};

const Reading kReadings[] = {
    {"hermes",
     "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}\n</tool_call>",
     {"", {{"add", R"({"a": 1, "b": 2})"}}}},
    {"hermes",
     "I look.\n<tool_call>\n{\"arguments\": {\"city\": \"a \\\"}\\\" b\"}, \"name\": \"weather\"}\n"
     "</tool_call>\n<tool_call>{\"name\":\"now\"}</tool_call>\n",
     {"I look.", {{"weather", R"({"city": "a \"}\" b"})"}, {"now", "{}"}}}},
    {"hermes", "1 <tool_cal l> 2 < 3 ", {"1 <tool_cal l> 2 < 3 ", {}}},
    {"hermes",
     "<tool_call>\n{\"name\": \"add\", \"argum",
     {"<tool_call>\n{\"name\": \"add\", \"argum", {}}},
    {"hermes",
     "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1",
     {"<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1", {}}},
    {"hermes",
     "<tool_call>{\"name\": \"add\", \"arguments\": {oops}}</tool_call> so",
     {"<tool_call>{\"name\": \"add\", \"arguments\": {oops}}</tool_call> so", {}}},
    {"hermes",
     "<tool_call>{\"name\": \"add\", \"arguments\": 7}</tool_call> then words",
     {" then words", {{"add", "7"}}}},
    {"mistral",
     "[TOOL_CALLS] [{\"name\": \"add\", \"arguments\": {\"a\": [1, {}]}, \"id\": \"abc\"}, "
     "{\"name\": \"now\", \"arguments\": {}}]",
     {"", {{"add", R"({"a": [1, {}]})"}, {"now", "{}"}}}},
    {"mistral, name first",
     "Well: [TOOL_CALLS]add[ARGS]{\"a\": 1}[TOOL_CALLS]now[CALL_ID]x1[ARGS]{}",
     {"Well:", {{"add", R"({"a": 1})"}, {"now", "{}"}}}},
    {"llama3",
     "{\"name\": \"add\", \"parameters\": {\"a\": 1}}; {\"name\": \"now\", \"parameters\": {}}",
     {"", {{"add", R"({"a": 1})"}, {"now", "{}"}}}},
    {"llama3", "<|python_tag|>{\"name\": \"now\", \"parameters\": {}}", {"", {{"now", "{}"}}}},
    {"llama3",
     "{\"name\": \"Bob\", \"parameters\": {\"a\": 1}} is JSON",
     {"{\"name\": \"Bob\", \"parameters\": {\"a\": 1}} is JSON", {}}},
    {"plain",
     "\n [{\"name\": \"now\", \"arguments\": {}}, {\"name\": \"add\", \"arguments\": {\"b\": "
     "3}}]\n",
     {"", {{"now", "{}"}, {"add", R"({"b": 3})"}}}},
    {"plain",
     "The list [1, 2] and {\"name\": \"now\"}",
     {"The list [1, 2] and {\"name\": \"now\"}", {}}},
    {"plain", "[1, 2, 3]", {"[1, 2, 3]", {}}},
    {"plain", "", {"", {}}},
};

ToolDialect dialect_of(std::string_view form) {
  ToolDialect dialect;
  for (const ToolFormat each :
       {ToolFormat::hermes, ToolFormat::mistral, ToolFormat::llama3, ToolFormat::plain})
    if (form.starts_with(to_string(each))) dialect.format = each;
  dialect.named_first = form.ends_with("first");
  return dialect;
}

TEST(ToolCalls, ReadsAnswersOfEveryForm) {
  const auto list = tools();
  for (const Reading& each : kReadings) {
    const ToolAnswer read = read_tool_answer(dialect_of(each.form), list, each.text);
    EXPECT_EQ(read.content, each.answer.content) << each.text;
    ASSERT_EQ(read.calls.size(), each.answer.calls.size()) << each.text;
    for (size_t i = 0; i < read.calls.size(); ++i) {
      EXPECT_EQ(read.calls[i].name, each.answer.calls[i].name);
      EXPECT_EQ(read.calls[i].arguments_json, each.answer.calls[i].arguments_json);
    }
  }
}

TEST(ToolCalls, AStreamGivesTheSameHoweverItIsCut) {
  const auto list = tools();
  for (const Reading& each : kReadings) {
    const std::string_view text = each.text;
    for (size_t step = 1; step <= text.size(); ++step) {
      ToolReader reader(dialect_of(each.form), list);
      ToolAnswer joined;
      const auto take = [&](const std::vector<ToolDelta>& deltas) {
        for (const ToolDelta& delta : deltas) {
          if (delta.kind == ToolDelta::Kind::content) joined.content += delta.text;
          if (delta.kind == ToolDelta::Kind::call) joined.calls.push_back({delta.text, {}});
          if (delta.kind == ToolDelta::Kind::arguments)
            joined.calls.at(delta.call).arguments_json += delta.text;
        }
      };
      for (size_t at = 0; at < text.size(); at += step) take(reader.feed(text.substr(at, step)));
      take(reader.finish());
      EXPECT_EQ(reader.answer(), each.answer) << text << " by " << step;
      // What was streamed as a call cannot be taken back.
      if (joined.calls.size() != each.answer.calls.size()) continue;
      EXPECT_EQ(joined, each.answer);
    }
  }
}

TEST(ToolCalls, ArgumentsAreStreamedBeforeTheCallIsOver) {
  ToolReader reader(dialect_of("hermes"), tools());
  EXPECT_TRUE(reader.feed("<tool_call>\n{\"name\": \"add\", ").empty());
  const auto begun = reader.feed("\"arguments\": {\"a\": ");
  ASSERT_EQ(begun.size(), 2U);
  EXPECT_EQ(begun[0], (ToolDelta{ToolDelta::Kind::call, 0, "add"}));
  EXPECT_EQ(begun[1], (ToolDelta{ToolDelta::Kind::arguments, 0, "{\"a\": "}));
}

/// Whether `text` may be a whole answer under a constraint.
bool allows(const Model& model, const Constraint& constraint, const std::string& text) {
  auto compiler = text::GrammarCompiler::make(model.tokenizer,
                                              static_cast<int64_t>(model.tokenizer.vocab_size()));
  EXPECT_TRUE(compiler.ok());
  auto matcher = compiler->compile(text::GrammarCompiler::Kind::lark, constraint.text);
  EXPECT_TRUE(matcher.ok()) << matcher.error().to_string() << "\n" << constraint.text;
  if (!matcher.ok()) return false;
  const auto ids = model.tokenizer.encode(text, false);
  if (*matcher->valid_prefix(*ids) != ids->size() || !matcher->accept(*ids).ok()) return false;
  if (matcher->complete()) return true;
  std::vector<uint32_t> words((model.tokenizer.vocab_size() + 31) / 32);
  EXPECT_TRUE(matcher->mask(words).ok());
  const auto end = static_cast<size_t>(model.tokenizer.stop_ids().at(0));
  return (words[end / 32] >> (end % 32) & 1U) == 1;
}

TEST(ToolCalls, AConstraintAllowsCallsAsTheModelWritesThem) {
  struct Form {
    const char* call;
    const char* two;
    const char* broken;
  };
  const Form forms[] = {
      {"<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}\n</tool_call>",
       "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}\n</tool_call>\n"
       "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
       "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>"},
      {},  // as above
      {"[TOOL_CALLS] [{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}]",
       "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}}, {\"name\": \"now\", \"arguments\": "
       "{}}]",
       "[TOOL_CALLS] [{\"name\": \"sub\", \"arguments\": {\"a\": 1, \"b\": 2}}]"},
      {},
      {"[TOOL_CALLS]add[ARGS]{\"a\": 1, \"b\": 2}",
       "[TOOL_CALLS]add[ARGS]{\"a\": 1, \"b\": 2}[TOOL_CALLS]now[ARGS]{}",
       "[TOOL_CALLS]sub[ARGS]{}"},
      {"{\"name\": \"add\", \"parameters\": {\"a\": 1, \"b\": 2}}",
       "{\"name\": \"add\", \"parameters\": {\"a\": 1, \"b\": 2}}; {\"name\": \"now\", "
       "\"parameters\": {}}",
       "{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}"},
      {"{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}",
       "[{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}, {\"name\": \"now\", "
       "\"arguments\": {}}]",
       "{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": \"2\"}}"}};
  const auto all = models();
  const auto list = tools();
  for (size_t i = 0; i < all.size(); ++i) {
    const Form& form = forms[i].call != nullptr ? forms[i] : forms[i - 1];
    const auto under = [&](const ToolChoice& choice, const std::string& text) {
      auto constraint = tool_constraint(all[i].dialect, list, choice);
      EXPECT_TRUE(constraint.ok());
      return allows(all[i], *constraint, text);
    };
    SCOPED_TRACE(all[i].name);
    for (const Choice kind : {Choice::automatic, Choice::required}) {
      EXPECT_TRUE(under({.kind = kind}, form.call));
      EXPECT_TRUE(under({.kind = kind}, form.two));
      EXPECT_TRUE(under({.kind = kind, .parallel = false}, form.call));
      EXPECT_FALSE(under({.kind = kind, .parallel = false}, form.two));
      EXPECT_FALSE(under({.kind = kind}, form.broken));
      EXPECT_EQ(under({.kind = kind}, "Nothing to call <for> this."), kind == Choice::automatic);
    }
    EXPECT_TRUE(under({.kind = Choice::named, .name = "add"}, form.call));
    EXPECT_FALSE(under({.kind = Choice::named, .name = "now"}, form.call));
    EXPECT_EQ(under({}, "I look it up. " + std::string(form.call)), true);
  }
  EXPECT_FALSE(tool_constraint(all[0].dialect, list, {.kind = Choice::named, .name = "x"}).ok());
  EXPECT_FALSE(tool_constraint(all[0].dialect, {}, {}).ok());
  EXPECT_EQ(tool_constraint(all[0].dialect, {}, {.kind = Choice::none})->kind,
            Constraint::Kind::none);
}

TEST(ToolCalls, S4_5_RandomLogitsGiveCallsThatTheirSchemasAllow) {
  const auto list = tools();
  for (Model& model : models()) {
    const auto vocab_size = static_cast<int64_t>(model.tokenizer.vocab_size());
    auto compiler = ConstraintCompiler::make(model.tokenizer, vocab_size);
    ASSERT_TRUE(compiler.ok());
    size_t calls = 0;
    for (uint64_t seed = 0; seed < 30; ++seed) {
      RandomModel random(vocab_size, seed);
      Options options;
      options.max_tokens = 300;
      options.sampling = {.temperature = 1, .seed = seed};
      options.compiler = compiler->get();
      options.shown_tokens = model.dialect.tokens();
      auto constraint = tool_constraint(
          model.dialect, std::span(list).first(2),
          {.kind = seed % 2 == 0 ? Choice::required : Choice::named, .name = "weather"});
      ASSERT_TRUE(constraint.ok());
      options.constraint = *std::move(constraint);
      const std::vector<int32_t> prompt = {9};
      const auto result = generate(random, model.tokenizer, prompt, options);
      ASSERT_TRUE(result.ok()) << model.name << ": " << result.error().to_string();
      if (result->stop == StopReason::max_tokens) continue;
      const ToolAnswer answer = read_tool_answer(model.dialect, list, result->text);
      EXPECT_EQ(answer.content, "") << model.name << ": " << result->text;
      EXPECT_GE(answer.calls.size(), 1U);
      for (const ToolCall& call : answer.calls) {
        const auto tool = std::ranges::find(list, call.name, &Tool::name);
        ASSERT_NE(tool, list.end()) << result->text;
        EXPECT_TRUE(SchemaCheck(Json::parse(tool->parameters_json))
                        .allows(Json::parse(call.arguments_json)))
            << call.arguments_json;
      }
      calls += answer.calls.size();
    }
    EXPECT_GE(calls, 25U) << model.name;
  }
}

}  // namespace
}  // namespace anemone::generate
