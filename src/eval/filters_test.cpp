#include "eval/filters.h"

#include <gtest/gtest.h>

namespace anemone::eval {
namespace {

Value pipeline(Value steps) {
  return Value::array({{{"name", "p"}, {"filter", std::move(steps)}}});
}

/// What a pipeline of one step and take_first leaves of one answer, or the error.
Value left(Value step, const std::string& answer, const Value& document = Value::object()) {
  const auto read =
      read_filters(pipeline(Value::array({std::move(step), {{"function", "take_first"}}})));
  if (!read.ok()) return "error: " + read.error().message;
  const auto result = (*read)[0].apply(Value::array({answer}), document);
  return result.ok() ? *result : Value("error: " + result.error().message);
}

Value through(const char* function, const Value& answers) {
  const auto read = read_filters(pipeline(Value::array({{{"function", function}}})));
  EXPECT_TRUE(read.ok());
  return *(*read)[0].apply(answers, Value::object());
}

TEST(Filters, RegexTakesTheSelectedMatch) {
  const Value number = {{"function", "regex"}, {"regex_pattern", "([0-9]+)"}};
  EXPECT_EQ(left(number, "a 12 b 34"), "12");
  EXPECT_EQ(left(number, "none"), "[invalid]");
  Value last = number;
  last["group_select"] = -1;
  EXPECT_EQ(left(last, "a 12 b 34"), "34");
  last["group_select"] = 2;
  EXPECT_EQ(left(last, "a 12 b 34"), "error: regex: group_select 2 of 2 matches");
  EXPECT_EQ(left({{"function", "regex"}, {"regex_pattern", " [a-c]+ "}}, "x abc y"), "abc");
}

TEST(Filters, RegexTakesTheFirstGroupThatHoldsSomething) {
  const Value either = {{"function", "regex"},
                        {"regex_pattern", "#(\\d*)|=(\\d+)"},
                        {"fallback", " no "},
                        {"group_select", -1}};
  EXPECT_EQ(left(either, "#1 =23"), "23");
  EXPECT_EQ(left(either, "=23 #"), "no");
  EXPECT_EQ(left(either, "nothing"), " no ");
}

TEST(Filters, RegexTellsWhatIsWrongWithItsOptions) {
  EXPECT_EQ(left({{"function", "regex"}, {"pattern", "x"}}, ""),
            "error: filter regex: unknown option 'pattern'");
  EXPECT_EQ(left({{"function", "regex"}, {"group_select", "1"}}, ""),
            "error: filter regex: group_select: '1', expected a number");
  EXPECT_FALSE(
      read_filters(pipeline(Value::array({{{"function", "regex"}, {"regex_pattern", "("}}}))).ok());
}

TEST(Filters, CaseAndWhiteSpace) {
  EXPECT_EQ(left({{"function", "lowercase"}}, "ÄBC\n"), "äbc\n");
  EXPECT_EQ(left({{"function", "uppercase"}}, "straße ﬁn ǰ"), "STRASSE FIN J\u030c");
  EXPECT_EQ(left({{"function", "remove_whitespace"}}, "\u00a0 a b\n"), "a b");
}

TEST(Filters, MapGivesTheEntryOrTheDefault) {
  const Value map = {{"function", "map"}, {"mapping_dict", {{"A", "yes"}}}, {"default_value", "?"}};
  EXPECT_EQ(left(map, "A"), "yes");
  EXPECT_EQ(left(map, "B"), "?");
  EXPECT_EQ(left({{"function", "map"}}, "B"), Value());
}

TEST(Filters, MajorityVoteTakesTheCommonestThenTheFirst) {
  EXPECT_EQ(through("majority_vote", {"a", "b", "b", "a", "b"}), Value::array({"b"}));
  EXPECT_EQ(through("majority_vote", {"a", "b", "b", "a"}), Value::array({"a"}));
}

TEST(Filters, TakeFirstKNeedsThatManyAnswers) {
  const auto read = read_filters(pipeline(
      Value::array({{{"function", "take_first_k"}, {"k", 2}}, {{"function", "take_first"}}})));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*(*read)[0].apply({"a", "b", "c"}, {}), "a");
  EXPECT_EQ((*read)[0].apply(Value::array({"a"}), {}).error().message,
            "take_first_k: 1 answers, expected at least 2");
  EXPECT_EQ(left({{"function", "take_first_k"}, {"k", 0}}, ""),
            "error: filter take_first_k: k: 0, expected a number from 1 on");
}

TEST(Filters, RegexPosGivesTheTags) {
  EXPECT_EQ(through("regex_pos", Value::array({"[('a', 'NOUN'), ('b', 'VERB')]", "none"})),
            Value::array({Value::array({"NOUN", "VERB"}), Value::array({"invalid"})}));
}

TEST(Filters, MultiChoiceRegexFallsBackToChoicesThenLetters) {
  Value filter = {{"function", "multi_choice_regex"}, {"regex_pattern", "(\\([A-C]\\))"}};
  const Value document = {{"choices", {"Guilty", "Guilty of Romance", "It's it."}}};
  EXPECT_EQ(left(filter, "so (B)", document), "(B)");
  EXPECT_EQ(left(filter, "the film Guilty of Romance", document), "(B)");
  EXPECT_EQ(left(filter, "answer: C", document), "(C)");
  EXPECT_EQ(left(filter, "its it", document), "[invalid]");
  filter["ignore_case"] = true;
  filter["ignore_punctuation"] = true;
  EXPECT_EQ(left(filter, "its it", document), "(C)");
  EXPECT_EQ(left(filter, "x", Value::object()),
            "error: multi_choice_regex: column 'choices' is None, expected a list");
}

TEST(Filters, RefusesWhatLeavesNoSingleText) {
  const auto fault = [](Value list) {
    const auto read = read_filters(list);
    return read.ok() ? std::string("ok") : read.error().message;
  };
  EXPECT_EQ(fault(pipeline(Value::array({{{"function", "custom"}}}))),
            "filter_list: function 'custom'");
  EXPECT_EQ(
      fault(pipeline(Value::array({{{"function", "take_first"}}, {{"function", "lowercase"}}}))),
      "filter_list: function 'lowercase' behind one that leaves no texts");
  EXPECT_EQ(fault(Value::array()), "filter_list: [], expected a list of pipelines");
  const Value one = pipeline(Value::array({{{"function", "take_first"}}}))[0];
  EXPECT_EQ(fault(Value::array({one, one})), "filter_list: two pipelines are named 'p'");
  EXPECT_FALSE((*read_filters(pipeline(Value::array({{{"function", "lowercase"}}}))))[0].scorable);
  EXPECT_TRUE((*read_filters(Value()))[0].identity);
}

}  // namespace
}  // namespace anemone::eval
