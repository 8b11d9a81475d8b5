#include "anemone/constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "anemone/generate.h"
#include "generate/random_model_test.h"
#include "generate/schema_check_test.h"
#include "support/golden.h"
#include "support/scratch_folder.h"

namespace anemone::generate {
namespace {

using Json = nlohmann::json;
using Kind = Constraint::Kind;

struct Source {
  const char* tokenizer;
  const char* end_of_text;
};
constexpr Source kSources[] = {
    {"models/anemone-tiny/tokenizer.json", "<|im_end|>"},
    {"tests/golden/tokenizer/byte-fallback-bpe/tokenizer.json", "</s>"},
};

constexpr const char* kSchemas[] = {
    R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
        "required":["name","age"],"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"boolean"},"b":{"type":"null"},
        "c":{"enum":["x","y z",3,null]}},"required":["c"],"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"boolean"}},"additionalProperties":{"type":"integer"}})",
    R"({"type":"array","items":{"type":"integer","minimum":-20,"maximum":137},"minItems":2,"maxItems":5})",
    R"({"type":"array","prefixItems":[{"type":"boolean"},{"const":"two"}],"items":false,"minItems":2})",
    R"({"type":"number","minimum":0.5,"exclusiveMaximum":7.25})",
    R"({"type":"integer","exclusiveMinimum":99,"maximum":1000,"multipleOf":25})",
    R"({"type":"string","pattern":"^[A-Z]{2}-[0-9]{3,5}$"})",
    R"({"type":"string","pattern":"^(ab|cd)+x"})",
    R"({"type":"string","pattern":"^\\d{2}[\\w-]{1,3}$"})",
    R"({"type":"string","minLength":3,"maxLength":6})",
    R"({"type":"string","minLength":1,"maxLength":4,"pattern":"^[a-cé]*$"})",
    R"({"anyOf":[{"type":"string","maxLength":9},{"type":"integer","minimum":5,"maximum":9},
        {"type":"array","items":{"type":"boolean"},"maxItems":3}]})",
    R"({"type":["boolean","null"]})",
    R"({"const":{"deep":[1,{"er":"\"quoted\" \\ and / so\non"}]}})",
    R"({"enum":["alpha","alphabet","al",""]})",
    R"({"$defs":{"leaf":{"type":"object","properties":{"v":{"type":"integer","minimum":0,"maximum":9}},
        "required":["v"],"additionalProperties":false}},"type":"object",
        "properties":{"left":{"$ref":"#/$defs/leaf"},"right":{"$ref":"#/$defs/leaf"}},
        "required":["left"],"additionalProperties":false})",
    R"({"$defs":{"tree":{"type":"object","properties":{"k":{"enum":[1,2]},
        "t":{"type":"array","items":{"$ref":"#/$defs/tree"},"maxItems":2}},
        "required":["k"],"additionalProperties":false}},"$ref":"#/$defs/tree"})",
    R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]},
        {"properties":{"a":{"maximum":12},"b":{"type":"boolean"}},"required":["b"]}],
        "properties":{"a":true,"b":true},"additionalProperties":false})",
    R"({"type":"object","properties":{"a b":{"type":"string","maxLength":3},"":{"type":"null"},
        "\"q\"":{"type":"boolean"},"日本":{"const":"東京"}},
        "required":["a b","","\"q\"","日本"],"additionalProperties":false})",
    R"({"type":"object","properties":{"city":{"type":"string","maxLength":20},
        "unit":{"enum":["celsius","fahrenheit"]},"days":{"type":"array","items":{"type":"object",
        "properties":{"day":{"type":"string","pattern":"^(mon|tue|wed)$"},
        "high":{"type":"number","minimum":-90,"maximum":60}},"required":["day"],
        "additionalProperties":false},"maxItems":3}},"required":["city","unit"],
        "additionalProperties":false})",
};

struct Case {
  text::Tokenizer tokenizer;
  std::unique_ptr<ConstraintCompiler> compiler;
  /// More columns than tokens, as models have them.
  int64_t vocab_size = 0;

