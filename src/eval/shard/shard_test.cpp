#include <gmock/gmock.h>

#include <set>

#include "base/sha256.h"
#include "eval/python_format.h"
#include "eval/shard/shard_file.h"
#include "support/scratch_folder.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const LogSink kSilent = [](LogLevel, std::string_view) {};

TEST(ShardTest, EachDocumentBelongsToOneShard) {
  for (const int64_t count : {1, 2, 3, 7}) {
    std::vector<int> sizes(static_cast<size_t>(count));
    for (int64_t document = 0; document < 100; ++document) {
      int owners = 0;
      for (int64_t index = 1; index <= count; ++index) {
        if (!belongs_to({index, count}, "arc_easy", document)) continue;
        ++owners;
        ++sizes[static_cast<size_t>(index - 1)];
      }
      ASSERT_EQ(owners, 1) << document << " of " << count;
    }
    const auto [least, most] = std::ranges::minmax(sizes);
    EXPECT_LE(most - least, 1) << count;
  }
}

// Shards that ran with another release fit together as long as these stay.
TEST(ShardTest, TheDivisionStaysAsItIs) {
  const auto owner = [](const char* task, int64_t document) {
    int64_t index = 1;
    while (!belongs_to({index, 4}, task, document)) ++index;
    return index;
  };
  EXPECT_THAT((std::vector{owner("boolq", 0), owner("boolq", 1), owner("rte", 0), owner("copa", 0),
                           owner("piqa", 0)}),
              ElementsAre(1, 2, 3, 1, 1));
}

TEST(ShardTest, ShardsAreCountedFromOne) {
  EXPECT_TRUE(check_shard({1, 1}).ok());
  EXPECT_TRUE(check_shard({4, 4}).ok());
  for (const Shard& wrong : {Shard{0, 4}, Shard{5, 4}, Shard{-1, 4}, Shard{1, 0}, Shard{1, 100000}})
    EXPECT_FALSE(check_shard(wrong).ok()) << wrong.index << "/" << wrong.count;
}

/// A run of ten documents of one task, without a model.
class MergeTest : public testing::Test {
 protected:
  static constexpr int64_t kDocuments = 10;

  static Value results_of(const Shard& shard, double date) {
    const Value work = {{"tokens_run", 10},
                        {"tokens_each_request_alone", 20},
                        {"tokens_hf_with_logits_cache", 15},
                        {"truncated_requests", 0},
                        {"peak_memory_bytes", 1000 * shard.index},
                        {"seconds", 0.5},
                        {"tokens_per_second", 20.0}};
    Value task = {{"file", "built-in"}, {"data", "rows"}};
    task.update(work);
    return {{"results", Value::object()},
            {"group_subtasks", Value::object()},
            {"configs", {{"colours", {{"task", "colours"}, {"metadata", Value::object()}}}}},
            {"versions", {{"colours", 1}}},
            {"n-shot", {{"colours", 0}}},
            {"higher_is_better", nullptr},
            {"n-samples", nullptr},
            {"config",
             {{"model", "anemone"},
              {"model_args", {{"path", shard.index == 1 ? "here" : "there"}}},
              {"gen_kwargs", Value::object()},
              {"limit", nullptr},
              {"batch_size", "1"},
              {"bootstrap_iters", 100}}},
            {"date", date},
            {"task_hashes", {{"colours", "x"}}},
            {"model_name", "scripted"},
            {"total_evaluation_time_seconds", "1.0"},
            {"failed", nullptr},
            {"anemone",
             {{"model_hash", "abc"},
              {"tokenizer_sha256", "cba"},
              {"model", {{"path", "here"}}},
              {"work", work},
              {"tasks", {{"colours", task}}},
              {"shard", {{"index", shard.index}, {"count", shard.count}}}}}};
  }

  static ShardFile shard_of(const Shard& shard) {
    ShardFile file{shard, results_of(shard, 100.0 + static_cast<double>(shard.index)), 0, {}, {}};
    ShardTask task;
    task.facts.name = task.facts.alias = "colours";
    task.facts.original = kDocuments;
    task.facts.filters = {"none"};
    task.facts.metrics = {{"acc", *find_aggregation("mean"), true},
                          {"ppl", *find_aggregation("perplexity"), false}};
    task.facts.standing = {"acc"};
    task.selected = {kDocuments, sha256("questions")};
    for (int64_t id = 0; id < kDocuments; ++id) {
      if (!belongs_to(shard, "colours", id)) continue;
      DocumentOutcome document{id, id == 4 ? "it failed" : "", sha256(std::to_string(id)), {{}}};
      document.filters[0].sample = python::dumps(Value{{"doc_id", id}});
      if (id != 4)
        document.filters[0].scores = {{"acc", id % 3 == 0 ? 1.0 : 0.0},
                                      {"ppl", -0.1 * static_cast<double>(id)}};
      task.documents.push_back(std::move(document));
    }
    file.tasks.push_back(std::move(task));
    return file;
  }

