#include <gtest/gtest.h>

#include "convert/converted_model.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::test {
namespace {

/// Where a model is cut changes no bit of its logits.
TEST(Chunks, S0_39_OneTwoOrFourGiveTheSameLogits) {
  const std::filesystem::path checkpoint = source_folder() / "models/anemone-tiny";
  const std::vector<int32_t> tokens = {1, 70, 400, 9, 33, 2048, 17, 5, 901, 64, 12};
  for (const char* layout : {"anemone", "anemll"}) {
    std::vector<float> one;
    for (const int64_t chunks : {1, 2, 4}) {
      const ScratchFolder scratch;
      const auto out = scratch.path() / "out";
      ASSERT_TRUE(converted(checkpoint, out,
                            {.layout = layout, .context = 64, .prefill = {8}, .chunks = chunks}));
      std::ptrdiff_t packages = 0;
      for (const auto& entry : std::filesystem::directory_iterator(out))
        packages += entry.path().extension() == ".mlpackage" ? 1 : 0;
      EXPECT_GE(packages, chunks);
      const auto model = opened(out, runtime::Numerics::fp16);
      ASSERT_NE(model, nullptr);
      std::vector<float> logits(tokens.size() * static_cast<size_t>(model->info().vocab_size));
      const auto sequence = model->new_sequence();
      ASSERT_TRUE(model->extend(*sequence, tokens, lm::Rows::all, logits).ok());
      if (chunks == 1)
        one = logits;
      else
        EXPECT_TRUE(std::ranges::equal(logits, one)) << layout << ", " << chunks << " chunks";
    }
  }
}

}  // namespace
}  // namespace anemone::test
