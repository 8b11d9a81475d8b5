#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "ane/rule_case.h"
#include "support/op_case.h"
#include "support/scratch_folder.h"

namespace anemone {
namespace {

using test::ExpectedFinding;

/// The line names the op, or the function, the package, where the finding belongs to none.
bool is_expected(const ane::Finding& finding, const ExpectedFinding& expected,
                 const ane::RuleInfo& rule) {
  const std::string package = finding.package.substr(0, finding.package.rfind('.'));
  const std::string& subject = !finding.operation.empty()  ? finding.operation
                               : !finding.function.empty() ? finding.function
                                                           : package;
  return !expected.found && finding.message.find(expected.part) != std::string::npos &&
         expected.line.find(subject) != std::string::npos && finding.chips == expected.chips &&
         to_string(finding.severity) ==
             (expected.severity.empty() ? to_string(rule.severity) : expected.severity);
}

std::string shown(const ane::Finding& finding) {
  std::string text = std::string(to_string(finding.severity)) + " " + std::string(finding.rule) +
                     " at " + finding.place() + ": " + finding.message;
  for (const std::string_view chip : finding.chips) text += " " + std::string(chip);
  return text;
}

std::filesystem::path file_of(std::string_view rule, const char* kind) {
  return std::filesystem::path(ANEMONE_SOURCE_DIR) / "tests/ane" /
         (std::string(rule) + "." + kind + ".mil");
}

/// Sound programs that another rule calls an error, because they need its fault to be near their
/// own.
struct Beside {
  std::string_view rule;
  std::string_view other;
};
constexpr Beside kBeside[] = {{"cache_update", "cache_at_constant_place"}};

bool is_beside(std::string_view rule, std::string_view other) {
  return std::ranges::any_of(
      kBeside, [&](const Beside& beside) { return beside.rule == rule && beside.other == other; });
}

class RuleCases : public testing::TestWithParam<std::string_view> {};

TEST_P(RuleCases, TripsAtTheLinesThatSaySoAndAtNoOther) {
  auto trips = test::run_rule_case(file_of(GetParam(), "trips"), std::string(GetParam()));
  ASSERT_TRUE(trips.ok()) << trips.error().to_string();
  EXPECT_FALSE(trips->expected.empty());
  ASSERT_FALSE(trips->findings.empty());
  const auto rules = ane::rules();
  const auto rule = std::ranges::find(rules, GetParam(), &ane::RuleInfo::id);
  EXPECT_EQ(std::ranges::max(trips->findings, {}, &ane::Finding::severity).severity,
            rule->severity);
  for (const ane::Finding& finding : trips->findings) {
    const auto match = std::ranges::find_if(trips->expected, [&](const ExpectedFinding& expected) {
      return is_expected(finding, expected, *rule);
    });
    if (match == trips->expected.end())
      ADD_FAILURE() << "not expected: " << shown(finding);
    else
      match->found = true;
  }
  for (const ExpectedFinding& expected : trips->expected)
    EXPECT_TRUE(expected.found) << "line " << expected.number << ": no finding: " << expected.part;
}

TEST_P(RuleCases, LeavesASoundProgramAlone) {
  const auto sound = test::run_rule_case(file_of(GetParam(), "sound"), std::string(GetParam()));
  ASSERT_TRUE(sound.ok()) << sound.error().to_string();
  EXPECT_TRUE(sound->expected.empty());
  for (const ane::Finding& finding : sound->findings) ADD_FAILURE() << shown(finding);
  for (const ane::Finding& finding : sound->errors)
    EXPECT_TRUE(is_beside(GetParam(), finding.rule)) << shown(finding);
}

std::vector<std::string_view> rule_ids() {
  std::vector<std::string_view> ids;
  for (const ane::RuleInfo& rule : ane::rules()) ids.push_back(rule.id);
  return ids;
}

INSTANTIATE_TEST_SUITE_P(Rules, RuleCases, testing::ValuesIn(rule_ids()),
                         [](const auto& rule) { return std::string(rule.param); });

TEST(Rules, EveryCaseBelongsToARule) {
  const auto ids = rule_ids();
  for (const std::filesystem::path& file : test::mil_files("ane")) {
    const std::string name = file.stem().stem().string();
    EXPECT_NE(std::ranges::find(ids, name), ids.end()) << file;
  }
}

TEST(Rules, OneResultOfLogitsContradictsASplitHead) {
  std::string text = test::read_text(file_of("meta_contradiction", "sound"));
  const auto replace = [&](const std::string& what, const std::string& with) {
    const size_t at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    text.replace(at, what.size(), with);
  };
  replace("(logits1, logits2)", "(logits1)");
  replace("vocab_size: 128", "vocab_size: 64");
  const test::ScratchFolder folder;
  folder.write("case.mil", text);
  const auto result = test::run_rule_case(folder.path() / "case.mil", "meta_contradiction");
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  ASSERT_EQ(result->findings.size(), 1U);
  EXPECT_NE(result->findings[0].message.find("split_lm_head is 2, but there are 1 parts"),
            std::string::npos)
      << result->findings[0].message;
}

TEST(Rules, AHeadThatNormalisesNeedsNoNormInTheLastChunk) {
  std::string text = test::read_text(file_of("final_norm_absent", "trips"));
  const std::string line =
      "            tensor<fp16, [1, 1, 64]> logits1 = linear(weight = w, x = hidden_states);\n";
  const size_t at = text.find(line);
  ASSERT_NE(at, std::string::npos);
  text.replace(
      at, line.size(),
      "            tensor<fp16, [1, 1, 64]> minus = mul(x = hidden_states, y = fp16(-0x1p+0));\n"
      "            tensor<fp16, [1, 1, 128]> both = concat(axis = int32(2), interleave = "
      "bool(false), values = (hidden_states, minus));\n"
      "            tensor<fp16, [1, 1, 128]> all = layer_norm(axes = tensor<int32, [1]>([2]), "
      "epsilon = fp16(0x1p-20), x = both);\n"
      "            tensor<fp16, [1, 1, 64]> normal = slice_by_index(begin = tensor<int32, "
      "[3]>([0, 0, 0]), end = tensor<int32, [3]>([1, 1, 64]), x = all);\n"
      "            tensor<fp16, [1, 1, 64]> logits1 = linear(weight = w, x = normal);\n");
  const test::ScratchFolder folder;
  folder.write("case.mil", text);
  const auto result = test::run_rule_case(folder.path() / "case.mil", "final_norm_absent");
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  EXPECT_TRUE(result->findings.empty()) << result->findings[0].message;
}

TEST(Rules, AStepWithoutANormIsFoundBesideABlockThatHasOne) {
  std::string text = test::read_text(file_of("final_norm_absent", "sound"));
  const size_t chunk = text.find("// package: qwen_FFN_PF_chunk_02of02");
  const size_t head = text.find("// package: qwen_lm_head");
  ASSERT_TRUE(chunk < head && head != std::string::npos);
  std::string block = text.substr(chunk, head - chunk);
  const size_t begin = block.find("    func infer");
  const size_t end = block.rfind('}');
  ASSERT_TRUE(begin < end && end != std::string::npos);
  std::string step = block.substr(begin, end - begin);
  step.replace(step.find("func infer"), 10, "func other");
  const size_t results = step.rfind("-> (output_hidden_states)");
  ASSERT_NE(results, std::string::npos);
  step.replace(results, 25, "-> (sum)");
  text.insert(chunk + end, step);
  const test::ScratchFolder folder;
  folder.write("case.mil", text);
  const auto result = test::run_rule_case(folder.path() / "case.mil", "final_norm_absent");
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  ASSERT_EQ(result->findings.size(), 1U);
  EXPECT_EQ(result->findings[0].function, "other");
}

TEST(Rules, AWindowThatNoCacheHasContradicts) {
  std::string text = test::read_text(file_of("meta_contradiction", "trips"));
  const std::string line = "//:     vocab_size: 1000\n";
  const size_t at = text.find(line);
  ASSERT_NE(at, std::string::npos);
  for (const auto& [window, contradicts] : {std::pair(32, false), std::pair(48, true)}) {
    std::string said = text;
    said.insert(at + line.size(), "//:     sliding_window: " + std::to_string(window) + "\n");
    const test::ScratchFolder folder;
    folder.write("case.mil", said);
    const auto result = test::run_rule_case(folder.path() / "case.mil", "meta_contradiction");
    ASSERT_TRUE(result.ok()) << result.error().to_string();
    const bool found = std::ranges::any_of(result->findings, [](const ane::Finding& finding) {
      return finding.message.find("sliding_window is 48, but the caches hold 32 and 64") !=
             std::string::npos;
    });
    EXPECT_EQ(found, contradicts) << window;
  }
}

TEST(Rules, S3_76_EachHasExplanationFixAndSource) {
  std::set<std::string_view> ids;
  for (const ane::RuleInfo& rule : ane::rules()) {
    SCOPED_TRACE(rule.id);
    EXPECT_TRUE(ids.insert(rule.id).second);
    for (const std::string_view text : {rule.explanation, rule.fix, rule.source})
      EXPECT_GT(text.size(), 10U);
    EXPECT_FALSE(rule.chips.empty());
    EXPECT_TRUE(rule.explanation.ends_with('.'));
    EXPECT_TRUE(rule.fix.ends_with('.'));
  }
}

}  // namespace
}  // namespace anemone