  fs::path write(const ShardFile& file, const std::string& folder = "") const {
    std::string text;
    for (const std::string& line : shard_lines(file)) text += line + "\n";
    const fs::path name = fs::path(folder) / ("shard_" + std::to_string(file.shard.index) + "_of_" +
                                              std::to_string(file.shard.count) + ".jsonl");
    folder_.write(name, text);
    return folder_.path() / name;
  }

  static Report merged(const std::vector<fs::path>& paths) {
    auto report = merge_shards(paths, kSilent);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return report.ok() ? std::move(report).value() : Report{};
  }
  static std::string refused(const std::vector<fs::path>& paths) {
    const auto report = merge_shards(paths, kSilent);
    EXPECT_FALSE(report.ok());
    return report.ok() ? "" : report.error().to_string();
  }

  test::ScratchFolder folder_;
};

TEST_F(MergeTest, AnyDivisionGivesTheSameReport) {
  const Report whole = merged({write(shard_of({1, 1}))});
  ASSERT_EQ(whole.tasks.size(), 1U);
  EXPECT_EQ(whole.tasks[0].evaluated, 9);
  ASSERT_EQ(whole.tasks[0].failed.size(), 1U);
  EXPECT_EQ(whole.tasks[0].failed[0].document, 4);
  EXPECT_DOUBLE_EQ(whole.tasks[0].scores.at(0).value.value(), 4.0 / 9);
  EXPECT_TRUE(whole.tasks[0].scores.at(1).standard_error.has_value()) << "bootstrapped";
  EXPECT_EQ(whole.tasks[0].samples.size(), 10U);
  const auto settled = [](const Report& report) {
    Value results = Value::parse(report.results);
    EXPECT_FALSE(results["anemone"].contains("shard"));
    for (const char* key : {"work", "tasks"}) results["anemone"].erase(key);
    for (const char* key : {"date", "total_evaluation_time_seconds"}) results.erase(key);
    return python::dumps(results);
  };
  for (const int64_t count : {2, 3, 12}) {
    std::vector<fs::path> paths;
    for (int64_t index = count; index >= 1; --index)
      paths.push_back(write(shard_of({index, count})));
    const Report report = merged(paths);
    EXPECT_EQ(settled(report), settled(whole)) << count;
    EXPECT_EQ(report.tasks[0].samples, whole.tasks[0].samples) << count;
    EXPECT_EQ(report.work.tokens_run, 10U * static_cast<uint64_t>(count)) << "the sum";
    EXPECT_EQ(report.work.peak_memory_bytes, 1000U * static_cast<uint64_t>(count)) << "the most";
    EXPECT_EQ(Value::parse(report.results)["date"], 101.0) << "when the first began";
  }
}

TEST_F(MergeTest, TakesFolders) {
  write(shard_of({1, 2}), "one/model");
  write(shard_of({2, 2}), "two/model");
  EXPECT_EQ(merged({folder_.path() / "one", folder_.path() / "two"}).tasks[0].evaluated, 9);
  EXPECT_THAT(refused({folder_.path() / "one"}), HasSubstr("of 2 shards these are missing: 2"));
  fs::create_directory(folder_.path() / "none");
  EXPECT_THAT(refused({folder_.path() / "none"}), HasSubstr("no shard_<i>_of_<n>.jsonl in it"));
  EXPECT_THAT(refused({folder_.path() / "nowhere"}), HasSubstr("nowhere"));
}

