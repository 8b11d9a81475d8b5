#include "runtime/convert_halves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/float16.h"

namespace anemone::runtime {
namespace {

TEST(ConvertHalves, EveryNumberIsExactAndNothingBehindThemIsTouched) {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) halves.push_back(static_cast<uint16_t>(bits));
  halves.push_back(0x3c00);  // no whole vector at the end
  std::vector<float> floats(halves.size() + 1, 7.0f);
  convert_halves(halves, floats);
  for (size_t i = 0; i < halves.size(); ++i) {
    const float expected = fp16_to_float(halves[i]);
    EXPECT_EQ(std::isnan(floats[i]), std::isnan(expected)) << i;
    if (std::isnan(expected)) continue;
    EXPECT_EQ(floats[i], expected) << i;
    EXPECT_EQ(std::signbit(floats[i]), std::signbit(expected)) << i;
  }
  EXPECT_EQ(floats.back(), 7.0f);
}

}  // namespace
}  // namespace anemone::runtime