  static Case open(const Source& source = kSources[0]) {
    const test::ScratchFolder folder;
    folder.write("tokenizer.json", test::read_source_file(source.tokenizer));
    folder.write("tokenizer_config.json", Json{{"eos_token", source.end_of_text}}.dump());
    auto tokenizer = text::Tokenizer::load(folder.path());
    EXPECT_TRUE(tokenizer.ok());
    const auto vocab_size = static_cast<int64_t>(tokenizer->vocab_size()) + 45;
    auto compiler = ConstraintCompiler::make(*tokenizer, vocab_size);
    EXPECT_TRUE(compiler.ok()) << compiler.error().to_string();
    return {*std::move(tokenizer), *std::move(compiler), vocab_size};
  }

  Result<Generation> answer(const Constraint& constraint, uint64_t seed, double temperature = 1,
                            Speculation::By guess = Speculation::By::nobody,
                            int64_t max_tokens = 400) {
    RandomModel model(vocab_size, seed);
    Options options;
    options.constraint = constraint;
    options.compiler = compiler.get();
    options.max_tokens = max_tokens;
    options.sampling.temperature = temperature;
    options.sampling.seed = seed;
    options.speculation.by = guess;
    options.stop = stop;
    return generate(model, tokenizer, prompt, options);
  }

  std::vector<int32_t> prompt = {5, 6, 7};
  std::vector<std::string> stop;
};

bool ended(const Generation& generation) {
  return generation.stop == StopReason::constraint || generation.stop == StopReason::end_of_text;
}

TEST(Constraint, S4_11_RandomLogitsGiveValidJsonAndNoDeadEnds) {
  for (const Source& source : kSources) {
    Case test = Case::open(source);
    for (const char* schema : kSchemas) {
      const SchemaCheck check(Json::parse(schema));
      size_t complete = 0;
      for (uint64_t seed = 0; seed < 25; ++seed) {
        const auto result =
            test.answer({.kind = Kind::json_schema, .text = schema}, seed, seed % 5 == 0 ? 0 : 1);
        ASSERT_TRUE(result.ok()) << schema << ": " << result.error().to_string();
        if (!ended(*result)) {
          EXPECT_EQ(result->stop, StopReason::max_tokens);
          continue;
        }
        ++complete;
        const Json value = Json::parse(result->text, nullptr, false);
        EXPECT_TRUE(!value.is_discarded() && check.allows(value)) << source.tokenizer << "\n"
                                                                  << schema << "\n"
                                                                  << result->text;
      }
      EXPECT_GE(complete, 5U) << source.tokenizer << "\n" << schema;
    }
  }
}

TEST(Constraint, GuessesChangeNothing) {
  Case test = Case::open();
  int64_t drafted = 0;
  int64_t accepted = 0;
  for (const char* schema : kSchemas) {
    const Constraint constraint{.kind = Kind::json_schema, .text = schema};
    for (uint64_t seed = 0; seed < 6; ++seed) {
      const auto plain = test.answer(constraint, seed, seed % 2 == 0 ? 0 : 1);
      const auto guessed =
          test.answer(constraint, seed, seed % 2 == 0 ? 0 : 1, Speculation::By::ngram);
      ASSERT_TRUE(plain.ok() && guessed.ok());
      EXPECT_EQ(plain->tokens, guessed->tokens) << schema;
      EXPECT_EQ(plain->text, guessed->text);
      EXPECT_EQ(plain->stop, guessed->stop);
      drafted += guessed->drafted_tokens;
      accepted += guessed->accepted_tokens;
    }
  }
  EXPECT_GT(drafted, 0);
  EXPECT_GT(accepted, 0);
}

