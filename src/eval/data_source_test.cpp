#include "eval/data_source.h"

#include <gmock/gmock.h>

#include <chrono>

#include "support/scratch_folder.h"

namespace anemone::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const std::vector<std::filesystem::path>& paths,
                               const std::filesystem::path& root) {
  std::vector<std::string> out;
  for (const auto& path : paths) out.push_back(path.lexically_relative(root).generic_string());
  return out;
}

struct DataFolder : ::testing::Test {
  test::ScratchFolder folder;
  DataPlaces places() const {
    return {folder.path() / "data", folder.path() / "hub", folder.path() / "datasets"};
  }
  std::vector<std::string> find(const std::string& path, const std::string& config,
                                const std::string& split) const {
    const auto found = find_dataset(path, config, places());
    if (!found.ok()) return {"error: " + found.error().to_string()};
    const auto files = found->splits.find(split);
    if (files == found->splits.end()) return {"no such split"};
    return names(files->second, folder.path());
  }
};

TEST(SplitOf, IsTheStemWithoutShardNumbers) {
  EXPECT_EQ(split_of("a/test.jsonl.gz"), "test");
  EXPECT_EQ(split_of("train-00001-of-00002.parquet"), "train");
  EXPECT_EQ(split_of("exact_1000.jsonl"), "exact_1000");
  EXPECT_EQ(split_of("README.md"), std::nullopt);
}

TEST_F(DataFolder, TakesFoldersNamedAsOnTheHubOrByTheLastPart) {
  folder.write("data/allenai/ai2_arc/ARC-Easy/test.jsonl", "");
  folder.write("data/hellaswag/validation.jsonl.gz", "");
  EXPECT_THAT(find("allenai/ai2_arc", "ARC-Easy", "test"),
              ElementsAre("data/allenai/ai2_arc/ARC-Easy/test.jsonl"));
  EXPECT_THAT(find("Rowan/hellaswag", "", "validation"),
              ElementsAre("data/hellaswag/validation.jsonl.gz"));
  EXPECT_THAT(find("Rowan/hellaswag", "", "test"), ElementsAre("no such split"));
}

TEST_F(DataFolder, ASplitInSeveralFormatsIsOneOfThem) {
  folder.write("data/a-of-b/x/test.jsonl", "");
  folder.write("data/a-of-b/x/test.parquet", "");
  folder.write("data/a-of-b/y/test-00000-of-00002.parquet", "");
  folder.write("data/a-of-b/y/test-00001-of-00002.parquet", "");
  folder.write("data/a-of-b/y/test.jsonl", "");
  const auto x = splits_in(folder.path() / "data/a-of-b/x").at("test");
  EXPECT_THAT(names(x, folder.path() / "data/a-of-b/x"), ElementsAre("test.jsonl"));
  const auto y = splits_in(folder.path() / "data/a-of-b/y").at("test");
  EXPECT_THAT(names(y, folder.path() / "data/a-of-b/y"),
              ElementsAre("test-00000-of-00002.parquet", "test-00001-of-00002.parquet"));
}

TEST_F(DataFolder, SourcesJsonWins) {
  folder.write("data/hellaswag/validation.jsonl", "");
  folder.write("data/hs/validation.jsonl", "");
  folder.write("data/mmlu/anatomy/test.jsonl", "");
  folder.write("data/sources.json", R"({"sources": [
      {"path": "Rowan/hellaswag", "config": null, "folder": "hs"},
      {"path": "cais/mmlu", "config": "*", "folder": "mmlu/{config}"},
      {"path": "evil/up", "config": null, "folder": "../.."}]})");
  EXPECT_THAT(find("Rowan/hellaswag", "", "validation"), ElementsAre("data/hs/validation.jsonl"));
  EXPECT_THAT(find("cais/mmlu", "anatomy", "test"), ElementsAre("data/mmlu/anatomy/test.jsonl"));
  EXPECT_THAT(find("evil/up", "", "test"), ElementsAre(HasSubstr("error")));
  folder.write("data/sources.json", "[]");
  EXPECT_THAT(find("Rowan/hellaswag", "", "validation"),
              ElementsAre(HasSubstr("sources.json: no JSON object with a list 'sources'")));
}

TEST_F(DataFolder, S0_65_ReadsTheHubCacheByTheCardOfTheDataSet) {
  folder.write("hub/datasets--allenai--ai2_arc/refs/main", "abc123\n");
  const std::string snapshot = "hub/datasets--allenai--ai2_arc/snapshots/abc123/";
  folder.write("hub/datasets--allenai--ai2_arc/snapshots/old/ARC-Easy/test-old.parquet", "");
  folder.write(snapshot + "README.md",
               "---\nconfigs:\n- config_name: ARC-Easy\n  data_files:\n  - split: test\n    path: "
               "ARC-Easy/test-*\n---\ntext");
  folder.write(snapshot + "ARC-Easy/test-00001-of-00002.parquet", "");
  folder.write(snapshot + "ARC-Easy/test-00000-of-00002.parquet", "");
  folder.write(snapshot + "ARC-Challenge/test-00000-of-00001.parquet", "");
  EXPECT_THAT(find("allenai/ai2_arc", "ARC-Easy", "test"),
              ElementsAre(snapshot + "ARC-Easy/test-00000-of-00002.parquet",
                          snapshot + "ARC-Easy/test-00001-of-00002.parquet"));
  EXPECT_THAT(find("allenai/ai2_arc", "ARC-Challenge", "test"),
              ElementsAre(snapshot + "ARC-Challenge/test-00000-of-00001.parquet"));
}

