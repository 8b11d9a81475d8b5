// What calibration gains on text that it has not seen, of the whole model that the repository
// holds: slow, since all of its weights are rounded, some in five ways, and run over thousands of
// tokens.

#include "calibrate/calibrate_test.h"

namespace anemone::calibrate {
namespace {

/// On text that calibration has not seen, of the kind that the model was trained on.
TEST_F(Calibrated, RemovesAtLeastHalfOfWhatFourBitsLose) {
  ANEMONE_NEED_SHARED("data/corpus/wikipedia.train.txt.gz");
  const fs::path corpus = test::shared_folder() / "data/corpus";
  constexpr size_t kBytes = 120000;
  Options options = tuning(256);
  options.text.clear();
  for (const char* kind : {"wikipedia", "textbooks", "fiction", "web"})
    options.text += gunzipped(corpus / (std::string(kind) + ".train.txt.gz"), kBytes);
  Options measured = tuning(64);
  measured.text.clear();
  for (const char* kind : {"wikipedia", "textbooks", "fiction", "web"})
    measured.text += gunzipped(corpus / (std::string(kind) + ".valid.txt.gz"), kBytes);
  ConvertOptions convert;  // whole windows at once
  convert.layout = "plain";
  convert.lengths = {128};
  const fs::path plain = folder_ / "plain";
  ASSERT_TRUE(anemone::convert(test::source_folder() / "models/anemone-tiny", plain, convert).ok());
  const CompressOptions lut4{.quantize = "lut4:g16", .threads = 2};
  ASSERT_TRUE(anemone::compress_model(plain, folder_ / "free", lut4).ok());
  ASSERT_TRUE(calibrate::compress_model(plain, folder_ / "tuned", lut4, options).ok());
  const auto free = compare(plain, folder_ / "free", measured);
  const auto tuned = compare(plain, folder_ / "tuned", measured);
  ASSERT_TRUE(free.ok() && tuned.ok());
  EXPECT_EQ(free->dense_loss, tuned->dense_loss);
  RecordProperty("dense", std::to_string(free->dense_loss));
  RecordProperty("free", std::to_string(free->loss));
  RecordProperty("tuned", std::to_string(tuned->loss));
  EXPECT_LT(tuned->loss - tuned->dense_loss, 0.5 * (free->loss - free->dense_loss))
      << tuned->dense_loss << " " << free->loss << " " << tuned->loss;
  EXPECT_LT(tuned->kl_divergence, 0.5 * free->kl_divergence);
  EXPECT_GT(tuned->top1_agreement, free->top1_agreement);
}

/// On a text this short compression seems to do good, and in directions that it does not have every
/// error seems free.
TEST_F(Calibrated, TargetBitsOfANarrowTextAreNoWorseOnOtherTextThanOneSchemeOfFewerBits) {
  ANEMONE_NEED_SHARED("data/corpus/wikipedia.valid.txt.gz");
  constexpr size_t kBytes = 40000;
  Options measured = tuning(24);
  measured.text = gunzipped(test::shared_folder() / "data/corpus/wikipedia.valid.txt.gz", kBytes);
  const Options narrow = tuning(8);
  Options chosen = narrow;
  chosen.target_bits = 3.5;
  ASSERT_TRUE(compress("uniform", "lut3:g16", narrow).ok());
  ASSERT_TRUE(compress("mix", "", chosen).ok());
  const auto uniform = compare(dense(), folder_ / "uniform", measured);
  const auto mix = compare(dense(), folder_ / "mix", measured);
  ASSERT_TRUE(uniform.ok() && mix.ok());
  RecordProperty("uniform", std::to_string(uniform->kl_divergence));
  RecordProperty("mix", std::to_string(mix->kl_divergence));
  EXPECT_LT(mix->kl_divergence, uniform->kl_divergence);
  EXPECT_LT(mix->loss, uniform->loss);
}

}  // namespace
}  // namespace anemone::calibrate
