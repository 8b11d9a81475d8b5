#include <cmath>

#include "support/compare_runs.h"

namespace anemone::compare {
namespace {

using ::testing::HasSubstr;

struct Hostile {
  const char* content;
  ErrorCode code;
  const char* message;
};

TEST_F(Runs, HostileDocumentsAreErrorsThatNameFileAndKey) {
  const std::vector<Hostile> cases = {
      {R"({"anemone_bench": 2, "configurations": []})", ErrorCode::unsupported, "version 2"},
      {R"({"anemone_bench": "1"})", ErrorCode::corrupt, "anemone_bench"},
      {R"({"anemone_bench": 1})", ErrorCode::corrupt, "configurations"},
      {R"({"anemone_bench": 1, "configurations": [], "model": {"weight_bytes": "12"}})",
       ErrorCode::corrupt, "/model/weight_bytes"},
      {R"({"anemone_bench": 1, "configurations": [], "model": {"weight_bytes": NaN}})",
       ErrorCode::corrupt, "/model/weight_bytes"},
      {R"({"anemone_figures": 7, "figures": []})", ErrorCode::unsupported, "version 7"},
      {R"({"points": 3, "tolerance": {}, "version": 1})", ErrorCode::corrupt, "points"},
      {R"({"findings": [], "artifacts": {}, "version": 1})", ErrorCode::corrupt, "artifacts"},
      {R"({"anemone_bench": 1, "configu)", ErrorCode::corrupt, "JSON"},
      {"", ErrorCode::corrupt, "JSON"},
      {"\x10[[[[", ErrorCode::corrupt, "not JSON"},
      {"[]", ErrorCode::corrupt, "results"},
  };
  write("b", results(0.5));
  for (const Hostile& each : cases) {
    folder_.write("a.json", each.content);
    const std::vector<Input> inputs = {{"a", folder_.path() / "a.json"},
                                       {"b", folder_.path() / "b"}};
    const auto found = compare(inputs, {});
    ASSERT_FALSE(found.ok()) << each.content;
    EXPECT_EQ(found.error().code, each.code) << each.content << found.error().to_string();
    EXPECT_THAT(found.error().to_string(), HasSubstr(each.message)) << each.content;
    EXPECT_THAT(found.error().to_string(), HasSubstr("a.json")) << each.content;
  }
}

/// A document of bench that is sound.
nlohmann::json sound_bench() {
  const nlohmann::json series = {{"samples", {90, 110, 100}},
                                 {"summary", {{"median", 100}, {"ci95", {90, 110}}}}};
  nlohmann::json one = {{"id", "context=32"},
                        {"status", "measured"},
                        {"decode_tokens_per_second", series},
                        {"first_token_ns", {{"warm", series}}},
                        {"memory", {{"peak_rss_bytes", 5000}}},
                        {"quality", {{"typos", {{"exact", 0.5}}}}}};
  return {{"anemone_bench", 1},
          {"machine", {{"cpu", "c"}}},
          {"model", {{"weight_bytes", 1000}}},
          {"configurations", nlohmann::json::array({std::move(one)})}};
}

struct Implausible {
  const char* place;
  const char* value;
  const char* expected;
  const char* got;
};

TEST_F(Runs, DocumentsOfBenchThatCannotBeAreRefusedWithPlaceExpectedAndGot) {
  const std::vector<Implausible> cases = {
      {"/machine", "null", "an object", "nothing"},
      {"/machine/cpu", R"("")", "the name of a processor", R"("")"},
      {"/model/weight_bytes", "-1", "a number from 0", "-1"},
      {"/configurations", "[]", "a list with configurations", "an empty array"},
      {"/configurations/0", "3", "an object", "3"},
      {"/configurations/0/id", "null", "a text", "nothing"},
      {"/configurations/0/status", R"("fine")", "measured, interrupted", R"("fine")"},
      {"/configurations/0/decode_tokens_per_second", R"("fast")", "an object", R"("fast")"},
      {"/configurations/0/decode_tokens_per_second/samples", "[]", "numbers", "an empty array"},
      {"/configurations/0/decode_tokens_per_second/samples/1", "-110", "from 0", "-110"},
      {"/configurations/0/decode_tokens_per_second/samples/1", R"("2")", "from 0", R"("2")"},
      {"/configurations/0/decode_tokens_per_second/samples/1", "1e308", "from 0", "1e+308"},
      {"/configurations/0/decode_tokens_per_second/summary/median", "1e308", "from 0", "1e+308"},
      {"/configurations/0/decode_tokens_per_second/summary/median", "101",
       "the median of its samples, 100", "101"},
      {"/configurations/0/decode_tokens_per_second/summary/ci95", "[110, 90]", "ascend", "array"},
      {"/configurations/0/first_token_ns", R"("soon")", "an object or null", R"("soon")"},
      {"/configurations/0/first_token_ns/warm/samples/0", "-90", "from 0", "-90"},
      {"/configurations/0/memory", R"("much")", "an object or null", R"("much")"},
      {"/configurations/0/memory/peak_rss_bytes", R"("5000")", "from 0", R"("5000")"},
      {"/configurations/0/quality", "true", "an object or null", "true"},
      {"/configurations/0/quality/typos/exact", "-0.5", "from 0", "-0.5"},
  };
  for (const char* name : {"a.json", "b.json"}) folder_.write(name, sound_bench().dump());
  const std::vector<Input> inputs = {{"a", folder_.path() / "a.json"},
                                     {"b", folder_.path() / "b.json"}};
  const auto sound = compare(inputs, {});
  ASSERT_TRUE(sound.ok()) << sound.error().to_string();
  for (const Implausible& each : cases) {
    nlohmann::json document = sound_bench();
    document[nlohmann::json::json_pointer(each.place)] = nlohmann::json::parse(each.value);
    folder_.write("a.json", document.dump());
    const auto found = compare(inputs, {});
    ASSERT_FALSE(found.ok()) << each.place;
    EXPECT_EQ(found.error().code, ErrorCode::corrupt);
    const std::string words = found.error().to_string();
    EXPECT_THAT(words, HasSubstr("a.json"));
    EXPECT_THAT(words, HasSubstr("'" + std::string(each.place) + "': expected"));
    EXPECT_THAT(words, HasSubstr(each.expected));
    EXPECT_THAT(words, HasSubstr("got " + std::string(each.got)));
  }
}

TEST_F(Runs, WhatHasNothingInCommonIsRefused) {
  write("a", R"({"results": {"t": {"acc,none": 0.5}}})");
  write("b", R"({"results": {"u": {"acc,none": 0.5}}})");
  const auto found = run();
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::mismatch);
  // A benchmark beside an evaluation of the same weights compares no more than before.
  nlohmann::json document = sound_bench();
  folder_.write("c.json", document.dump());
  write("d",
        R"({"results": {"t": {"acc,none": 0.5}}, "anemone": {"model": {"weight_bytes": 1000}}})");
  std::vector<Input> both = {{"c", folder_.path() / "c.json"}, {"d", folder_.path() / "d"}};
  EXPECT_EQ(compare(both, {}).error().code, ErrorCode::mismatch);
  // Nor do two benchmarks that measured other configurations, of weights of another size.
  document["model"]["weight_bytes"] = 500;
  document["configurations"][0]["id"] = "context=64";
  folder_.write("e.json", document.dump());
  both[1] = {"e", folder_.path() / "e.json"};
  const auto disjoint = compare(both, {});
  ASSERT_FALSE(disjoint.ok());
  EXPECT_EQ(disjoint.error().code, ErrorCode::mismatch);
  EXPECT_THAT(disjoint.error().message, HasSubstr("in common; c has context=32; e has context=64"));
  // A size that was written down to be compared is.
  folder_.write("f.json", R"({"anemone_figures": 1, "figures": [{"name": "weight_bytes",
      "value": 800, "unit": "bytes", "source": "the other's page"}]})");
  both[1] = {"f", folder_.path() / "f.json"};
  EXPECT_TRUE(compare(both, {}).ok());
  const std::vector<Input> one = {{"a", folder_.path() / "a"}};
  EXPECT_EQ(compare(one, {}).error().code, ErrorCode::invalid_argument);
  const std::vector<Input> same = {{"a", folder_.path() / "a"}, {"a", folder_.path() / "a"}};
  EXPECT_THAT(compare(same, {}).error().message, HasSubstr("all results are of 'a'"));
}

