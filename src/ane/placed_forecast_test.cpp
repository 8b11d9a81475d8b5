#include <gtest/gtest.h>

#include "ane/cost.h"
#include "anemone/forecast.h"
#include "support/shared.h"

/// Decoding as its ops are placed: with the time of those that leave the Neural Engine.
namespace anemone::ane {
namespace {

constexpr const char* kTiny = "models/anemone-tiny-anemll";

std::string product_of(const std::string& result, const std::string& x, const std::string& weight,
                       int64_t rows, int64_t width) {
  return "tensor<fp16, [" + std::to_string(rows) + ", " + std::to_string(width) + "]> " + result +
         " = matmul(transpose_x = bool(false), transpose_y = bool(false), x = " + x +
         ", y = " + weight + ");\n";
}

/// Large weights before and after static attention of `rows` tokens over 256 positions; in the
/// middle `leaving` ops that run on no Neural Engine, and one with a weight for 2048 rows.
package::Package decoder(int leaving, int64_t rows = 1, bool weight_leaves = false) {
  const std::string wide = "[" + std::to_string(rows) + ", 2048]";
  std::string text = "program(1.3)\n{\nfunc main<ios18>(tensor<fp16, " + wide +
                     "> x, tensor<fp16, [256, 2048]> cache) {\n"
                     "tensor<fp16, [2048, 8192]> up = fill(shape = tensor<int32, [2]>([2048, "
                     "8192]), value = fp16(0x1p-3));\n"
                     "tensor<fp16, [8192, 2048]> down = fill(shape = tensor<int32, [2]>([8192, "
                     "2048]), value = fp16(0x1p-3));\n"
                     "tensor<fp16, [2048, 2048]> side = fill(shape = tensor<int32, [2]>([2048, "
                     "2048]), value = fp16(0x1p-3));\n";
  text += product_of("a", "x", "up", rows, 8192) + product_of("q", "a", "down", rows, 2048);
  std::string last = "q";
  for (int i = 0; i < leaving; ++i) {
    const std::string next = "s" + std::to_string(i);
    text +=
        "tensor<fp16, " + wide + "> " + next +
        " = cumsum(axis = int32(0), exclusive = bool(false), reverse = bool(false), x = " + last +
        ");\n";
    last = next;
  }
  if (weight_leaves) {
    text += "tensor<fp16, " + wide + "> mixed = mod(x = " + last + ", y = side);\n";
    last = "mixed";
  }
  const std::string scores = "tensor<fp16, [" + std::to_string(rows) + ", 256]> ";
  text += scores + "p = matmul(transpose_x = bool(false), transpose_y = bool(true), x = " + last +
          ", y = cache);\n" + scores + "shares = softmax(axis = int32(-1), x = p);\n" +
          product_of("v", "shares", "cache", rows, 2048) + product_of("b", "v", "up", rows, 8192) +
          product_of("y", "b", "down", rows, 2048) + "} -> (y);\n}";
  auto program = mil::parse(text);
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package::Package package;
  package.program = *std::move(program);
  package.default_function = "main";
  return package;
}

double placed_ms(const Forecast& forecast) {
  return 1000 / *forecast.decoding->placed->tokens_per_second;
}

TEST(Forecast, AsPlacedIsWhatTheNeuralEngineWouldDoWhereNothingLeavesIt) {
  const auto whole = forecast(decoder(0), {.chip = "m4"});
  ASSERT_TRUE(whole.ok()) << whole.error().to_string();
  ASSERT_TRUE(whole->decoding && whole->decoding->placed);
  EXPECT_EQ(whole->residency, 1);
  EXPECT_NEAR(*whole->decoding->placed->tokens_per_second, whole->decoding->tokens_per_second,
              1e-9);
  EXPECT_NEAR(*whole->decoding->placed->first_token_ms, whole->decoding->first_token_ms, 1e-9);
  EXPECT_EQ(whole->decoding->placed->cpu_ms, 0);
  EXPECT_EQ(whole->decoding->placed->changes_ms, 0);
}

TEST(Forecast, AsPlacedAnOpThatLeavesCostsItsTimeOnTheCpuAndTwoChangesOfSide) {
  const auto whole = forecast(decoder(0), {.chip = "m4"});
  const auto cut = forecast(decoder(1), {.chip = "m4"});
  ASSERT_TRUE(whole.ok() && cut.ok());
  ASSERT_EQ(cut->functions[0].segments, 2U);
  const FunctionForecast& function = cut->functions[0];
  EXPECT_EQ(function.changes, 2U);
  EXPECT_GT(function.cpu_ms, 0);
  EXPECT_EQ(cut->decoding->placed->cpu_ms, function.cpu_ms);
  // Two changes and a launch at 0.125 ms.
  EXPECT_NEAR(cut->decoding->placed->changes_ms, 0.375, 1e-12);
  EXPECT_NEAR(placed_ms(*cut) - placed_ms(*whole), 0.375 + function.cpu_ms, 1e-9)
      << "the formula counts no time of ops without weights: none is saved";
  // Whatever the placement: it is the speed without it.
  EXPECT_NEAR(cut->decoding->tokens_per_second, whole->decoding->tokens_per_second, 1e-9);
}

TEST(Forecast, AsPlacedIsNeverFasterThanItsPartsOrTheFloorOfWhatStays) {
  const auto whole = forecast(decoder(0, 256), {.chip = "m4"});
  const auto cut = forecast(decoder(200, 256), {.chip = "m4"});
  ASSERT_TRUE(whole.ok() && cut.ok());
  const PlacedForecast& placed = *cut->decoding->placed;
  EXPECT_GT(placed.cpu_ms, 10) << "200 times two of 1 MB at 38 GB/s";
  EXPECT_GE(placed_ms(*cut), placed.cpu_ms + placed.changes_ms + cut->decoding->weights_ms);
  EXPECT_NEAR(placed_ms(*cut), placed_ms(*whole) + placed.cpu_ms + placed.changes_ms, 1e-9);
}

TEST(Forecast, AsPlacedAWeightOnTheCpuIsReadThereAndNotByTheNeuralEngine) {
  const auto whole = forecast(decoder(0, 2048), {.chip = "m4"});
  const auto cut = forecast(decoder(0, 2048, true), {.chip = "m4"});
  ASSERT_TRUE(whole.ok());
  ASSERT_TRUE(cut.ok()) << cut.error().to_string();
  const PlacedForecast& placed = *cut->decoding->placed;
  EXPECT_GT(cut->decoding->weights_ms, whole->decoding->weights_ms);
  // Weight, operand and result of 8.4 MB each at 0.59 of 64.2 GB/s.
  EXPECT_NEAR(placed.cpu_ms, 3 * 2048 * 2048 * 2 / (kCpuShareOfBandwidth * 64.2e6), 0.01);
  EXPECT_NEAR(placed_ms(*cut), placed_ms(*whole) + placed.cpu_ms + placed.changes_ms, 1e-9);
}

TEST(Forecast, AsPlacedAProgramWithAttentionOnTheCpuHasNoSpeed) {
  for (const char* small :
       {"fixtures/anemll/qwen3-micro-2chunk", "fixtures/anemll/gemma3-fp16-1chunk"}) {
    ANEMONE_NEED_SHARED(small);
    const auto forecast = ane::forecast(test::shared_folder() / small, {.chip = "m4"});
    ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
    const PlacedForecast& placed = *forecast->decoding->placed;
    EXPECT_GT(placed.cpu_functions, 0U) << small;
    EXPECT_FALSE(placed.tokens_per_second) << small;
    EXPECT_GT(placed.cpu_ms, 0) << small;
  }
}

TEST(Forecast, AsPlacedProgramsOnTheCpuWithoutAttentionCostACallAndTheirOps) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto tiny = forecast(test::shared_folder() / kTiny, {.chip = "m4", .prompt_tokens = 512});
  ASSERT_TRUE(tiny.ok()) << tiny.error().to_string();
  const DecodingForecast& decoding = *tiny->decoding;
  ASSERT_TRUE(decoding.placed->tokens_per_second);
  EXPECT_EQ(decoding.placed->cpu_functions, 2U) << "embeddings and head";
  EXPECT_LT(*decoding.placed->tokens_per_second, decoding.tokens_per_second);
  EXPECT_GE(placed_ms(*tiny), decoding.overhead_ms + decoding.placed->cpu_ms +
                                  decoding.placed->changes_ms + decoding.attention_ms);
}

}  // namespace
}  // namespace anemone::ane
