#include "text/grammar.h"

#include <gtest/gtest.h>

#include <array>

#include "support/golden.h"

namespace anemone::text {
namespace {

using Kind = GrammarCompiler::Kind;

class GrammarTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = Tokenizer::parse(test::read_source_file("models/anemone-tiny/tokenizer.json"));
    ASSERT_TRUE(tokenizer.ok());
    tokenizer_.emplace(*std::move(tokenizer));
    auto compiler = GrammarCompiler::make(*tokenizer_, size());
    ASSERT_TRUE(compiler.ok()) << compiler.error().to_string();
    compiler_.emplace(*std::move(compiler));
  }
  int64_t size() const { return static_cast<int64_t>(tokenizer_->vocab_size()); }

  GrammarMatcher matcher(Kind kind, std::string_view text) {
    auto matcher = compiler_->compile(kind, text);
    EXPECT_TRUE(matcher.ok()) << matcher.error().to_string();
    return *std::move(matcher);
  }
  std::vector<int32_t> ids(std::string_view text) {
    auto ids = tokenizer_->encode(text, false);
    EXPECT_TRUE(ids.ok());
    return ids.ok() ? *std::move(ids) : std::vector<int32_t>{};
  }
  std::vector<uint32_t> mask(GrammarMatcher& matcher) {
    std::vector<uint32_t> words((static_cast<size_t>(size()) + 31) / 32);
    const Status status = matcher.mask(words);
    EXPECT_TRUE(status.ok()) << status.error().to_string();
    return words;
  }
  static bool has(const std::vector<uint32_t>& words, int32_t id) {
    return (words[static_cast<size_t>(id) / 32] >> (id % 32) & 1U) == 1;
  }

  std::optional<Tokenizer> tokenizer_;
  std::optional<GrammarCompiler> compiler_;
};

TEST_F(GrammarTest, AMaskFollowsTheText) {
  GrammarMatcher digits = matcher(Kind::regex, "[0-9]{2}x");
  const int32_t seven = ids("7").at(0);
  const int32_t letter = ids("x").at(0);
  EXPECT_TRUE(has(mask(digits), seven));
  EXPECT_FALSE(has(mask(digits), letter));
  ASSERT_TRUE(digits.accept(std::array{seven}).ok());
  EXPECT_FALSE(digits.complete());
  GrammarMatcher copy = *digits.copy();
  ASSERT_TRUE(digits.accept(std::array{seven}).ok());
  std::array<int32_t, 4> forced{};
  auto count = digits.forced(forced);
  ASSERT_TRUE(count.ok());
  EXPECT_EQ(*count, 1U);
  EXPECT_EQ(forced[0], letter);
  ASSERT_TRUE(digits.accept(std::array{letter}).ok());
  EXPECT_TRUE(digits.complete());
  ASSERT_TRUE(digits.take_back(2).ok());
  EXPECT_FALSE(digits.complete());
  EXPECT_EQ(mask(digits), mask(copy));
}

TEST_F(GrammarTest, AValidPrefixEndsBeforeWhatMustNotCome) {
  GrammarMatcher object = matcher(Kind::json_schema, R"({"type":"object"})");
  const auto right = ids(R"({"a": [1, 2]})");
  EXPECT_EQ(*object.valid_prefix(right), right.size());
  auto wrong = ids(R"({"a")");
  const size_t begin = wrong.size();
  wrong.push_back(ids("=").at(0));
  wrong.push_back(ids("=").at(0));
  EXPECT_EQ(*object.valid_prefix(wrong), begin);
  EXPECT_EQ(*object.valid_prefix(right), right.size()) << "the place has stayed";
}

TEST_F(GrammarTest, AForbiddenTokenIsAnErrorThatStays) {
  GrammarMatcher choice = matcher(Kind::choice, R"(["left","right"])");
  EXPECT_FALSE(choice.accept(std::array{ids("7").at(0)}).ok());
  std::vector<uint32_t> words((static_cast<size_t>(size()) + 31) / 32);
  const Status again = choice.mask(words);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::limit);
}

TEST_F(GrammarTest, WrongGrammarsAndSizesAreInvalidArguments) {
  const auto lark = compiler_->compile(Kind::lark, "start: nothing");
  ASSERT_FALSE(lark.ok());
  EXPECT_EQ(lark.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(GrammarCompiler::make(*tokenizer_, 0).ok());
  GrammarMatcher any = matcher(Kind::regex, ".*");
  std::array<uint32_t, 3> few{};
  EXPECT_FALSE(any.mask(few).ok());
}

}  // namespace
}  // namespace anemone::text