TEST_F(MergeTest, ShardsMustFitTogether) {
  const fs::path one = write(shard_of({1, 2}));
  const fs::path two = write(shard_of({2, 2}), "b");
  EXPECT_THAT(refused({one, one, two}), HasSubstr("are both shard 1 of 2"));
  EXPECT_THAT(refused({one, write(shard_of({3, 3}))}), HasSubstr("is one of 3 shards"));

  ShardFile other = shard_of({2, 2});
  other.results["config"]["limit"] = 5.0;
  EXPECT_THAT(refused({one, write(other, "c")}),
              HasSubstr("is of another run: config.limit is 5.0, in"));
  other = shard_of({2, 2});
  other.results["anemone"]["model_hash"] = "def";
  EXPECT_THAT(refused({one, write(other, "c")}), HasSubstr("anemone.model_hash is \"def\""));
  other = shard_of({2, 2});
  other.results["anemone"]["tokenizer_sha256"] = "fed";
  EXPECT_THAT(refused({one, write(other, "c")}), HasSubstr("anemone.tokenizer_sha256 is \"fed\""));
  other = shard_of({2, 2});
  other.tasks[0].selected.sha256 = sha256("other questions");
  EXPECT_THAT(refused({one, write(other, "c")}), HasSubstr("tasks.colours.questions"));
  other = shard_of({2, 2});
  other.results["task_hashes"] = Value::object();
  const fs::path bare = write(other, "c");
  EXPECT_THAT(refused({one, bare}), AllOf(HasSubstr(bare.string() +
                                                    " is of another run: "
                                                    "--log-samples is false, in " +
                                                    one.string()),
                                          HasSubstr("it is true")));
  EXPECT_THAT(refused({bare, one}),
              AllOf(HasSubstr(one.string()), HasSubstr(bare.string()), HasSubstr("--log-samples")));
  other = shard_of({2, 2});
  other.tasks[0].documents.pop_back();
  EXPECT_THAT(refused({one, write(other, "c")}), HasSubstr("hold 9 documents, the run has 10"));
}

TEST_F(MergeTest, AShardThatIsCutOffOrChangedIsRefused) {
  const fs::path path = write(shard_of({1, 1}));
  const std::string text = folder_.read("shard_1_of_1.jsonl");
  for (size_t size = 0; size < text.size(); size += 7) {
    folder_.write("shard_1_of_1.jsonl", text.substr(0, size));
    ASSERT_THAT(refused({path}), HasSubstr("shard_1_of_1.jsonl")) << size;
  }
  std::string changed = text;
  changed[changed.find("it failed")] = 'I';
  folder_.write("shard_1_of_1.jsonl", changed);
  EXPECT_THAT(refused({path}), HasSubstr("its SHA-256 is another"));
}

// A file whose digest is right says what it likes.
TEST_F(MergeTest, HostileShardsAreRefused) {
  const auto signed_again = [&](const std::string& from, const std::string& to) {
    std::string text;
    for (const std::string& line : shard_lines(shard_of({1, 1}))) text += line + "\n";
    text.resize(text.rfind('\n', text.size() - 2) + 1);
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    folder_.write("shard_1_of_1.jsonl", text + "{\"sha256\": \"" + sha256(text) + "\"}\n");
    return refused({folder_.path() / "shard_1_of_1.jsonl"});
  };
  EXPECT_THAT(signed_again("\"index\": 1, \"count\": 1", "\"index\": 1, \"count\": 0"),
              HasSubstr("expected 1 to 65536 shards"));
  EXPECT_THAT(signed_again("\"anemone_shard\": 1", "\"anemone_shard\": 2"),
              HasSubstr("layout 2 of shards, this program knows 1"));
  EXPECT_THAT(signed_again("\"original\": 10", "\"original\": 3"),
              HasSubstr("document 3 of colours has no place here"));
  EXPECT_THAT(signed_again("\"original\": 10", "\"original\": -1"), HasSubstr("'original'"));
  EXPECT_THAT(signed_again("\"aggregation\": \"mean\"", "\"aggregation\": \"system\""),
              HasSubstr("aggregation 'system'"));
  EXPECT_THAT(signed_again("\"scores\": {\"acc\": 1.0", "\"scores\": {\"acc\": \"x\""),
              HasSubstr("a score of 'acc'"));
  EXPECT_THAT(signed_again("\"scores\": {\"acc\"", "\"scores\": {\"bcc\""),
              HasSubstr("a score of 'bcc'"));
  EXPECT_THAT(signed_again("\"standing\": [\"acc\"]", "\"standing\": [\"nope\"]"),
              HasSubstr("a metric that the task does not have"));
  EXPECT_THAT(signed_again("\"task\": 0, \"doc_id\": 5", "\"task\": 7, \"doc_id\": 5"),
              HasSubstr("a document of no task"));
  EXPECT_THAT(signed_again("\"doc_id\": 5", "\"doc_id\": 4"), HasSubstr("has no place here"));
  EXPECT_THAT(signed_again("\"config\": {", "\"konfig\": {"),
              HasSubstr("have not the form of a results file"));
  EXPECT_THAT(signed_again("\"bootstrap_iters\": 100", "\"bootstrap_iters\": 1000000000000"),
              HasSubstr("bootstrap_iters"));
  EXPECT_THAT(signed_again("\"results\": {\"results\"",
                           "\"results\": " + std::string(300, '[') + "{\"results\""),
              HasSubstr("shard_1_of_1.jsonl: line 1"));
}

}  // namespace
}  // namespace anemone::eval
