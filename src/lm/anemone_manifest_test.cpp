#include "lm/anemone_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace anemone::lm {
namespace {

using testing::HasSubstr;

std::string manifest_with(const std::string& rest) {
  return R"({"format": "anemone-model", "format_version": 1, )" + rest + "}";
}

std::string stages(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += std::string(i == 0 ? "" : ", ") + R"({"package": "p", "function": "f"})";
  return R"({"rows": 1, "stages": [)" + list + "]}";
}

std::string passes(size_t count, size_t stages_each) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += (i == 0 ? "\"pass" : ", \"pass") + std::to_string(i) + "\": " + stages(stages_each);
  return manifest_with(R"("passes": {)" + list + "}");
}

void expect_refusal(const std::string& text, ErrorCode code, const char* message) {
  const auto manifest = parse_anemone_manifest(text);
  ASSERT_FALSE(manifest.ok()) << text.substr(0, 80);
  EXPECT_EQ(manifest.error().code, code) << text.substr(0, 80);
  EXPECT_THAT(manifest.error().message, HasSubstr(message));
}

TEST(AnemoneManifest, SaysHowPackagesJoin) {
  const auto manifest = parse_anemone_manifest(
      manifest_with(R"("architecture": "qwen3", "passes": {"decode": {"stages": [
          {"package": "a", "function": "f"}, {"package": "b", "function": "g"}]}})"));
  ASSERT_TRUE(manifest.ok()) << manifest.error().to_string();
  EXPECT_EQ(manifest->architecture, "qwen3");
  EXPECT_EQ(manifest->model, "");
  ASSERT_EQ(manifest->passes.size(), 1U);
  const auto& decode = manifest->passes.at("decode");
  ASSERT_EQ(decode.size(), 2U);
  EXPECT_EQ(decode[1].package, "b");
  EXPECT_EQ(decode[1].function, "g");
}

TEST(AnemoneManifest, MayNameOnePackage) {
  const auto manifest = parse_anemone_manifest(manifest_with(R"("model": "model.mlpackage")"));
  ASSERT_TRUE(manifest.ok()) << manifest.error().to_string();
  EXPECT_EQ(manifest->model, "model.mlpackage");
}

TEST(AnemoneManifest, WrongOnesAreRefused) {
  expect_refusal("{}", ErrorCode::corrupt, "not the manifest");
  expect_refusal(R"({"format": "other", "format_version": 1})", ErrorCode::corrupt, "manifest");
  expect_refusal(R"({"format": "anemone-model"})", ErrorCode::unsupported, "missing");
  expect_refusal(R"({"format": "anemone-model", "format_version": [2]})", ErrorCode::unsupported,
                 "format_version is [2]");
  expect_refusal(manifest_with(R"("passes": 3)"), ErrorCode::corrupt, "no passes");
  for (const char* pass : {"3", "{}", R"({"stages": []})", R"({"stages": {"a": 1}})"})
    expect_refusal(manifest_with(std::string(R"("passes": {"decode": )") + pass + "}"),
                   ErrorCode::corrupt, "pass decode has no stages");
  for (const char* stage : {"3", "{}", R"({"package": "p"})", R"({"package": 1, "function": "f"})"})
    expect_refusal(
        manifest_with(std::string(R"("passes": {"decode": {"stages": [)") + stage + "]}}"),
        ErrorCode::corrupt, "a stage of pass decode");
}

TEST(AnemoneManifest, NothingIsWithoutEnd) {
  const std::string deep = std::string(500000, '[') + std::string(500000, ']');
  expect_refusal("{\"format\": " + deep + "}", ErrorCode::limit, "deeper");
  expect_refusal(R"({"format": "anemone-model", "format_version": )" + deep + "}", ErrorCode::limit,
                 "deeper");
  EXPECT_TRUE(parse_anemone_manifest(passes(64, 15)).ok());
  expect_refusal(passes(65, 1), ErrorCode::limit, "65 passes");
  EXPECT_TRUE(parse_anemone_manifest(passes(1, 1000)).ok());
  expect_refusal(passes(1, 1001), ErrorCode::limit, "1001 stages");
  expect_refusal(passes(2, 501), ErrorCode::limit, "1002 stages");
}

}  // namespace
}  // namespace anemone::lm