TEST(Constraint, GuessesThatHoldTheEndOfTheTextChangeNothing) {
  Case test = Case::open();
  const auto words = test.tokenizer.encode("a b a b b a", false);
  ASSERT_TRUE(words.ok());
  for (int i = 0; i < 8; ++i) {
    test.prompt.insert(test.prompt.end(), words->begin(), words->end());
    test.prompt.push_back(test.tokenizer.stop_ids()[0]);
  }
  const Constraint constraint{.kind = Kind::regex, .text = "[ab ]{0,40}"};
  int64_t accepted = 0, ended_by_token = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    if (seed == 40) test.stop = {"b a", "aa"};
    const auto plain = test.answer(constraint, seed, seed % 4 == 0 ? 0 : 1);
    const auto guessed =
        test.answer(constraint, seed, seed % 4 == 0 ? 0 : 1, Speculation::By::ngram);
    ASSERT_TRUE(plain.ok() && guessed.ok());
    EXPECT_EQ(plain->tokens, guessed->tokens);
    EXPECT_EQ(plain->text, guessed->text);
    EXPECT_EQ(plain->stop, guessed->stop);
    accepted += guessed->accepted_tokens;
    ended_by_token += guessed->stop == StopReason::end_of_text ? 1 : 0;
    for (const std::string& stop : test.stop)
      EXPECT_EQ(guessed->text.find(stop), std::string::npos) << guessed->text;
  }
  EXPECT_GT(accepted, 0);
  EXPECT_GT(ended_by_token, 0);
}

TEST(Constraint, AStopTextEndsAlsoWhatIsForced) {
  Case test = Case::open();
  test.stop = {"two"};
  const auto cut = test.answer({.kind = Kind::choice, .choices = {"one two three"}}, 1);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->text, "one ");
  EXPECT_EQ(cut->stop, StopReason::stop_text);
}

TEST(Constraint, EveryKindHoldsToTheLetter) {
  for (const Source& source : kSources) {
    Case test = Case::open(source);
    const std::regex phone(R"(\+[0-9]{2} [0-9]{3}(-[0-9]{4}){1,2})");
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const auto number = test.answer(
          {.kind = Kind::regex, .text = R"(\+[0-9]{2} [0-9]{3}(-[0-9]{4}){1,2})"}, seed);
      ASSERT_TRUE(number.ok() && ended(*number)) << source.tokenizer;
      EXPECT_TRUE(std::regex_match(number->text, phone)) << number->text;
      const std::vector<std::string> choices = {"yes", "yes, but", " no", "„vielleicht“"};
      const auto chosen = test.answer({.kind = Kind::choice, .choices = choices}, seed);
      ASSERT_TRUE(chosen.ok() && ended(*chosen));
      EXPECT_THAT(choices, testing::Contains(chosen->text));
      const auto object = test.answer({.kind = Kind::json_object}, seed);
      ASSERT_TRUE(object.ok()) << object.error().to_string();
      if (ended(*object)) {
        EXPECT_EQ(object->text.find_first_not_of(" \n"), object->text.find('{'));
        EXPECT_EQ(object->text.back(), '}');
      }
    }
  }
  Case test = Case::open();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto sum =
        test.answer({.kind = Kind::lark,
                     .text = "start: term (\"+\" term)*\nterm: /[1-9]/ | \"(\" start \")\""},
                    seed);
    ASSERT_TRUE(sum.ok()) << sum.error().to_string();
    EXPECT_EQ(sum->text.find_first_not_of("+()123456789"), std::string::npos);
    if (!ended(*sum)) continue;
    EXPECT_EQ(std::ranges::count(sum->text, '('), std::ranges::count(sum->text, ')'));
  }
}

TEST(Constraint, WhatIsForcedTakesNoCallOfTheModel) {
  Case test = Case::open();
  const Constraint fixed{.kind = Kind::choice, .choices = {"There is but one answer to this."}};
  const auto all = test.answer(fixed, 1);
  ASSERT_TRUE(all.ok()) << all.error().to_string();
  EXPECT_EQ(all->text, fixed.choices[0]);
  EXPECT_EQ(all->stop, StopReason::constraint);
  EXPECT_LE(all->calls, 2);
  EXPECT_GE(all->forced_tokens, static_cast<int64_t>(all->tokens.size()) - 2);
  auto plain = test.tokenizer.encode(fixed.choices[0], false);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(all->tokens, *plain);
}

