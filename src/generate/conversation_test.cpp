#include "anemone/conversation.h"

#include <gtest/gtest.h>

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
  std::string fresh(const Json& messages) {
    auto chat = text::ChatTemplate::of(*tokenizer_);
    EXPECT_TRUE(chat.ok());
    auto text = chat->render({.messages = messages.dump(), .add_generation_prompt = true});
    EXPECT_TRUE(text.ok());
    auto ids = tokenizer_->encode(*text, false);
    EXPECT_TRUE(ids.ok());
    return answer(*ids, options_).text;
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

}  // namespace
}  // namespace anemone::generate
