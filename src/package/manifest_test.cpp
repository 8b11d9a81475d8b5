#include "package/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/small_package.h"

namespace anemone::package {
namespace {

using ::testing::HasSubstr;

/// The error for a package with this manifest, or "ok: <path of the model>".
std::string outcome(const std::string& manifest) {
  const test::SmallPackage package;
  package.write(test::SmallPackage::kManifest, manifest);
  package.folder().write("secret", "x");
  const auto path = root_model_path(package.path());
  return path.ok() ? "ok: " + path->generic_string()
                   : std::string(to_string(path.error().code)) + ": " + path.error().to_string();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(ManifestTest, TheRootItemSaysWhereTheModelIs) {
  EXPECT_EQ(outcome(test::manifest()), "ok: Data/com.apple.CoreML/model.mlmodel");
  EXPECT_EQ(outcome(replaced(test::manifest(), "1.0.0", "0.9.9")),
            "ok: Data/com.apple.CoreML/model.mlmodel");
}

TEST(ManifestTest, OtherAuthorsAndOverlaysAreFine) {
  const test::SmallPackage package;
  package.folder().write("m.mlpackage/Data/com.ishank.Test/model.mlmodel", test::small_model());
  package.folder().write("m.mlpackage/Data/com.apple.CoreML/Metadata.json", "not even JSON");
  package.write(test::SmallPackage::kManifest,
                test::manifest("com.ishank.Test/model.mlmodel", "com.apple.CoreML/Metadata.json"));
  const auto path = root_model_path(package.path());
  ASSERT_TRUE(path.ok()) << path.error().to_string();
  EXPECT_EQ(*path, "Data/com.ishank.Test/model.mlmodel");
}

TEST(ManifestTest, LiesAreNamed) {
  const std::string sound = test::manifest();
  EXPECT_THAT(outcome(""), HasSubstr("corrupt: "));
  EXPECT_THAT(outcome("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(outcome(sound.substr(0, sound.size() - 1)), HasSubstr("no JSON object"));
  EXPECT_THAT(outcome(replaced(sound, "fileFormatVersion", "x")), HasSubstr("'fileFormatVersion'"));
  EXPECT_THAT(outcome(replaced(sound, "\"1.0.0\"", "1")), HasSubstr("is number"));
  EXPECT_THAT(outcome(replaced(sound, "1.0.0", "1.0")), HasSubstr("'1.0'"));
  EXPECT_THAT(outcome(replaced(sound, "1.0.0", "1.0.0.")), HasSubstr("'1.0.0.'"));
  EXPECT_THAT(
      outcome(replaced(sound, "rootModelIdentifier\": \"one", "rootModelIdentifier\": \"no")),
      HasSubstr("'no' is none of 2 items"));
  EXPECT_THAT(outcome(replaced(sound, "\"author\": \"a\", ", "")),
              HasSubstr("'author' is missing"));
  EXPECT_THAT(outcome(replaced(sound, "itemInfoEntries", "x")), HasSubstr("'itemInfoEntries'"));
  EXPECT_THAT(outcome(test::manifest("../../secret")), HasSubstr("leads out of"));
  EXPECT_THAT(outcome(test::manifest("/etc/passwd")), HasSubstr("leads out of"));
  EXPECT_THAT(outcome(test::manifest("com.apple.CoreML/model.mlmodel", "../Manifest.json")),
              HasSubstr("leads out of"));
  EXPECT_THAT(outcome(test::manifest("com.apple.CoreML/other.mlmodel")), HasSubstr("not_found: "));
  EXPECT_THAT(outcome(test::manifest("")), HasSubstr("corrupt: "));
  EXPECT_THAT(outcome(std::string(1 << 20, '[')), HasSubstr("no JSON object"));
}

TEST(ManifestTest, LaterFormatsAreUnsupported) {
  for (const char* version : {"1.0.1", "1.1.0", "2.0.0"})
    EXPECT_THAT(outcome(replaced(test::manifest(), "1.0.0", version)),
                HasSubstr(std::string("unsupported: ")));
}

TEST(ManifestTest, MissingManifestIsNotFound) {
  const test::ScratchFolder folder;
  EXPECT_EQ(root_model_path(folder.path()).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone::package
