#include "anemone/conversation.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "generate/embedded_model_test.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::json;

class ConversationTest : public EmbeddedModelTest {
 protected:
  Conversation start(const Options& options, const std::string& system = {}) {
    auto conversation = Conversation::start(*model_, *tokenizer_, options, system);
    EXPECT_TRUE(conversation.ok()) << conversation.error().to_string();
    return *std::move(conversation);
  }
  Generation say(Conversation& conversation, std::string_view text) {
    auto answer = conversation.say(text);
    EXPECT_TRUE(answer.ok()) << answer.error().to_string();
    return answer.ok() ? *std::move(answer) : Generation{};
  }

  /// The answer to the rendered messages alone.
  std::string fresh(const Json& messages, const std::string& tools = {}) {
    auto chat = text::ChatTemplate::of(*tokenizer_, {}, !tools.empty());
    EXPECT_TRUE(chat.ok());
    text::ChatRequest request;
    request.messages = messages.dump();
    request.tools = tools;
    request.add_generation_prompt = true;
    auto text = chat->render(request);
    EXPECT_TRUE(text.ok());
    auto ids = tokenizer_->encode(*text, false);
    EXPECT_TRUE(ids.ok());
    Options options = options_;
    if (!tools.empty()) options.shown_tokens = ToolDialect::of(*tokenizer_).tokens();
    return answer(*ids, options).text;
  }

  Options options_ = {.max_tokens = 16};
};

TEST_F(ConversationTest, ATurnCostsWhatIsNewAndSaysWhatAFreshOneSays) {
  Conversation conversation = start(options_, "Be brief.");
  const Generation first = say(conversation, "Tell me of the river and of the sea behind it.");
  EXPECT_EQ(first.reused_tokens, 0);
  const Generation second = say(conversation, "And then?");
  EXPECT_GT(second.reused_tokens, first.prompt_tokens - 8);
  Json messages = {
      {{"role", "system"}, {"content", "Be brief."}},
      {{"role", "user"}, {"content", "Tell me of the river and of the sea behind it."}}};
  EXPECT_EQ(first.text, fresh(messages));
  messages.push_back({{"role", "assistant"}, {"content", first.text}});
  messages.push_back({{"role", "user"}, {"content", "And then?"}});
  EXPECT_EQ(second.text, fresh(messages));
  EXPECT_EQ(conversation.messages(), 5);
}

TEST_F(ConversationTest, AnotherAnswerReplacesTheLast) {
  options_.sampling = {.temperature = 1.5, .seed = 1};
  Conversation conversation = start(options_);
  EXPECT_FALSE(conversation.again().ok());
  const Generation first = say(conversation, "Tell me a story.");
  const auto second = conversation.again();
  ASSERT_TRUE(second.ok());
  EXPECT_NE(second->text, first.text);
  EXPECT_EQ(conversation.messages(), 2);
  EXPECT_EQ(Json::parse(conversation.to_json())["messages"][1]["content"], second->text);
}

TEST_F(ConversationTest, IsSavedAndRead) {
  Conversation conversation = start(options_, "Be brief.");
  say(conversation, "Hello");
  const std::string saved = conversation.to_json();
  Conversation other = start(options_);
  ASSERT_TRUE(other.read(saved).ok());
  EXPECT_EQ(other.to_json(), saved);
  EXPECT_EQ(say(other, "More").text, say(conversation, "More").text);
  for (const char* wrong :
       {"", "[]", "{}", R"({"version": 2, "messages": []})", R"({"version": 1, "messages": 3})",
        R"({"version": 1, "messages": [{"role": 1, "content": ""}]})",
        R"({"version": 1, "messages": [], "tools": {}})"}) {
    const std::string before = other.to_json();
    EXPECT_FALSE(other.read(wrong).ok()) << wrong;
    EXPECT_EQ(other.to_json(), before);
  }
  const size_t depth = 400'000;
  const std::string deep = R"({"version": 1, "messages": [{"role": "user", "content": )" +
                           std::string(depth, '[') + std::string(depth, ']') + "}]}";
  const Status refused = other.read(deep);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::limit);
}

TEST_F(ConversationTest, AFullContextChangesNothing) {
  Conversation conversation = start(options_);
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word ";
  const auto answer = conversation.say(text);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::out_of_range);
  EXPECT_EQ(conversation.messages(), 0);
  conversation.set_system("Be brief.");
  say(conversation, "Hello");
  conversation.clear();
  EXPECT_EQ(conversation.messages(), 1);
  EXPECT_FALSE(conversation.set_tools("{}").ok());
}