TEST(Constraint, CutShortAnswersSayso) {
  Case test = Case::open();
  const Constraint digits{.kind = Kind::regex, .text = "[0-9]{8}"};
  for (int64_t most = 1; most <= 8; ++most) {
    const auto result = test.answer(digits, 3, 1, Speculation::By::nobody, most);
    ASSERT_TRUE(result.ok());
    EXPECT_LE(static_cast<int64_t>(result->tokens.size()), most);
    EXPECT_EQ(result->stop,
              result->text.size() == 8 ? StopReason::constraint : StopReason::max_tokens);
  }
}

TEST(Constraint, SlidesAndStopsInAShortContext) {
  Case test = Case::open();
  for (const WhenFull when_full : {WhenFull::stop, WhenFull::slide}) {
    RandomModel model(test.vocab_size, 4, 24);
    Options options;
    options.compiler = test.compiler.get();
    options.constraint = {.kind = Kind::choice,
                          .choices = {"one sentence that is longer than the context of this model, "
                                      "by far longer than that, and still there is more to say"}};
    options.when_full = when_full;
    const std::vector<int32_t> prompt = {5, 6, 7};
    const auto result = generate(model, test.tokenizer, prompt, options);
    ASSERT_TRUE(result.ok()) << result.error().to_string();
    if (when_full == WhenFull::stop) {
      EXPECT_EQ(result->stop, StopReason::context_full);
    } else {
      EXPECT_EQ(result->text, options.constraint.choices[0]);
      EXPECT_EQ(result->stop, StopReason::constraint);
    }
  }
}

/// The texts of random models under a constraint, where they came to an end.
std::vector<std::string> texts_under(Case& test, const Constraint& constraint) {
  std::vector<std::string> texts;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto result = test.answer(constraint, seed);
    EXPECT_TRUE(result.ok());
    if (result.ok() && ended(*result)) texts.push_back(result->text);
  }
  return texts;
}

/// As Python's json.dumps writes it.
std::string python_text(const Json& value) {
  if (!value.is_structured()) return value.dump();
  std::string text(1, value.is_array() ? '[' : '{');
  for (const auto& [key, member] : value.items()) {
    if (text.size() > 1) text += ", ";
    if (value.is_object()) text += Json(key).dump() + ": ";
    text += python_text(member);
  }
  return text + (value.is_array() ? ']' : '}');
}

TEST(Constraint, BlanksAreBoundedUnlessTheSchemaSaysOtherwise) {
  Case test = Case::open();
  const Json schema = {
      {"type", "object"},
      {"properties",
       {{"a", {{"type", "array"}, {"items", {{"enum", {1, 2}}}}, {"minItems", 2}, {"maxItems", 4}}},
        {"b", {{"type", "boolean"}}}}},
      {"required", {"a", "b"}},
      {"additionalProperties", false}};
  const auto texts = texts_under(test, {.kind = Kind::json_schema, .text = schema.dump()});
  EXPECT_EQ(texts.size(), 12U);
  for (const std::string& text : texts) EXPECT_EQ(text, python_text(Json::parse(text)));
  Json free = schema;
  free["x-guidance"] = {{"whitespace_flexible", true}};
  const auto loose = texts_under(test, {.kind = Kind::json_schema, .text = free.dump()});
  EXPECT_FALSE(loose.empty());
  EXPECT_TRUE(std::ranges::any_of(
      loose, [](const std::string& text) { return text != python_text(Json::parse(text)); }));
  Constraint object{.kind = Kind::json_object};
  const auto first = test.answer(object, 1, 1, Speculation::By::nobody, 3);
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(first->text, testing::AnyOf(testing::StartsWith("{}"), testing::StartsWith("{\"")));
}

