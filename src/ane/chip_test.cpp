#include "ane/chip.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace anemone::ane {
namespace {

TEST(Chip, NamesDifferAndAreFound) {
  std::set<std::string_view> names;
  for (const Chip& chip : all_chips()) {
    EXPECT_TRUE(names.insert(chip.name).second) << chip.name;
    const auto found = find_chip(chip.name);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ((*found)->label, chip.label);
  }
  const auto unknown = find_chip("m4extreme");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(unknown.error().hint.find("m4max"), std::string::npos);
}

TEST(Chip, EveryFigureHasSourceAndDate) {
  for (const Chip& chip : all_chips())
    for (const Figure& figure : {chip.fp16_tflops, chip.dram, chip.ane_bandwidth}) {
      EXPECT_EQ(figure.known(), !figure.source.empty()) << chip.name;
      EXPECT_EQ(figure.known(), figure.date.size() == 7) << chip.name;
    }
}

TEST(Chip, TheNeuralEngineNeverReadsFasterThanTheMemory) {
  for (const Chip& chip : all_chips())
    if (chip.ane_bandwidth.known() && chip.dram.known()) {
      EXPECT_LT(chip.ane_bandwidth.value, chip.dram.value) << chip.name;
    }
}

TEST(Chip, LimitsGrowWithH16) {
  EXPECT_EQ((*find_chip("m1"))->limits().width, 16384);
  EXPECT_EQ((*find_chip("a16"))->limits().contraction, 16384);
  EXPECT_EQ((*find_chip("m4"))->limits().contraction, 32768);
  EXPECT_EQ((*find_chip("a16"))->limits().conv_width, 13);
  EXPECT_EQ((*find_chip("a17pro"))->limits().width, 65536);
  EXPECT_EQ((*find_chip("m5"))->limits().conv_width, 15);
}

}  // namespace
}  // namespace anemone::ane
