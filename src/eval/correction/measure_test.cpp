// Every measure against values worked out by hand.

#include "eval/correction/measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "eval/correction/edits.h"
#include "eval/correction/words.h"
#include "eval/evaluate_test.h"
#include "eval/functions.h"

namespace anemone::eval {
namespace {

using correction::Pair;

Value measured(std::string_view name, const Pair& pair) {
  const auto measures = correction::measures();
  const auto found = std::ranges::find(measures, name, &correction::Measure::name);
  EXPECT_NE(found, measures.end()) << name;
  return found == measures.end() ? Value() : found->of(pair);
}

/// What a measure of target and answer alone gives.
double value(std::string_view name, std::string answer, std::string target) {
  return measured(name, {"source", std::move(target), std::move(answer)}).get<double>();
}

TEST(CorrectionMeasures, S2_14_ExactMatchIsStrictAndHasTwoLabelledLenientForms) {
  const std::string target = "The cat sat.";
  for (const auto& [answer, strict, lower, lenient] :
       {std::tuple{"The cat sat.", 1, 1, 1}, std::tuple{"the CAT sat.", 0, 1, 1},
        std::tuple{"the cat  sat", 0, 0, 1}, std::tuple{"The cat sat .", 0, 0, 1},
        std::tuple{"The cat sits.", 0, 0, 0}, std::tuple{"", 0, 0, 0}}) {
    EXPECT_EQ(value("exact_match", answer, target), strict) << answer;
    EXPECT_EQ(value("exact_match_lower", answer, target), lower) << answer;
    EXPECT_EQ(value("exact_match_lenient", answer, target), lenient) << answer;
  }
}

TEST(CorrectionMeasures, S2_14_BleuLikeCountsSetsOfWordsAndNeighbours) {
  EXPECT_DOUBLE_EQ(value("bleu_like", "The cat sat down", "the cat sat down"), 1);
  // All words and pairs right, three words of four.
  EXPECT_DOUBLE_EQ(value("bleu_like", "the cat sat", "the cat sat down"), 0.75);
  // {the, cat} of {the, cat}; (the, cat) of {(the, the), (the, cat)}: repeated words count once.
  EXPECT_DOUBLE_EQ(value("bleu_like", "the the cat", "the cat"), std::sqrt(0.5));
  // {a, b, c} of {a, b, c, x}: 2/3 and no pair in common, so the words alone count.
  EXPECT_DOUBLE_EQ(value("bleu_like", "b a x", "a b c"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value("bleu_like", "cat", "the cat"), 0.5);
  EXPECT_DOUBLE_EQ(value("bleu_like", "", "the cat"), 0);
}

TEST(CorrectionMeasures, S2_14_RougeLIsTheBalancedShareOfTheLongestCommonSequence) {
  EXPECT_DOUBLE_EQ(value("rouge_l", "a B c", "A b c"), 1);
  EXPECT_DOUBLE_EQ(value("rouge_l", "a x b c", "a b c d"), 0.75);
  // Two of two words, two of four: 2 * 1 * 0.5 / 1.5.
  EXPECT_DOUBLE_EQ(value("rouge_l", "a d", "a b c d"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value("rouge_l", "d a", "a b c d"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value("rouge_l", "x", "a"), 0);
  EXPECT_DOUBLE_EQ(value("rouge_l", "", "a"), 0);
}

TEST(CorrectionMeasures, S2_14_EditSimilarityIsByCharactersOfTheLongerText) {
  EXPECT_DOUBLE_EQ(value("edit_similarity", "Kitten", "sitting"), 1 - 3.0 / 7);
  EXPECT_DOUBLE_EQ(value("edit_similarity", "\u00e4b", "\u00c4c"), 0.5) << "code points";
  EXPECT_DOUBLE_EQ(value("edit_similarity", "", "a"), 0);
}

TEST(CorrectionMeasures, ErrorRatesAreOfWordsAndOfCharactersBesideThoseOfTheUnchangedText) {
  const Pair pair{"teh cat sta", "the cat sat", "the cat sta"};
  EXPECT_EQ(measured("wer", pair), (Value{1, 3}));
  EXPECT_EQ(measured("wer_unchanged", pair), (Value{2, 3}));
  EXPECT_EQ(measured("cer", pair), (Value{2, 11}));
  EXPECT_EQ(measured("cer_unchanged", pair), (Value{4, 11}));
  EXPECT_EQ(measured("cer", {"", "\u00e4b", "ab"}), (Value{1, 2}));
}

TEST(CorrectionMeasures, EditsAreRunsOfChangedWords) {
  using correction::Edit;
  const auto edits = [](const char* from, const char* to) {
    return correction::edits(correction::words(from), correction::words(to));
  };
  EXPECT_EQ(edits("a b c", "a b c"), std::set<Edit>());
  EXPECT_EQ(edits("a b c", "a x c"), (std::set<Edit>{{1, 2, {"x"}}}));
  EXPECT_EQ(edits("Thi sis a test", "This is a test"), (std::set<Edit>{{0, 2, {"This", "is"}}}));
  EXPECT_EQ(edits("a c", "a b c d"), (std::set<Edit>{{1, 1, {"b"}}, {2, 2, {"d"}}}));
  EXPECT_EQ(edits("some thing else", "something else"), (std::set<Edit>{{0, 2, {"something"}}}));
}

TEST(CorrectionMeasures, EditsOfTheAnswerAreRightWrongOrMissing) {
  EXPECT_EQ(measured("f0_5", {"a b c d", "a x c d", "a x c e"}), (Value{1, 1, 0}));
  EXPECT_EQ(measured("f0_5", {"a b c d", "a x c y", "a b c d"}), (Value{0, 0, 2}));
  EXPECT_EQ(measured("f0_5", {"a b", "x b", "y b"}), (Value{0, 1, 1}));
  const Function* aggregate = find_function("correction.f_half");
  ASSERT_NE(aggregate, nullptr);
  const auto of = [&](std::vector<Value> items) { return aggregate->aggregate(items); };
  // Precision 1/2, recall 1: 1.25 * 0.5 / (0.125 + 1).
  EXPECT_DOUBLE_EQ(*of({Value{1, 1, 0}}), 0.625 / 1.125);
  // Sums before the quotient: precision 2/3, recall 2/4.
  EXPECT_DOUBLE_EQ(*of({Value{2, 0, 1}, Value{0, 1, 1}}),
                   1.25 * (2.0 / 3) * 0.5 / (0.25 * (2.0 / 3) + 0.5));
  EXPECT_DOUBLE_EQ(*of({Value{0, 0, 2}}), 0);
  EXPECT_DOUBLE_EQ(*of({Value{0, 0, 0}}), 1) << "nothing to do, and nothing done";
  EXPECT_EQ(of({}), std::nullopt);
}

TEST(CorrectionMeasures, FalseChangesAreThoseOfCleanTexts) {
  EXPECT_EQ(measured("false_change_rate", {"a b", "a b", "a b"}), 0.0);
  EXPECT_EQ(measured("false_change_rate", {"a b", "a b", "a c"}), 1.0);
  EXPECT_TRUE(measured("false_change_rate", {"a b", "a c", "a c"}).is_null());
}

TEST(CorrectionMeasures, S2_14_AnAnswerIsReadAsTheValidationReadsIt) {
  const Function* validation = find_function("correction.validation_results");
  ASSERT_NE(validation, nullptr);
  const Value document{{"corrupted", "teh cat"}, {"clean", "the cat"}};
  for (const auto& [text, answer] : {std::pair{" the cat", "the cat"},
                                     {" \"the cat\"", "the cat"},
                                     {" the cat\n\nText: more", "the cat"},
                                     {" teh cat\nCorrected text: 'the cat' ", "the cat"},
                                     {"", ""}}) {
    const Response response{.text = text};
    const auto scores = validation->results(document, std::span(&response, 1));
    ASSERT_TRUE(scores.ok()) << scores.error().to_string();
    EXPECT_EQ((*scores)["answer"], answer);
  }
}

class PublishedTypos : public EvaluateTest {};

TEST_F(PublishedTypos, S2_16_TheTenCasesAreANamedSetWithIdsAndCategories) {
  options.tasks = {"published_typos", "typo_validation"};
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  std::map<std::string, int> categories;
  std::set<std::string> ids;
  for (const TaskReport& task : report->tasks) {
    EXPECT_EQ(task.documents, 10);
    EXPECT_TRUE(task.failed.empty());
    categories.clear();
    for (const std::string& line : task.samples) {
      const Value document = Value::parse(line)["doc"];
      ++categories[document["category"]];
      ids.insert(document["id"]);
      EXPECT_EQ(document["errors"] == Value{"none"}, document["corrupted"] == document["clean"]);
    }
    for (const Score& score : task.scores) {
      // Counted by hand: 3 2 3 3 3 2 2 0 2 2 wrong words of 76.
      if (score.metric == "wer_unchanged") {
        EXPECT_DOUBLE_EQ(*score.value, 22.0 / 76) << "do nothing";
      }
    }
    EXPECT_EQ(task.scores.size(), correction::measures().size());
  }
  EXPECT_EQ(ids.size(), 10u);
  EXPECT_EQ(categories, (std::map<std::string, int>{
                            {"clean", 1}, {"homophone", 1}, {"misspelling", 6}, {"real_word", 2}}));
}

}  // namespace
}  // namespace anemone::eval
