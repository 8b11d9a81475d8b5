#include "eval/catalogue.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "eval/groups.h"
#include "eval/python_format.h"
#include "support/scratch_folder.h"

namespace anemone::eval {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct CatalogueTest : ::testing::Test {
  test::ScratchFolder folder;
  std::vector<std::string> words;

  Result<Catalogue> build() {
    const std::vector<std::filesystem::path> include = {folder.path()};
    return Catalogue::build(
        include, [this](LogLevel, std::string_view message) { words.emplace_back(message); });
  }
  std::vector<std::string> select(const std::vector<std::string>& names) {
    const auto catalogue = build();
    if (!catalogue.ok()) return {"error: " + catalogue.error().to_string()};
    const auto selected = catalogue->select(names);
    if (!selected.ok()) return {"error: " + selected.error().to_string()};
    std::vector<std::string> out;
    for (const CatalogueEntry& entry : *selected) out.push_back(entry.name);
    return out;
  }
};

TEST_F(CatalogueTest, NamesPatternsAndTags) {
  folder.write("a.yaml", "task: zeta\ntag: mine\n");
  folder.write("b.yaml", "task: alpha\ntag: [mine, other]\n");
  EXPECT_THAT(select({"zeta", "alpha", "zeta"}), ElementsAre("zeta", "alpha"));
  EXPECT_THAT(select({"mine"}), ElementsAre("alpha", "zeta"));
  EXPECT_THAT(select({"arc_*", "other"}), ElementsAre("arc_challenge", "arc_easy", "alpha"));
  EXPECT_THAT(select({(folder.path() / "a.yaml").string()}), ElementsAre("zeta"));
  EXPECT_THAT(select({"arc_eazy"}), ElementsAre("error: there is no task 'arc_eazy' (did you mean "
                                                "'arc_easy'?)"));
}

TEST_F(CatalogueTest, BuiltInTasksAreThere) {
  EXPECT_THAT(select({"arc_easy", "boolq", "hellaswag", "wikitext", "typos", "prose"}),
              ElementsAre("arc_easy", "boolq", "hellaswag", "wikitext", "typos", "prose"));
}

TEST_F(CatalogueTest, IncludePathsWinAndSayWhatTheyReplace) {
  const std::string file = (folder.path() / "mine/arc.yaml").string();
  folder.write("mine/arc.yaml", "task: arc_easy\n");
  const auto catalogue = build();
  for (const std::vector<std::string>& names : {std::vector<std::string>{"arc_easy"}, {file}}) {
    const auto selected = catalogue->select(names);
    EXPECT_EQ(selected->at(0).source, file);
    EXPECT_EQ(selected->at(0).replaces, "built-in task arc_easy");
  }
  EXPECT_EQ(catalogue->select(std::vector<std::string>{"boolq"})->at(0).replaces, "");
}

TEST_F(CatalogueTest, TwoPlacesOfOneNameAreNotOne) {
  folder.write("mine/a.yaml", "task: mine\n");
  folder.write("other/b.yaml", "task: mine\n");
  folder.write("other/c.yaml", "task: arc_easy\n");
  folder.write("notes.txt", "words");
  folder.write("other/notes.txt", "words");
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const auto catalogue = Catalogue::build({}, [](LogLevel, std::string_view) {});
  const auto refused = [&](const std::vector<std::string>& names) {
    const auto selected = catalogue->select(names);
    return selected.ok() ? "taken" : selected.error().message;
  };
  EXPECT_EQ(refused({path("mine/a.yaml"), path("other/b.yaml")}),
            path("mine/a.yaml") + " and " + path("other/b.yaml") + " are both named 'mine'");
  EXPECT_EQ(refused({"arc_easy", path("other/c.yaml")}),
            "built-in task arc_easy and " + path("other/c.yaml") + " are both named 'arc_easy'");
  EXPECT_EQ(refused({path("notes.txt"), path("other/notes.txt")}),
            path("notes.txt") + " and " + path("other/notes.txt") + " are both named 'notes.txt'");
  EXPECT_EQ(refused({path("mine/a.yaml"), path("other/../mine/a.yaml")}), "taken");
}

TEST_F(CatalogueTest, AGroupAndAFileOfOneNameAreTwoEvenWithTheSameText) {
  folder.write("in/mine.yaml", "task: mine\n");
  folder.write("in/both.yaml", "group: both\ntask: [mine]\n");
  folder.write("out/mine.yaml", "task: mine\n");
  const std::filesystem::path include = folder.path() / "in";
  const std::string inside = (include / "mine.yaml").string();
  const std::string outside = (folder.path() / "out/mine.yaml").string();
  const auto catalogue =
      Catalogue::build(std::span(&include, 1), [](LogLevel, std::string_view) {});
  const auto expanded = [&](const std::vector<std::string>& names) -> std::string {
    const auto selected = catalogue->select(names);
    if (!selected.ok()) return selected.error().message;
    const auto tasks = expand_groups(*catalogue, *selected);
    return tasks.ok() ? "taken" : tasks.error().message;
  };
  EXPECT_EQ(expanded({"both", outside}), inside + " and " + outside + " are both named 'mine'");
  EXPECT_EQ(expanded({"both", inside}), "taken");
  std::filesystem::create_directory_symlink(include, folder.path() / "link");
  EXPECT_EQ(expanded({"both", (folder.path() / "link/mine.yaml").string()}), "taken");
}

TEST_F(CatalogueTest, TwoFilesOfAnIncludePathWithOneNameAreRefusedWhenItIsAskedFor) {
  folder.write("a.yaml", "task: mine\ntag: own\n");
  folder.write("b.yaml", "task: mine\n");
  folder.write("c.yaml", "task: yours\n");
  folder.write("d.yaml", "group: both\ntask: [yours, mine]\n");
  const auto catalogue = build();
  ASSERT_TRUE(catalogue.ok());
  const auto expanded = [&](const std::string& name) -> std::string {
    const auto selected = catalogue->select(std::vector{name});
    if (!selected.ok()) return selected.error().message;
    const auto tasks = expand_groups(*catalogue, *selected);
    return tasks.ok() ? "taken" : tasks.error().message;
  };
  const std::string refusal = (folder.path() / "a.yaml").string() + " and " +
                              (folder.path() / "b.yaml").string() + " are both named 'mine'";
  EXPECT_EQ(expanded("mine"), refusal);
  EXPECT_EQ(expanded("own"), refusal);
  EXPECT_EQ(expanded("both"), refusal);
  EXPECT_EQ(expanded("yours"), "taken");
  EXPECT_EQ(expanded((folder.path() / "b.yaml").string()), "taken");
  folder.write("z.yaml", "task: yours\ntag: late\n");
  const auto late = build()->select(std::vector<std::string>{"late"});
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(expand_groups(*build(), *late).error().message,
            (folder.path() / "c.yaml").string() + " and " + (folder.path() / "z.yaml").string() +
                " are both named 'yours'");
}

TEST_F(CatalogueTest, LaterFilesOfIncludeWinAndTheFileItselfLast) {
  folder.write("base/one.yaml", "x: 1\ny: 1\nz: 1\ntask_list: [q]\n");
  folder.write("two.yaml", "y: 2\nz: 2\n");
  folder.write("task.yaml", "include: [base/one.yaml, two.yaml]\ntask: t\nz: 3\n");
  const auto config = load_task_file(folder.path() / "task.yaml");
  ASSERT_TRUE(config.ok()) << config.error().to_string();
  EXPECT_EQ(python::dumps(*config), R"({"x": 1, "y": 2, "z": 3, "task": "t"})");
}

TEST_F(CatalogueTest, BrokenFilesAreLeftOutWithTheReason) {
  folder.write("a.yaml", "task: [\n");
  folder.write("b.yaml", "include: b.yaml\n");
  folder.write("c.yaml", "include: absent.yaml\n");
  folder.write("d.yaml", "just text");
  ASSERT_TRUE(build().ok());
  EXPECT_THAT(words, Contains(HasSubstr("a.yaml: line 2")));
  EXPECT_THAT(words, Contains(HasSubstr("b.yaml includes itself")));
  EXPECT_THAT(words, Contains(HasSubstr("absent.yaml")));
  EXPECT_THAT(words, Contains(HasSubstr("d.yaml: a task file must be a dict")));
}

TEST_F(CatalogueTest, FunctionsAreFoundByFolderStemOrTheirOwnModule) {
  folder.write("hellaswag/default.yaml", "task: a\nprocess_docs: !function utils.process_docs\n");
  folder.write("other/wikitext.yaml", "task: b\nprocess_results: !function x.process_results\n");
  folder.write("other/c.yaml", "task: c\nprocess_docs: !function utils.process_docs\n");
  const auto catalogue = build();
  const auto name = [&](const std::string& task, const char* key) {
    const std::vector<std::string> names = {task};
    return python::dumps(catalogue->select(names)->at(0).config[key]);
  };
  EXPECT_EQ(name("a", "process_docs"), R"({"!function": "hellaswag.process_docs"})");
  EXPECT_EQ(name("b", "process_results"), R"({"!function": "wikitext.process_results"})");
  EXPECT_EQ(name("c", "process_docs"), R"({"!function": "utils.process_docs"})");
}

TEST(Catalogue, AbsentIncludePathIsAnError) {
  const std::vector<std::filesystem::path> include = {"/absent/folder"};
  const auto catalogue = Catalogue::build(include, [](LogLevel, std::string_view) {});
  EXPECT_EQ(catalogue.error().code, ErrorCode::not_found);
}

TEST_F(CatalogueTest, TwoIncludesMayShareAFile) {
  folder.write("both.yaml", "task: both\ninclude: [a.inc, b.inc]\n");
  folder.write("a.inc", "include: common.inc\n");
  folder.write("b.inc", "include: common.inc\n");
  folder.write("common.inc", "doc_to_text: q\n");
  EXPECT_THAT(select({"both"}), ElementsAre("both"));
  folder.write("common.inc", "include: a.inc\n");
  EXPECT_THAT(load_task_file(folder.path() / "both.yaml").error().to_string(),
              HasSubstr("a.inc includes itself"));
  // Sixteen levels of two includes each are 65,536 files to read.
  for (int i = 0; i < 16; ++i) {
    const std::string next = std::to_string(i + 1) + ".inc";
    folder.write(std::to_string(i) + ".inc", "include: [" + next + ", " + next + "]\n");
  }
  folder.write("16.inc", "x: 1\n");
  EXPECT_EQ(load_task_file(folder.path() / "0.inc").error().code, ErrorCode::limit);
}

TEST_F(CatalogueTest, AFolderThatCannotBeReadIsNamed) {
  folder.write("shut/a.yaml", "task: shut\n");
  folder.write("open/b.yaml", "task: open\n");
  namespace fs = std::filesystem;
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder.path() / "shut", fs::perms::none);
  constexpr uid_t kNobody = 65534;
  const bool root = geteuid() == 0;  // whom no permission stops
  ASSERT_EQ(root ? seteuid(kNobody) : 0, 0);
  const auto selected = select({"open"});
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
  fs::permissions(folder.path() / "shut", fs::perms::owner_all);
  EXPECT_THAT(selected, ElementsAre("open"));
  EXPECT_THAT(words, Contains(HasSubstr("shut: Permission denied")));
}

}  // namespace
}  // namespace anemone::eval
