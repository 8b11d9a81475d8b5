#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "bench/baseline_test.h"
#include "bench/machine.h"

namespace anemone::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Baseline, ADocumentThatCannotBeIsRefusedWithItsPlace) {
  struct Case {
    const char* place;
    const char* value;
    const char* words;
  };
  const Case cases[] = {
      {"/machine", "null", "'machine/identity': expected a text, got nothing"},
      {"/configurations", "[]", "no configuration"},
      {"/configurations/0", "3", "expected objects with an id, got number"},
      {"/configurations/0/decode_tokens_per_second", R"("fast")",
       "decode_tokens_per_second': expected null or an object with samples, got \"fast\""},
      {"/configurations/0/decode_tokens_per_second/samples", "null", "got object"},
      {"/configurations/0/decode_tokens_per_second/samples/0", "-100", "above 0"},
      {"/configurations/0/decode_tokens_per_second/samples/0", "1e308", "got 1e+308"},
      {"/configurations/0/first_token_ns", "7", "expected an object or null, got 7"},
      {"/configurations/0/first_token_ns/warm/samples/2", R"("5")", "first_token_ns/warm"},
  };
  Report report = report_of({decoded_at(128, {100, 100, 100})});
  report.machine = find_machine();
  const auto sound = nlohmann::json::parse(to_json(report));
  ASSERT_TRUE(check_baseline(write(report), report.options).ok());
  for (const Case& each : cases) {
    auto document = sound;
    document[nlohmann::json::json_pointer(each.place)] = nlohmann::json::parse(each.value);
    folder_.write("baseline.json", document.dump());
    const auto file = folder_.path() / "baseline.json";
    const auto verdict = judge(report, file, kThreshold);
    ASSERT_FALSE(verdict.ok()) << each.place;
    for (const Status& status : {check_baseline(file, report.options), Status(verdict.error())}) {
      ASSERT_FALSE(status.ok()) << each.place;
      EXPECT_NE(status.error().to_string().find(each.words), std::string::npos)
          << status.error().to_string();
      EXPECT_NE(status.error().to_string().find("baseline.json"), std::string::npos);
    }
  }
}

TEST_F(Baseline, IdsThatNoRunWritesAreRefusedAndNotShown) {
  const Report report = report_of({decoded_at(128, {100, 100}), decoded_at(256, {90, 90})});
  const auto sound = nlohmann::json::parse(to_json(report));
  const auto with_id = [&](const std::string& id) {
    auto document = sound;
    document["configurations"][1]["id"] = id;
    folder_.write("baseline.json", document.dump());
    return judge(report, folder_.path() / "baseline.json", kThreshold);
  };
  for (const std::string id : {"a\n\n# Injected", "<script>x</script>", "\x1b[31mRED\x07",
                               "\xc2\x9b[31m", "[a](javascript:b)", "`x`"}) {
    const auto verdict = with_id(id);
    EXPECT_THAT(refusal(verdict), HasSubstr("of other characters"));
    EXPECT_THAT(refusal(verdict), Not(HasSubstr(id)));
  }
  EXPECT_FALSE(with_id(std::string(2000, 'a')).ok());
  Configuration other = decoded_at(512, {1});
  other.quantize = "lut4+a=b:c/d,e;f(g)%h";
  EXPECT_TRUE(with_id(other.id()).ok());
}

TEST_F(Baseline, MoreSamplesThanARunWritesAreRefusedAtOnce) {
  Report report = report_of({decoded_at(128, {100, 100})});
  auto document = nlohmann::json::parse(to_json(report));
  document["configurations"][0]["decode_tokens_per_second"]["samples"] =
      std::vector<double>(300'001, 100);
  folder_.write("baseline.json", document.dump());
  EXPECT_THAT(refusal(judge(report, folder_.path() / "baseline.json", kThreshold)),
              HasSubstr("300000 samples at most, got 300001"));
}

TEST_F(Baseline, SpeedsOfVisitsThatAreNoneAreRefused) {
  Configuration one = decoded_at(128, {100, 100});
  one.measurement->visits = {{.requests = 2, .decode_tokens_per_second = 100}};
  const Report report = report_of({one});
  auto document = nlohmann::json::parse(to_json(report));
  const auto with = [&](const nlohmann::json& speed) {
    document["configurations"][0]["visits"][0]["decode_tokens_per_second"] = speed;
    folder_.write("baseline.json", document.dump());
    return refusal(judge(report, folder_.path() / "baseline.json", kThreshold));
  };
  EXPECT_EQ(with(100), "");
  EXPECT_EQ(with(nullptr), "");
  EXPECT_THAT(with("fast"), HasSubstr("decode_tokens_per_second above 0 and up to 1e18, got"));
  EXPECT_THAT(with(-1), HasSubstr("got -1"));
}

TEST_F(Baseline, ConfigurationsThatNoRunWritesAreRefused) {
  const Report report = report_of({decoded_at(128, {100, 100})});
  const auto sound = nlohmann::json::parse(to_json(report));
  const auto refused = [&](const nlohmann::json& document) {
    folder_.write("baseline.json", document.dump());
    return refusal(judge(report, folder_.path() / "baseline.json", kThreshold));
  };
  auto document = sound;
  document["configurations"].push_back(document["configurations"][0]);
  EXPECT_THAT(refused(document),
              HasSubstr("two have the id '" + report.configurations[0].id() + "'"));
  document["configurations"] = std::vector<nlohmann::json>(10'001, {{"id", "a"}});
  EXPECT_THAT(refused(document), HasSubstr("expected 10000 at most, got 10001"));
}

}  // namespace
}  // namespace anemone::bench