constexpr const char* kTools = R"([{"name": "now", "parameters": {"type": "object"}}])";

/// A question that was answered by two calls at once.
Json two_calls() {
  const auto call = [](const char* id, const char* city) {
    return Json{{"id", id},
                {"type", "function"},
                {"function", {{"name", "now"}, {"arguments", {{"city", city}}}}}};
  };
  return {{{"role", "user"}, {"content", "What time is it in Oslo and in Rome?"}},
          {{"role", "assistant"},
           {"content", ""},
           {"tool_calls", {call("c00001000", "Oslo"), call("c00001001", "Rome")}}}};
}

std::string document(const Json& messages) {
  return Json{{"version", 1}, {"messages", messages}, {"tools", Json::parse(kTools)}}.dump();
}

TEST_F(ConversationTest, TheModelGoesOnFromTheResultsOfItsCalls) {
  Conversation conversation = start(options_);
  EXPECT_TRUE(conversation.waiting_calls().empty());
  ASSERT_FALSE(conversation.give_result("12:00").ok());
  ASSERT_FALSE(conversation.go_on().ok());
  ASSERT_TRUE(conversation.read(document(two_calls())).ok());
  ASSERT_EQ(conversation.waiting_calls(),
            (std::vector<ToolCall>{{"now", R"({"city":"Oslo"})"}, {"now", R"({"city":"Rome"})"}}));
  ASSERT_TRUE(conversation.give_result("12:00").ok());
  const auto early = conversation.go_on();
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().message, "now waits for a result");

  // A conversation that was saved between two results goes on where it was.
  Conversation other = start(options_);
  ASSERT_TRUE(other.read(conversation.to_json()).ok());
  EXPECT_EQ(other.waiting_calls(), (std::vector<ToolCall>{{"now", R"({"city":"Rome"})"}}));
  for (Conversation* each : {&conversation, &other}) {
    ASSERT_TRUE(each->give_result("12:01").ok());
    EXPECT_FALSE(each->give_result("12:02").ok());
    const auto answer = each->go_on();
    ASSERT_TRUE(answer.ok()) << answer.error().to_string();
    Json told = two_calls();
    told.push_back({{"role", "tool"}, {"content", "12:00"}});
    told.push_back({{"role", "tool"}, {"content", "12:01"}});
    EXPECT_EQ(answer->text, fresh(told, kTools));
    EXPECT_EQ(each->messages(), 5);
  }
  EXPECT_EQ(other.to_json(), conversation.to_json());
  const Json messages = Json::parse(conversation.to_json())["messages"];
  EXPECT_EQ(
      messages[3],
      (Json{
          {"role", "tool"}, {"tool_call_id", "c00001001"}, {"name", "now"}, {"content", "12:01"}}));
  EXPECT_FALSE(conversation.go_on().ok()) << "there is an answer already";
}

TEST_F(ConversationTest, ACallOfTheModelWaitsAndAnotherAnswerDropsItsResult) {
  auto tools = read_tools(kTools);
  ASSERT_TRUE(tools.ok());
  ToolChoice choice{.kind = ToolChoice::Kind::required, .name = {}, .parallel = false};
  auto constraint = tool_constraint(ToolDialect::of(*tokenizer_), *tools, choice);
  ASSERT_TRUE(constraint.ok());
  options_.max_tokens = 60;
  options_.constraint = *constraint;
  auto started = Conversation::start(*model_, *tokenizer_, options_, {}, kTools);
  ASSERT_TRUE(started.ok());
  Conversation conversation = *std::move(started);
  say(conversation, "What time is it?");
  ASSERT_EQ(conversation.waiting_calls().size(), 1U);
  EXPECT_EQ(conversation.waiting_calls()[0].name, "now");
  ASSERT_TRUE(conversation.give_result("12:00").ok());
  conversation.set_constraint({});
  ASSERT_TRUE(conversation.go_on().ok());
  EXPECT_EQ(conversation.messages(), 4);
  ASSERT_TRUE(conversation.again().ok());
  EXPECT_EQ(conversation.messages(), 4) << "the answer behind the result was replaced";
  EXPECT_TRUE(conversation.waiting_calls().empty());

  ASSERT_TRUE(conversation.read(document(two_calls())).ok());
  ASSERT_TRUE(conversation.give_result("12:00").ok());
  ASSERT_TRUE(conversation.again().ok());
  EXPECT_EQ(conversation.messages(), 2) << "the calls were replaced, with their results";
}

