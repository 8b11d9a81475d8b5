#include "anemone/variants.h"

#include <gtest/gtest.h>

#include "support/scratch_folder.h"

namespace anemone::package {
namespace {

TEST(Variants, S3_56_TheShortestThatHoldsTheTokensIsChosen) {
  const test::ScratchFolder folder;
  for (const char* name : {"model_seq512.mlpackage", "model_seq64.mlpackage",
                           "model_seq64.mlmodelc", "model_seq128.mlpackage", "model_seq0.mlpackage",
                           "model_seq-8.mlpackage", "model_seq99999999999999999999.mlpackage",
                           "model_seq256x.mlpackage", "model_seq256.txt", "model.mlpackage"})
    folder.write(std::string(name) + "/Manifest.json", "{}");
  const auto variants = list_variants(folder.path());
  ASSERT_TRUE(variants.ok()) << variants.error().to_string();
  ASSERT_EQ(variants->size(), 3U);
  EXPECT_EQ((*variants)[0].path.filename(), "model_seq64.mlmodelc");
  const std::pair<int64_t, int64_t> expected[] = {{1, 64},    {64, 64},   {65, 128},
                                                  {128, 128}, {129, 512}, {512, 512}};
  for (const auto& [tokens, length] : expected) {
    const auto chosen = choose_variant(*variants, tokens);
    ASSERT_TRUE(chosen.ok()) << tokens;
    EXPECT_EQ(chosen->length, length) << tokens;
  }
  const auto none = choose_variant(*variants, 513);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::out_of_range);
  EXPECT_EQ(none.error().message, "513 tokens are more than the longest variant takes, 512");
}

TEST(Variants, AFolderWithoutAnySaysHowToMakeThem) {
  const test::ScratchFolder folder;
  folder.write("model.mlpackage/Manifest.json", "{}");
  const auto none = list_variants(folder.path());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_NE(none.error().hint.find("--layout plain --lengths"), std::string::npos);
  EXPECT_EQ(list_variants(folder.path() / "absent").error().code, ErrorCode::not_found);
  EXPECT_FALSE(choose_variant({}, 1).ok());
}

}  // namespace
}  // namespace anemone::package
