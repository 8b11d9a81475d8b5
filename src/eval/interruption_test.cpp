#include <gmock/gmock.h>

#include "eval/evaluate_test.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;

TEST_F(EvaluateTest, InterruptionGivesNoReport) {
  progress = [](const Progress& step) { return step.done < 6; };
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::interrupted);
  EXPECT_EQ(report.error().to_string(), "colours: interrupted after 8 of 15 tokens");
}

TEST_F(EvaluateTest, InterruptionKeepsTheTasksBeforeIt) {
  options.tasks = {"pages", "colours", "prose"};
  options.limit = 2;
  progress = [](const Progress& step) {
    return step.stage != "evaluate" || step.item != "colours";
  };
  auto model = model_of(1);
  const auto report = run(model);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->interrupted, "colours");
  EXPECT_THAT(report->not_run, ElementsAre("prose"));
  ASSERT_EQ(report->tasks.size(), 1u);
  EXPECT_EQ(report->tasks[0].name, "pages");
  const Value results = Value::parse(report->results);
  EXPECT_FALSE(results["results"].contains("colours"));
  EXPECT_EQ(results["anemone"]["interrupted"], "colours");
  EXPECT_EQ(report->table.find("colours"), std::string::npos);
}

}  // namespace
}  // namespace anemone::eval
