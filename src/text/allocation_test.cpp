#include <gtest/gtest.h>

#include <filesystem>

#include "anemone/text.h"
#include "support/count_allocations.h"

namespace anemone::text {
namespace {

TEST(Allocations, S4_27_EncodingIntoABufferMakesNone) {
  const std::filesystem::path model = ANEMONE_SOURCE_DIR "/models/anemone-tiny";
  const Tokenizer tokenizer = *Tokenizer::load(model);
  const std::string texts[] = {"The harbour lies between two low hills.", "Winter is near.", ""};
  std::vector<int32_t> ids;
  ASSERT_TRUE(tokenizer.encode_to(texts[0], true, ids).ok());
  EXPECT_GT(ids.size(), 5U);
  const int64_t before = test::allocations;
  for (int round = 0; round < 20; ++round)
    for (const std::string& text : texts) ASSERT_TRUE(tokenizer.encode_to(text, true, ids).ok());
  EXPECT_EQ(test::allocations - before, 0);

  ASSERT_TRUE(tokenizer.encode(texts[0], true));
  EXPECT_GT(test::allocations - before, 0);
}

}  // namespace
}  // namespace anemone::text