TEST_F(DataFolder, HubCacheWithoutCardGoesByFileNames) {
  const std::string snapshot = "hub/datasets--Rowan--hellaswag/snapshots/1/";
  folder.write(snapshot + "data/dev-00000-of-00001.parquet", "");
  EXPECT_THAT(find("Rowan/hellaswag", "", "validation"),
              ElementsAre(snapshot + "data/dev-00000-of-00001.parquet"));
  folder.write("hub/elsewhere/test.jsonl", "");
  for (const std::string& config :
       {std::string("../../../elsewhere"), (folder.path() / "hub/elsewhere").string()})
    EXPECT_THAT(find("Rowan/hellaswag", config, "test"), ElementsAre(HasSubstr("is not in")));
}

TEST_F(DataFolder, S0_65_ReadsTheDatasetsCache) {
  const std::string base = "datasets/google___if_eval/default/0.0.0/";
  folder.write(base + "h1/if_eval-train.arrow", "");
  folder.write(base + "h1/cache-123.arrow", "");
  EXPECT_THAT(find("google/IFEval", "", "train"), ElementsAre(base + "h1/if_eval-train.arrow"));
  EXPECT_TRUE(find_dataset("google/IFEval", "", places())->counts.empty());

  const auto later = std::filesystem::last_write_time(folder.path() / (base + "h1"));
  for (const char* newer : {"h2", "h3.incomplete"}) {
    folder.write(base + newer + "/if_eval-train.arrow", "");
    std::filesystem::last_write_time(folder.path() / (base + newer),
                                     later + std::chrono::hours(newer[1] - '0'));
  }
  folder.write(base + "h3.incomplete_info.lock", "");
  EXPECT_THAT(find("google/IFEval", "", "train"), ElementsAre(base + "h2/if_eval-train.arrow"));

  folder.write(base + "h2/dataset_info.json",
               R"({"splits": {"train": {"name": "train", "num_examples": 541}, "odd": 3}})");
  EXPECT_EQ(find_dataset("google/IFEval", "", places())->counts,
            (std::map<std::string, int64_t>{{"train", 541}}));
  folder.write(base + "h2/dataset_info.json", "{\"splits\": {");
  EXPECT_THAT(find("google/IFEval", "", "train"), ElementsAre(HasSubstr("dataset_info.json")));
}

TEST_F(DataFolder, AbsentDataNameThePlacesAndTheDownload) {
  const auto found = find_dataset("allenai/ai2_arc", "ARC-Easy", places());
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::not_found);
  const std::string root = folder.path().string();
  EXPECT_EQ(found.error().message, "data set 'allenai/ai2_arc' (ARC-Easy) is not in " + root +
                                       "/data/allenai/ai2_arc, " + folder.path().string() +
                                       "/data/ai2_arc, " + root +
                                       "/hub/datasets--allenai--ai2_arc, " + root + "/datasets");
  EXPECT_EQ(found.error().hint,
            "hf download --repo-type dataset allenai/ai2_arc; or give --data DIR");
}

TEST_F(DataFolder, FindsNamedFilesBelowTheGivenFolders) {
  folder.write("a/custom/x.jsonl", "");
  folder.write("b/y.jsonl", "");
  const std::vector<std::filesystem::path> folders = {folder.path() / "b", folder.path() / "a"};
  const auto found =
      find_data_files(Value{{"train", "custom/x.jsonl"}, {"test", {"y.jsonl"}}}, folders);
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_THAT(names(found->splits.at("train"), folder.path()), ElementsAre("a/custom/x.jsonl"));
  EXPECT_THAT(names(found->splits.at("test"), folder.path()), ElementsAre("b/y.jsonl"));
  const auto absent = find_data_files(Value("z.jsonl"), folders);
  EXPECT_THAT(absent.error().message, HasSubstr("'z.jsonl' is not in the working folder, nor in "));
}

TEST(DataPlaces, FollowTheEnvironment) {
  setenv("HF_HOME", "/x/hf", 1);
  unsetenv("HF_HUB_CACHE");
  setenv("HF_DATASETS_CACHE", "/y/ds", 1);
  const DataPlaces places = data_places("d");
  EXPECT_EQ(places.hub_cache, "/x/hf/hub");
  EXPECT_EQ(places.datasets_cache, "/y/ds");
  unsetenv("HF_HOME");
  unsetenv("HF_DATASETS_CACHE");
}

TEST(Shards, AllOfOneNumberOrNone) {
  const auto message = [](std::vector<std::filesystem::path> files) {
    const Status status = check_shards(files);
    return status.ok() ? "" : status.error().to_string();
  };
  EXPECT_EQ(message({"d/train-00000-of-00002.parquet", "d/train-00001-of-00002.parquet"}), "");
  EXPECT_EQ(message({"d/whole.parquet"}), "");
  EXPECT_EQ(message({"a/t-00000-of-00001.arrow", "b/t-00000-of-00001.arrow"}), "");
  EXPECT_EQ(message({"d-00000-of-00009/test.parquet"}), "");
  EXPECT_THAT(message({"d/train-00000-of-00003.parquet", "d/train-00002-of-00003.parquet"}),
              HasSubstr("d/train-00001-of-00003 is missing; 2 of 3 shards are there"));
  for (const char* odd :
       {"d/t-00001-of-00003.parquet", "d/t.parquet", "d/t-00002-of-00002.parquet"})
    EXPECT_THAT(message({"d/t-00000-of-00002.parquet", odd}),
                HasSubstr(std::string(odd) + " does not belong to the shards"));
}

}  // namespace
}  // namespace anemone::eval
