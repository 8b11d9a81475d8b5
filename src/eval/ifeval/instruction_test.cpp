#include "eval/ifeval/instruction.h"

#include <gmock/gmock.h>

#include "eval/ifeval/words.h"

namespace anemone::eval::ifeval {
namespace {

using ::testing::ElementsAre;

/// "yes", "no", "unknown", or the error.
std::string check(const char* id, const std::string& answer, const Value& arguments = {}) {
  const Instruction* instruction = find_instruction(id);
  if (instruction == nullptr) return "none";
  const auto found = instruction->check(answer, Arguments(arguments));
  if (!found.ok()) return found.error().message;
  return *found == Verdict::yes ? "yes" : *found == Verdict::no ? "no" : "unknown";
}

TEST(IfEval, Keywords) {
  EXPECT_EQ(check("keywords:existence", "A Dog and a cat", {{"keywords", {"cat", "dog"}}}), "yes");
  EXPECT_EQ(check("keywords:existence", "A dog", {{"keywords", {"cat", "dog"}}}), "no");
  const Value often = {{"keyword", " cat "}, {"frequency", 2}, {"relation", "at least"}};
  EXPECT_EQ(check("keywords:frequency", "Cat, concatenate", often), "yes");
  EXPECT_EQ(check("keywords:frequency", "Cat", often), "no");
  EXPECT_EQ(check("keywords:forbidden_words", "concatenate", {{"forbidden_words", {"cat"}}}),
            "yes");
  EXPECT_EQ(check("keywords:forbidden_words", "a CAT!", {{"forbidden_words", {"cat"}}}), "no");
  const Value letters = {{"letter", "O"}, {"let_frequency", 2}, {"let_relation", "less than"}};
  EXPECT_EQ(check("keywords:letter_frequency", "Oh", letters), "yes");
  EXPECT_EQ(check("keywords:letter_frequency", "Oho", letters), "no");
}

TEST(IfEval, WhatTheHarnessDrawsAtRandomIsNoArgument) {
  EXPECT_EQ(check("keywords:letter_frequency", "x",
                  {{"letter", "#"}, {"let_frequency", 2}, {"let_relation", "less than"}}),
            "argument 'letter' is '#', for which the harness draws a letter at random");
  EXPECT_EQ(check("detectable_format:number_bullet_lists", "* a", {{"num_bullets", 0}}),
            "argument 'num_bullets' is not given, the harness draws it at random");
  EXPECT_EQ(
      check("length_constraints:number_words", "a", {{"num_words", 3}, {"relation", "exactly"}}),
      "argument 'relation' is 'exactly', expected 'less than' or 'at least'");
}

TEST(IfEval, SentencesAreCountedAsFarAsNoTrainingMatters) {
  const auto sentences = [](const std::string& answer, int bound) {
    return check("length_constraints:number_sentences", answer,
                 {{"num_sentences", bound}, {"relation", "at least"}});
  };
  EXPECT_EQ(sentences("One. Two.", 1), "yes");
  EXPECT_EQ(sentences("One. Two.", 2), "unknown");  // "One." could be an abbreviation.
  EXPECT_EQ(sentences("One. Two.", 3), "no");
  EXPECT_EQ(sentences("One? Two! Three.", 3), "yes");
  EXPECT_EQ(sentences("One?) Two", 2), "unknown");
  EXPECT_EQ(sentences("One.Two", 2), "no");
}

TEST(IfEval, WordsAndParagraphs) {
  EXPECT_EQ(check("length_constraints:number_words", "it's été 1",
                  {{"num_words", 4}, {"relation", "at least"}}),
            "yes");
  const Value two = {{"num_paragraphs", 2}};
  EXPECT_EQ(check("length_constraints:number_paragraphs", "a\n***\nb\n***", two), "yes");
  EXPECT_EQ(check("length_constraints:number_paragraphs", "a ****** b", two), "no");
  const Value second = {{"num_paragraphs", 2}, {"nth_paragraph", 2}, {"first_word", "Weekend"}};
  const char* nth = "length_constraints:nth_paragraph_first_word";
  EXPECT_EQ(check(nth, "a\n\n'\"weekend's here", second), "yes");
  EXPECT_EQ(check(nth, "a\n\nb\n\nweekend", second), "no");
  EXPECT_EQ(check(nth, "a", second), "no");
}

TEST(IfEval, ContentAndFormat) {
  EXPECT_EQ(check("detectable_content:number_placeholders", "[a] [b]", {{"num_placeholders", 2}}),
            "yes");
  EXPECT_EQ(
      check("detectable_content:postscript", "x\nP. P. S: y", {{"postscript_marker", "P.P.S"}}),
      "yes");
  EXPECT_EQ(check("detectable_content:postscript", "PS", {{"postscript_marker", "P.S."}}), "no");
  EXPECT_EQ(check("punctuation:no_comma", "a, b"), "no");
  EXPECT_EQ(check("detectable_format:number_bullet_lists", "* a\n - b\n** c", {{"num_bullets", 2}}),
            "yes");
  EXPECT_EQ(check("detectable_format:constrained_response", "Well. My answer is no."), "yes");
  EXPECT_EQ(check("detectable_format:constrained_response", "My answer is No."), "no");
  EXPECT_EQ(check("detectable_format:number_highlighted_sections", "*a* ** ** **b**",
                  {{"num_highlights", 2}}),
            "yes");
  const Value sections = {{"section_spliter", "Section"}, {"num_sections", 2}};
  EXPECT_EQ(check("detectable_format:multiple_sections", "Section 1 a Section2 b", sections),
            "yes");
  EXPECT_EQ(check("detectable_format:multiple_sections", "Section a Section 2", sections), "no");
  EXPECT_EQ(check("detectable_format:title", "<<a>>"), "yes");
  EXPECT_EQ(check("detectable_format:title", "<< >>"), "no");
  EXPECT_EQ(check("detectable_format:json_format", "```JSON\n{\"a\": NaN}\n```"), "yes");
  EXPECT_EQ(check("detectable_format:json_format", "{'a': 1}"), "no");
  EXPECT_EQ(check("detectable_format:json_format", "\"\\ud800\""), "unknown");
}

TEST(IfEval, CombinationStartAndEnd) {
  const char* two = "combination:two_responses";
  EXPECT_EQ(check(two, "a******b"), "yes");
  EXPECT_EQ(check(two, "******a******b"), "yes");
  EXPECT_EQ(check(two, "a****** a"), "no");
  EXPECT_EQ(check(two, "a************b"), "no");
  EXPECT_EQ(check("combination:repeat_prompt", " SAY it. Yes", {{"prompt_to_repeat", "Say it."}}),
            "yes");
  EXPECT_EQ(check("startend:end_checker", "so \"The END\" ", {{"end_phrase", " the end "}}), "yes");
  EXPECT_EQ(check("startend:quotation", " \"a\" "), "yes");
  EXPECT_EQ(check("startend:quotation", "\""), "no");
}

TEST(IfEval, CaseIsCertainWhereLanguageDoesNotMatter) {
  EXPECT_EQ(check("change_case:english_capital", "ABC d"), "no");
  EXPECT_EQ(check("change_case:english_capital", "ABC"), "unknown");
  EXPECT_EQ(check("change_case:english_lowercase", "abc D"), "no");
  EXPECT_EQ(check("change_case:english_lowercase", "123"), "no");
  EXPECT_EQ(check("language:response_language", "abc", {{"language", "en"}}), "unknown");
  const Value three = {{"capital_relation", "at least"}, {"capital_frequency", 3}};
  const char* id = "change_case:capital_word_frequency";
  EXPECT_EQ(check(id, "NASA and the U.S. (I think)", three), "yes");
  EXPECT_EQ(check(id, "I AM Ann", three), "no");
  EXPECT_EQ(check(id, "\"I AM.\" SO", three), "unknown");
}

TEST(IfEval, SplitsWordsAsNltkDoes) {
  EXPECT_THAT(*split_words("They'll say \"I CAN'T, cannot.\" (OK)"),
              ElementsAre("They", "'ll", "say", "``", "I", "CA", "N'T", ",", "can", "not", ".",
                          "''", "(", "OK", ")"));
  EXPECT_THAT(*split_words("a--b... $3.50: 1,000 'tis."),
              ElementsAre("a", "--", "b", "...", "$", "3.50", ":", "1,000", "'", "tis", "."));
}

TEST(IfEval, KnowsAllTwentyFive) {
  int known = 0;
  for (const char* id : {"keywords:existence",
                         "keywords:frequency",
                         "keywords:forbidden_words",
                         "keywords:letter_frequency",
                         "language:response_language",
                         "length_constraints:number_sentences",
                         "length_constraints:number_paragraphs",
                         "length_constraints:number_words",
                         "length_constraints:nth_paragraph_first_word",
                         "detectable_content:number_placeholders",
                         "detectable_content:postscript",
                         "detectable_format:number_bullet_lists",
                         "detectable_format:constrained_response",
                         "detectable_format:number_highlighted_sections",
                         "detectable_format:multiple_sections",
                         "detectable_format:json_format",
                         "detectable_format:title",
                         "combination:two_responses",
                         "combination:repeat_prompt",
                         "startend:end_checker",
                         "change_case:capital_word_frequency",
                         "change_case:english_capital",
                         "change_case:english_lowercase",
                         "punctuation:no_comma",
                         "startend:quotation"})
    if (find_instruction(id) != nullptr) ++known;
  EXPECT_EQ(known, 25);
  EXPECT_EQ(find_instruction("keywords:key_sentences"), nullptr);
}

}  // namespace
}  // namespace anemone::eval::ifeval