TEST(Constraint, RefusalsSayWhatAndWhere) {
  Case test = Case::open();
  const auto refusal = [&](const Constraint& constraint) {
    const auto status = test.compiler->check(constraint);
    EXPECT_FALSE(status.ok());
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
    EXPECT_FALSE(test.answer(constraint, 1).ok());
    return status.error().to_string();
  };
  using testing::HasSubstr;
  EXPECT_THAT(refusal({.kind = Kind::json_schema, .text = R"({"type":"strange"})"}),
              HasSubstr(R"(json_schema: there is no type "strange")"));
  EXPECT_THAT(refusal({.kind = Kind::json_schema, .text = "{"}), HasSubstr("line 1"));
  EXPECT_THAT(refusal({.kind = Kind::regex, .text = "(a"}), HasSubstr("unclosed group"));
  EXPECT_THAT(refusal({.kind = Kind::lark, .text = "start: other"}),
              HasSubstr(R"(unknown name: "other")"));
  EXPECT_THAT(refusal({.kind = Kind::choice}), HasSubstr("choice"));
  // What can be compiled, but not begun.
  for (const std::string& impossible :
       {std::string(R"({"$ref":"#"})"), R"({"type":"string","pattern":"^)" + [] {
          std::string letters;
          for (int i = 0; i < 2000; ++i) letters += "a?";
          return letters;
        }() + R"($"})"}) {
    const auto begun = test.compiler->check({.kind = Kind::json_schema, .text = impossible});
    ASSERT_FALSE(begun.ok());
    EXPECT_EQ(begun.error().code, ErrorCode::limit);
  }
  EXPECT_TRUE(test.compiler->check({.kind = Kind::json_schema, .text = "{}"}).ok());
  EXPECT_TRUE(test.compiler->check({}).ok());
}

TEST(Constraint, WhatWasCheckedIsKeptForItsAnswer) {
  Case test = Case::open();
  const auto number = [](int i) {
    return Constraint{.kind = Kind::regex, .text = "[0-9]{3}x{" + std::to_string(i) + "}"};
  };
  std::vector<std::shared_ptr<const CheckedConstraint>> held;
  for (int i = 0; i < 200; ++i) {
    const auto checked = test.compiler->check(number(i));
    ASSERT_TRUE(checked.ok());
    held.push_back(*checked);
  }
  ASSERT_NE(held[0], nullptr);
  EXPECT_EQ(held[199], nullptr) << "there is a most of what is held";
  const auto again = test.compiler->check(number(0));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, held[0]);
  for (const int i : {0, 199}) {
    RandomModel model(test.vocab_size, 1);
    Options options;
    options.constraint = number(i);
    options.compiler = test.compiler.get();
    options.checked = held[static_cast<size_t>(i)];
    options.max_tokens = 400;
    const auto result = generate(model, test.tokenizer, test.prompt, options);
    ASSERT_TRUE(result.ok());
    const auto plain = test.answer(options.constraint, 1, 0);
    EXPECT_EQ(result->tokens, plain->tokens);
    EXPECT_EQ(result->text.size(), static_cast<size_t>(3 + i));
  }
  held.clear();
  ASSERT_TRUE(test.compiler->check(number(500)).ok());
  EXPECT_NE(*test.compiler->check(number(501)), nullptr);
  // That of another constraint is none of this one.
  Options options;
  options.constraint = number(2);
  options.compiler = test.compiler.get();
  options.checked = *test.compiler->check(number(5));
  RandomModel model(test.vocab_size, 1);
  const auto result = generate(model, test.tokenizer, test.prompt, options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text.size(), 5U);
}

TEST(Constraint, ATokenizerWithoutBytesIsRefused) {
  auto tokenizer = text::Tokenizer::parse(
      test::read_source_file("tests/golden/tokenizer/wordpiece/tokenizer.json"));
  ASSERT_TRUE(tokenizer.ok());
  const auto compiler = ConstraintCompiler::make(*tokenizer, 100);
  ASSERT_FALSE(compiler.ok());
  EXPECT_EQ(compiler.error().code, ErrorCode::unsupported);
}

TEST(Constraint, OneCompilerServesManyThreads) {
  Case test = Case::open();
  std::vector<Result<Generation>> alone;
  for (uint64_t seed = 0; seed < 8; ++seed)
    alone.push_back(test.answer({.kind = Kind::json_schema, .text = kSchemas[seed]}, seed));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < 16; ++i) {
        const uint64_t seed = (i + thread) % 8;
        const auto result = test.answer({.kind = Kind::json_schema, .text = kSchemas[seed]}, seed);
        if (!result.ok() || result->tokens != alone[seed]->tokens) ++wrong;
      }
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace anemone::generate
