#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "eval/evaluate_test.h"
#include "eval/results.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

using ::testing::MatchesRegex;

TEST_F(EvaluateTest, S0_43_FilesHaveTheHarnessNamesAndReadBack) {
  auto model = model_of(1);
  model.mutable_info().name = "my/model";
  auto report = run(model);
  ASSERT_TRUE(report.ok());
  const auto files = write_report(*report, folder.path() / "out");
  ASSERT_TRUE(files.ok()) << files.error().to_string();
  const std::string stamp = "[0-9]+-[0-9]+-[0-9]+T[0-9]+-[0-9]+-[0-9]+\\.[0-9]+";
  ASSERT_EQ(files->size(), 2u);
  EXPECT_THAT(files->at(0).string(), MatchesRegex(".*/out/my__model/results_" + stamp + "\\.json"));
  EXPECT_THAT(files->at(1).string(),
              MatchesRegex(".*/out/my__model/samples_colours_" + stamp + "\\.jsonl"));
  EXPECT_EQ(folder.read(files->at(0)), report->results);
  // What the harness' reader makes of the file is what was printed.
  const Value read = Value::parse(folder.read(files->at(0)));
  EXPECT_EQ(format_report(read, std::nullopt), report->table);
  const std::string lines = folder.read(files->at(1));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
  EXPECT_EQ(lines.substr(0, lines.find('\n')), report->tasks[0].samples[0]);

  const auto named = write_report(*report, folder.path() / "deep/name.json");
  EXPECT_THAT(named->at(0).string(), MatchesRegex(".*/deep/name_" + stamp + "\\.json"));
  EXPECT_THAT(named->at(1).string(), MatchesRegex(".*/deep/samples_colours_.*"));
}

TEST_F(EvaluateTest, NamesStayInsideTheOutputFolder) {
  Report report;
  report.model_name = "..";
  report.results = "{}";
  report.tasks.resize(2);
  report.tasks[0].name = "../../up";
  report.tasks[1].name = "..|..|up";
  for (TaskReport& task : report.tasks) task.samples = {"{}"};
  const auto files = write_report(report, folder.path() / "out");
  ASSERT_TRUE(files.ok()) << files.error().to_string();
  ASSERT_EQ(files->size(), 3u);
  for (const auto& file : *files) EXPECT_EQ(file.parent_path(), folder.path() / "out/__");
  EXPECT_NE(files->at(1), files->at(2));
}

TEST_F(EvaluateTest, AnOutputFolderIsTriedAndLeftAsItWas) {
  EXPECT_TRUE(check_output(folder.path() / "new/deep").ok());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "new"));
  EXPECT_TRUE(check_output(folder.path() / "name.json").ok());
  folder.write("file", "");
  EXPECT_EQ(check_output(folder.path() / "file/inside").error().code, ErrorCode::io);
  EXPECT_EQ(check_output(folder.path() / "file").error().code, ErrorCode::io);
  EXPECT_EQ(check_output("/proc/nothing").error().code, ErrorCode::io);
  const auto link = folder.path() / "unmounted";
  std::filesystem::create_symlink(folder.path() / "absent/disk", link);
  EXPECT_EQ(check_output(link / "results").error().code, ErrorCode::io);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

}  // namespace
}  // namespace anemone::eval
