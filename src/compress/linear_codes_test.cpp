#include "compress/linear_codes.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

namespace anemone::compress {
namespace {

/// Whatever instructions the machine has: bit by bit, for ends of every length.
TEST(LinearCodes, InstructionsChangeNoBit) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.01f, 0.05f);
  for (const LinearWords& words :
       {LinearWords{.bits = 8}, LinearWords{.bits = 4}, LinearWords{.bits = 4, .affine = true},
        LinearWords{.bits = 8, .affine = true}})
    for (size_t size = 1; size < 70; ++size) {
      std::vector<float> values(size);
      for (float& value : values) value = normal(random) * (random() % 16 == 0 ? 20.0f : 1.0f);
      const LinearBlock block = fit_block(values, words);
      std::vector<uint8_t> best(size);
      std::vector<uint8_t> portable(size);
      put_codes(values, block, words, best.data());
      put_codes(values, block, words, portable.data(), Instructions::portable);
      EXPECT_EQ(best, portable) << words.text() << " " << size;
      EXPECT_EQ(std::bit_cast<uint64_t>(block_error(values, block, words)),
                std::bit_cast<uint64_t>(block_error(values, block, words, Instructions::portable)))
          << words.text() << " " << size;
    }
}

}  // namespace
}  // namespace anemone::compress