TEST_F(ConversationTest, ResultsThatDoNotFitCanBeGivenAgain) {
  std::string words;
  for (int i = 0; i < 3000; ++i) words += "word ";
  const std::string brief = "12:00";
  for (const auto& [first, second] : {std::pair{brief, words}, {words, brief}}) {
    Conversation conversation = start(options_);
    ASSERT_TRUE(conversation.read(document(two_calls())).ok());
    const auto waiting = conversation.waiting_calls();
    EXPECT_EQ(conversation.give_result("\xff\xfe").error().code, ErrorCode::invalid_argument);
    ASSERT_TRUE(conversation.give_result(first).ok());
    ASSERT_TRUE(conversation.give_result(second).ok());
    const auto failed = conversation.go_on();
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, ErrorCode::out_of_range) << failed.error().to_string();
    EXPECT_EQ(conversation.messages(), 2);
    ASSERT_EQ(conversation.waiting_calls(), waiting);
    ASSERT_TRUE(conversation.give_result(brief).ok());
    ASSERT_TRUE(conversation.give_result("12:01").ok());
    const auto given = conversation.go_on();
    EXPECT_TRUE(given.ok()) << given.error().to_string();
  }
}

TEST_F(ConversationTest, ResultsWithoutTheirCallsAreRefused) {
  Conversation conversation = start(options_);
  const std::string before = conversation.to_json();
  const Json result = {{"role", "tool"}, {"tool_call_id", "c00001000"}, {"content", "12:00"}};
  const auto refuses = [&](Json messages, const char* because) {
    const Status status = conversation.read(document(messages));
    ASSERT_FALSE(status.ok()) << because;
    EXPECT_EQ(status.error().code, ErrorCode::corrupt);
    EXPECT_NE(status.error().message.find(because), std::string::npos) << status.error().message;
    EXPECT_EQ(conversation.to_json(), before);
  };
  refuses({result}, "messages[0] is the result of 'c00001000', which no call waits for");
  Json twice = two_calls();
  twice.push_back(result);
  twice.push_back(result);
  refuses(twice, "messages[3] is the result of 'c00001000'");
  Json late = two_calls();
  late.push_back({{"role", "user"}, {"content", "Well?"}});
  late.push_back(result);
  refuses(late, "messages[3]");
  for (const char* key : {"tool_call_id", "content"}) {
    Json wrong = two_calls();
    wrong.push_back(result);
    wrong[2][key] = 7;
    refuses(wrong, "messages[2] is a result without content and tool_call_id");
  }
  Json named = two_calls();
  named.push_back(result);
  named[2]["name"] = 7;
  refuses(named, "messages[2] is a result whose name is no text");
  for (const Json& calls : {Json(3), Json{{"id", "x"}}}) {
    Json wrong = two_calls();
    wrong[1]["tool_calls"] = calls;
    refuses(wrong, "messages[1].tool_calls is no list");
  }
  for (const char* field : {"/id", "/function", "/function/name", "/function/arguments"}) {
    Json wrong = two_calls();
    const Json::json_pointer at(field);
    wrong[1]["tool_calls"][1][at.parent_pointer()].erase(at.back());
    refuses(wrong, "messages[1].tool_calls[1] has no id, name and arguments");
  }
}

/// In a time that grows as the conversation does.
TEST_F(ConversationTest, MessagesAreOfRolesThatThereAreAndCallsTheAssistants) {
  Conversation conversation = start(options_);
  const std::string before = conversation.to_json();
  const auto refuses = [&](const Json& messages, const std::string& because) {
    const Status status = conversation.read(document(messages));
    ASSERT_FALSE(status.ok()) << because;
    EXPECT_EQ(status.error().message, because);
    EXPECT_EQ(conversation.to_json(), before);
  };
  refuses({{{"role", "ghost"}, {"content", "Boo"}}},
          "messages[0] has the role 'ghost', which there is not");
  for (const char* role : {"user", "system"}) {
    Json asked = two_calls();
    asked[1]["role"] = role;
    refuses(asked, "messages[1] has calls, but is not the assistant's");
  }
  ASSERT_TRUE(
      conversation.read(document({{{"role", "developer"}, {"content", "Be brief."}}})).ok());
  EXPECT_EQ(Json::parse(conversation.to_json())["messages"],
            (Json{{{"role", "system"}, {"content", "Be brief."}}}));
}

