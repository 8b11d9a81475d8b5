#include "eval/groups.h"

#include <gmock/gmock.h>

#include <cmath>

#include "eval/python_format.h"
#include "support/scratch_folder.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct GroupsTest : ::testing::Test {
  test::ScratchFolder folder;
  SelectedTasks selected;

  void SetUp() override {
    folder.write("a.yaml", "task: a\ntag: letters\nnum_fewshot: 1\n");
    folder.write("b.yaml", "task: b\ntag: letters\n");
  }

  /// Names of the tasks of `name`, or the error.
  std::vector<std::string> expand(const std::vector<std::string>& names) {
    const std::vector<std::filesystem::path> include = {folder.path()};
    const auto catalogue = Catalogue::build(include, [](LogLevel, std::string_view) {});
    EXPECT_TRUE(catalogue.ok());
    auto found = expand_groups(*catalogue, *catalogue->select(names));
    if (!found.ok()) return {"error: " + found.error().message};
    selected = *std::move(found);
    std::vector<std::string> tasks;
    for (const CatalogueEntry& task : selected.tasks) tasks.push_back(task.name);
    return tasks;
  }
};

TEST_F(GroupsTest, HoldTasksTagsGroupsAndTasksOfTheirOwn) {
  folder.write("g.yaml",
               "group: g\ngroup_alias: Letters\nnum_fewshot: 2\nmetadata: {version: 3}\n"
               "task: [letters, inner, {task: new, dataset_path: p}]\n");
  folder.write("inner.yaml", "group: inner\ntask: [{task: arc_easy, num_fewshot: 5}]\n");
  EXPECT_THAT(expand({"g"}), ElementsAre("a", "b", "arc_easy", "g::new"));
  EXPECT_EQ(selected.tasks[0].config["num_fewshot"], 2);
  EXPECT_EQ(selected.tasks[2].config["num_fewshot"], 5);
  EXPECT_EQ(selected.tasks[3].config["dataset_path"], "p");
  ASSERT_EQ(selected.groups.size(), 2u);
  EXPECT_EQ(selected.groups[0].alias, "Letters");
  EXPECT_EQ(selected.groups[0].version, "3");
  EXPECT_THAT(selected.groups[0].children, ElementsAre("a", "b", "inner", "g::new"));
  EXPECT_THAT(selected.groups[0].tasks, ElementsAre("a", "b", "arc_easy", "g::new"));
  EXPECT_EQ(selected.groups[1].version, "N/A");
}

TEST_F(GroupsTest, RefuseWhatCannotBeMeant) {
  folder.write("g.yaml", "group: g\ntask: [nowhere]\n");
  folder.write("h.yaml", "group: h\ntask: [h]\n");
  folder.write("i.yaml", "group: i\ntask: [a]\naggregate_metric_list: [{metric: x, weight: 1}]\n");
  folder.write("j.yaml", "group: j\ntask: [{task: a, num_fewshot: 3}]\n");
  folder.write("k.yaml",
               "group: k\ntask: [a]\naggregate_metric_list: [{metric: x, aggregation: median}]\n");
  EXPECT_THAT(expand({"g"}), ElementsAre("error: group 'g': there is no task 'nowhere'"));
  EXPECT_THAT(expand({"h"}), ElementsAre(HasSubstr("more than 32 groups in each other")));
  EXPECT_THAT(expand({"i"}), ElementsAre(HasSubstr("aggregate_metric_list: {'metric': 'x'")));
  EXPECT_THAT(expand({"a", "j"}),
              ElementsAre("error: task 'a' is named twice with different keys"));
  EXPECT_THAT(expand({"k"}), ElementsAre("error: aggregate_metric_list: aggregation 'median'"));
}

GroupedResults two_tasks() {
  GroupedResults parts;
  parts.results = {{"a", {{"sample_len", 3}, {"acc,none", 0.5}, {"acc_stderr,none", 0.1}}},
                   {"b", {{"sample_len", 1}, {"acc,none", 0.25}, {"acc_stderr,none", 0.2}}}};
  parts.shots = {{"a", 1}, {"b", 0}};
  parts.higher_is_better = {{"a", {{"acc", true}}}, {"b", {{"acc", true}}}};
  return parts;
}

TaskGroup group_of(bool weight_by_size) {
  TaskGroup group;
  group.name = "g";
  group.alias = "G";
  group.version = "1";
  group.children = {"a", "b"};
  group.tasks = group.children;
  group.metrics = {{"acc", std::nullopt, weight_by_size}};
  return group;
}

TEST(GroupScores, WeighBySizeWithThePooledError) {
  GroupedResults parts = two_tasks();
  add_groups(std::vector{group_of(true)}, parts);
  const Value& scores = parts.results["g"];
  EXPECT_EQ(scores["acc,none"], (0.5 * 3 + 0.25) / 4);
  EXPECT_DOUBLE_EQ(scores["acc_stderr,none"].get<double>(), std::sqrt(2 * 0.01 * 3 / 2 / 4));
  EXPECT_EQ(scores["sample_count"], (Value{{"acc,none", 4}}));
  EXPECT_EQ(parts.groups["g"], scores);
  EXPECT_FALSE(parts.shots.contains("g"));
  EXPECT_EQ(parts.higher_is_better["g"], (Value{{"acc", true}}));
}

TEST(GroupScores, CountTasksAlikeWithTheErrorOfIndependentMeans) {
  GroupedResults parts = two_tasks();
  add_groups(std::vector{group_of(false)}, parts);
  EXPECT_EQ(parts.results["g"]["acc,none"], 0.375);
  EXPECT_DOUBLE_EQ(parts.results["g"]["acc_stderr,none"].get<double>(), std::sqrt(0.01 + 0.04) / 2);
}

TEST(GroupScores, NoScoreStandsForTasksThatHaveNone) {
  GroupedResults unscored = two_tasks();
  unscored.results["b"]["acc,none"] = nullptr;
  add_groups(std::vector{group_of(true)}, unscored);
  EXPECT_TRUE(unscored.results["g"]["acc,none"].is_null());
  EXPECT_EQ(unscored.results["g"]["acc_stderr,none"], "N/A");

  GroupedResults interrupted = two_tasks();
  interrupted.results.erase("b");
  add_groups(std::vector{group_of(true)}, interrupted);
  EXPECT_EQ(interrupted.results["g"], (Value{{"alias", "G"}, {"name", "g"}}));
  EXPECT_TRUE(interrupted.groups.empty());

  GroupedResults single = two_tasks();
  single.results["b"]["acc_stderr,none"] = "N/A";
  add_groups(std::vector{group_of(true)}, single);
  EXPECT_EQ(single.results["g"]["acc,none"], (0.5 * 3 + 0.25) / 4);
  EXPECT_EQ(single.results["g"]["acc_stderr,none"], "N/A");
}

}  // namespace
}  // namespace anemone::eval