TEST_F(Runs, ResultsOfTwoModelsUnderOneLabelAreRefusedByTheirHashes) {
  const auto evaluation = [&](const std::string& run, const std::string& hash) {
    write(run, results(0.5, R"(, "anemone": {"model_hash": ")" + hash + R"("})"));
  };
  evaluation("a", "blake3:aaaaaaaaaaaaaaaaaaaa");
  evaluation("b", "blake3:bbbbbbbbbbbbbbbbbbbb");
  nlohmann::json bench = sound_bench();
  std::vector<Input> inputs = {{"fp16", folder_.path() / "a"},
                               {"lut4", folder_.path() / "b"},
                               {"lut4", folder_.path() / "bench.json"}};
  const auto with_hash = [&](const std::string& hash) {
    bench["model"]["hash"] = hash;
    folder_.write("bench.json", bench.dump());
    return compare(inputs, {});
  };
  const auto mixed = with_hash("blake3:aaaaaaaaaaaaaaaaaaaa");
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(mixed.error().code, ErrorCode::mismatch);
  EXPECT_THAT(mixed.error().message,
              testing::AllOf(HasSubstr("'lut4': "),
                             HasSubstr("b/results_1.json is of the model "
                                       "blake3:bbbbbbbbbbbbbbbb, "),
                             HasSubstr("bench.json of blake3:aaaaaaaaaaaaaaaa")));
  EXPECT_THAT(mixed.error().hint, HasSubstr("a label of its own"));
  // Also where they are all that there is.
  const std::vector<Input> alone = {{"x", folder_.path() / "a"}, {"x", folder_.path() / "b"}};
  EXPECT_EQ(compare(alone, {}).error().code, ErrorCode::mismatch);
  // A document of several packages is named by all of them.
  bench["configurations"].push_back(bench["configurations"][0]);
  bench["configurations"][0]["artifact"] = {{"hash", "blake3:1111"}};
  bench["configurations"][1]["artifact"] = {{"hash", "blake3:2222"}};
  EXPECT_THAT(with_hash("").error().message, HasSubstr("bench.json of blake3:1111, blake3:2222"));
  bench["configurations"][0]["artifact"]["converted"] = true;
  EXPECT_THAT(with_hash("").error().hint, HasSubstr("names the packages that it made"));
  // What was converted of a checkpoint and not compressed is a result of that checkpoint too.
  nlohmann::json& converted = bench["configurations"][0];
  converted["artifact"]["checkpoint_hash"] = "blake3:bbbbbbbbbbbbbbbbbbbb";
  converted["quantize"] = "lut4";
  EXPECT_FALSE(with_hash("").ok());
  for (const char* scheme : {"", "fp16"}) {
    converted["quantize"] = std::string(scheme).empty() ? nlohmann::json() : nlohmann::json(scheme);
    EXPECT_TRUE(with_hash("").ok()) << scheme;
  }
  bench = sound_bench();
  // The same model, one that a file does not name, and packages that bench made of a checkpoint.
  EXPECT_TRUE(with_hash("blake3:bbbbbbbbbbbbbbbbbbbb").ok());
  EXPECT_TRUE(with_hash("").ok());
  bench["configurations"][0]["artifact"] = {{"hash", "blake3:bbbbbbbbbbbbbbbbbbbb"}};
  EXPECT_TRUE(with_hash("blake3:cccccccccccccccccccc").ok());
}

TEST_F(Runs, AConfidenceThatRoundsToOneIsRefused) {
  write("a", results(0.25));
  write("b", results(0.75));
  Options options;
  for (const double confidence : {0.9999999999999999, 1.0, 0.0, -0.5, std::nan("")}) {
    options.bootstrap.confidence = confidence;
    const auto found = run(options);
    ASSERT_FALSE(found.ok()) << confidence;
    EXPECT_EQ(found.error().code, ErrorCode::invalid_argument) << confidence;
    EXPECT_THAT(found.error().to_string(), HasSubstr("confidence")) << confidence;
  }
  options.bootstrap.confidence = 1 - 1e-8;
  EXPECT_TRUE(run(options).ok());
}

TEST(CompareInput, LabelsAreInFrontOfTheFirstSign) {
  EXPECT_EQ(parse_input("lut4=out/a=b.json").label, "lut4");
  EXPECT_EQ(parse_input("lut4=out/a=b.json").path, "out/a=b.json");
  EXPECT_EQ(parse_input("results/fp16").label, "");
  const test::ScratchFolder folder;
  folder.write("x=y.json", "{}");
  EXPECT_EQ(parse_input((folder.path() / "x=y.json").string()).label, "");
}

}  // namespace
}  // namespace anemone::compare