TEST_F(ConversationTest, ArgumentsMayBeATextThatHoldsThem) {
  Conversation ours = start(options_);
  Conversation theirs = start(options_);
  ASSERT_TRUE(ours.read(document(two_calls())).ok());
  Json as_text = two_calls();
  for (Json& call : as_text[1]["tool_calls"]) {
    Json& arguments = call["function"]["arguments"];
    arguments = arguments.dump();
  }
  ASSERT_TRUE(theirs.read(document(as_text)).ok());
  EXPECT_EQ(theirs.waiting_calls(), ours.waiting_calls());
  EXPECT_EQ(Json::parse(theirs.to_json()), Json::parse(ours.to_json()));

  as_text[1]["tool_calls"][0]["function"]["arguments"] = "Oslo";
  ASSERT_TRUE(theirs.read(document(as_text)).ok());
  EXPECT_EQ(theirs.waiting_calls()[0].arguments_json, R"("Oslo")") << "no object";
  const size_t depth = 400'000;
  as_text[1]["tool_calls"][0]["function"]["arguments"] =
      R"({"city": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
  const Status deep = theirs.read(document(as_text));
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().code, ErrorCode::limit);
}

TEST_F(ConversationTest, ManyCallsOfOneAnswerAreReadWithTheirResults) {
  constexpr int kCalls = 20'000;
  Json messages = two_calls();
  Json& calls = messages[1]["tool_calls"];
  const Json call = calls[0];
  calls = Json::array();
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(call);
    calls.back()["id"] = "c" + std::to_string(i);
  }
  for (int i = kCalls - 1; i > 0; --i)
    messages.push_back(
        {{"role", "tool"}, {"tool_call_id", "c" + std::to_string(i)}, {"content", "12:00"}});
  Conversation conversation = start(options_);
  const auto began = std::chrono::steady_clock::now();
  const Status read = conversation.read(document(messages));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(conversation.waiting_calls().size(), 1U) << "the first one";
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

/// Templates that know no tools know no results either.
TEST_F(ConversationTest, WithoutThemInTheTemplateCallsAndResultsAreWords) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "anemone_words";
  std::filesystem::create_directories(folder);
  const auto source = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    std::filesystem::copy_file(source / file, folder / file,
                               std::filesystem::copy_options::overwrite_existing);
  std::ofstream(folder / "chat_template.jinja")
      << "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] %}"
         "{{ raise_exception('no such role') }}{% endif %}[{{ m.role }}] {{ m.content }}\n"
         "{% endfor %}[assistant]";
  auto tokenizer = text::Tokenizer::load(folder);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().to_string();
  auto started = Conversation::start(*model_, *tokenizer, options_);
  ASSERT_TRUE(started.ok()) << started.error().to_string();
  ASSERT_TRUE(started->read(document(two_calls())).ok());
  ASSERT_TRUE(started->give_result("12:00").ok());
  ASSERT_TRUE(started->give_result("12:01").ok());
  const auto given = started->go_on();
  ASSERT_TRUE(given.ok()) << given.error().to_string();
  auto tools = read_tools(kTools);
  ASSERT_TRUE(tools.ok());
  auto ids =
      tokenizer->encode("[system] " + tool_instructions(*tools) +
                            "\n[user] What time is it in Oslo and in Rome?\n[assistant] "
                            R"({"name":"now","arguments":{"city":"Oslo"}})"
                            "\n"
                            R"({"name":"now","arguments":{"city":"Rome"}})"
                            "\n[user] Result of now: 12:00\nResult of now: 12:01\n[assistant]",
                        false);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(given->prompt_tokens, static_cast<int64_t>(ids->size()));
  Json unnamed = two_calls();
  for (const char* id : {"c00001000", "c00001001"})
    unnamed.push_back(
        {{"role", "tool"}, {"tool_call_id", id}, {"name", nullptr}, {"content", "12:00"}});
  ASSERT_TRUE(started->read(document(unnamed)).ok());
  EXPECT_TRUE(started->go_on().ok());
  EXPECT_EQ(given->text, answer(*ids, options_).text);
}

}  // namespace
}  // namespace anemone::generate
