#include "anemone/forecast.h"

#include <gtest/gtest.h>

#include "ane/cost.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::ane {
namespace {

constexpr const char* kTiny = "models/anemone-tiny-anemll";

Result<Forecast> forecast_tiny(const std::string& chip, int64_t prompt = 512) {
  return forecast(test::shared_folder() / kTiny, {.chip = chip, .prompt_tokens = prompt});
}

TEST(Forecast, SpeedIsBelowItsFloorOnEveryChipWithKnownBandwidth) {
  ANEMONE_NEED_SHARED(kTiny);
  for (const char* chip : {"a14", "a19pro", "m1", "m3max", "m5pro", "m6"}) {
    const auto forecast = forecast_tiny(chip);
    ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
    ASSERT_TRUE(forecast->decoding);
    EXPECT_GT(forecast->decoding->tokens_per_second, 0);
    EXPECT_LT(forecast->decoding->tokens_per_second, forecast->decoding->floor_tokens_per_second);
    EXPECT_GT(forecast->decoding->first_token_ms, forecast->decoding->first_token_floor_ms);
    EXPECT_EQ(forecast->decoding->energy.has_value(), chip[0] == 'm') << chip;
    if (forecast->decoding->energy) {
      EXPECT_LT(forecast->decoding->energy->joules_floor, forecast->decoding->energy->joules_low);
    }
    for (const FunctionForecast& function : forecast->functions)
      EXPECT_GE(function.milliseconds, function.floor_ms) << function.package;
    EXPECT_FALSE(forecast->bandwidth_source.empty());
  }
}

TEST(Forecast, ReadsTheShapeOfTheDecoderFromItsPrograms) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto forecast = forecast_tiny("m4");
  ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
  const DecodingForecast& decoding = *forecast->decoding;
  EXPECT_EQ(decoding.context, 1024);
  EXPECT_EQ(decoding.prompt_width, 64);
  // 5 layers, K and V, 2 heads of 64, fp16
  EXPECT_EQ(decoding.cache_bytes, 5 * 2 * 2 * 64 * 1024 * 2);
  // 4,738,432 parameters in fp16, the embedding once more as the head and not as the table
  EXPECT_NEAR(decoding.weight_bytes, 4738432 * 2, 64e3);
  StepWork attention;
  add_attention(attention, {5, 4, 2, 64, 1024});
  EXPECT_NEAR(
      decoding.attention_ms,
      (attention.cache_bytes + 2 * attention.repeated_cache_bytes + 6 * attention.score_bytes) /
          (kFittedCosts.attention_gbps * 1e6),
      1e-9);
  // 5 layers at 0.335 ms and three programs at 0.25 ms
  EXPECT_NEAR(decoding.overhead_ms, 5 * 0.335 + 3 * 0.25, 1e-9);
}

TEST(Forecast, TheFirstTokenTakesAStepForEachBlockOfThePrompt) {
  ANEMONE_NEED_SHARED(kTiny);
  const double of_64 = forecast_tiny("m4", 64)->decoding->first_token_ms;
  EXPECT_NEAR(forecast_tiny("m4", 65)->decoding->first_token_ms, 2 * of_64, 1e-9);
  EXPECT_NEAR(forecast_tiny("m4", 1024)->decoding->first_token_ms, 16 * of_64, 1e-9);
}

TEST(Forecast, S4_35_CachedTokensOfThePromptTakeNoStep) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto first_token = [](int64_t cached) {
    const auto told = forecast(test::shared_folder() / kTiny,
                               {.chip = "m4", .prompt_tokens = 512, .cached_tokens = cached});
    EXPECT_TRUE(told.ok());
    return *told->decoding;
  };
  const DecodingForecast cold = first_token(0);
  EXPECT_NEAR(first_token(448).first_token_ms, cold.first_token_ms / 8, 1e-9);
  EXPECT_NEAR(first_token(448).first_token_floor_ms, cold.first_token_floor_ms / 8, 1e-9);
  EXPECT_NEAR(first_token(511).first_token_ms, cold.first_token_ms / 8, 1e-9);
}

TEST(Forecast, APromptThatFitsNoContextIsRefusedWithTheLengthThatFits) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto told = [](ForecastOptions options) {
    return forecast(test::shared_folder() / kTiny, options);
  };
  for (const auto& [options, words] :
       {std::pair(ForecastOptions{.prompt_tokens = 1025},
                  "a prompt of 1025 tokens, expected 1 to 1024, the context"),
        std::pair(ForecastOptions{.prompt_tokens = 0},
                  "a prompt of 0 tokens, expected 1 to 1024, the context"),
        std::pair(ForecastOptions{.prompt_tokens = 4097, .contexts = {4096, 256}},
                  "a prompt of 4097 tokens, expected 1 to 4096, the context"),
        std::pair(ForecastOptions{.cached_tokens = 512},
                  "512 cached tokens of a prompt of 512, expected 0 to 511"),
        std::pair(ForecastOptions{.prompt_tokens = 8, .cached_tokens = -1},
                  "-1 cached tokens of a prompt of 8, expected 0 to 7")}) {
    const auto refused = told(options);
    ASSERT_TRUE(refused.ok()) << refused.error().to_string();
    ASSERT_TRUE(refused->decoding_error) << words;
    EXPECT_EQ(refused->decoding_error->code, ErrorCode::invalid_argument);
    EXPECT_EQ(refused->decoding_error->message, words);
    EXPECT_FALSE(refused->decoding);
    EXPECT_TRUE(refused->sweep.empty());
    EXPECT_GT(refused->residency.value_or(0), 0.5) << "the placement does not hang on the prompt";
  }
  const auto longer =
      told({.prompt_tokens = 4000, .cached_tokens = 3000, .contexts = {4096, 1024}});
  ASSERT_TRUE(longer.ok()) << longer.error().to_string();
  EXPECT_EQ(longer->sweep[0].prompt_tokens, 4000);
  EXPECT_EQ(longer->sweep[0].cached_tokens, 3000);
  EXPECT_FALSE(longer->sweep[0].prompt_is_cut);
  for (const DecodingForecast* cut : {&*longer->decoding, &longer->sweep[1]}) {
    EXPECT_EQ(cut->prompt_tokens, 1024);
    EXPECT_EQ(cut->cached_tokens, 1023);
    EXPECT_TRUE(cut->prompt_is_cut);
  }
  const auto shorter = told({.cached_tokens = 400, .contexts = {256, 512}});
  ASSERT_TRUE(shorter.ok() && shorter->sweep.size() == 2);
  EXPECT_EQ(shorter->sweep[0].prompt_tokens, 256);
  EXPECT_TRUE(shorter->sweep[0].prompt_is_cut) << "the usual prompt is longer, too";
  EXPECT_EQ(shorter->sweep[1].cached_tokens, 400);
  EXPECT_FALSE(shorter->sweep[1].prompt_is_cut);
}

TEST(Forecast, StopsWhenAsked) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto stopped =
      forecast(test::shared_folder() / kTiny, {.progress = [](const Progress&) { return false; }});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
}

TEST(Forecast, ASoundModelIsNotJudgedWhereNoSegmentWouldPay) {
  for (const char* sound :
       {"fixtures/anemll/qwen3-fp16-1chunk", "fixtures/anemll/qwen3-fp16-2chunk"}) {
    ANEMONE_NEED_SHARED(sound);
    const auto forecast = ane::forecast(test::shared_folder() / sound, {.chip = "m4"});
    ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
    EXPECT_FALSE(forecast->residency) << "of one checkpoint, in one chunk or two";
    for (const FunctionForecast& function : forecast->functions)
      EXPECT_TRUE(function.below_launch_cost) << function.function;
  }
}

TEST(Forecast, S3_77_EveryOpHasOneUnitAndSharesAreOfTheirTime) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto forecast = forecast_tiny("m4");
  ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
  ASSERT_EQ(forecast->functions.size(), 4U);
  for (const FunctionForecast& function : forecast->functions) {
    double engine = 0;
    double all = 0;
    for (const PlacedOperation& op : function.operations) {
      all += op.milliseconds;
      if (op.unit == Unit::neural_engine) {
        engine += op.milliseconds;
        EXPECT_EQ(op.obstacle, "") << op.name;
      }
    }
    EXPECT_NEAR(function.milliseconds, all + function.launch_ms, 1e-9);
    EXPECT_NEAR(function.residency * all, engine, 1e-9);
  }
}

TEST(Forecast, S4_37_ProgramsBelowTheLaunchCostAreNotJudged) {
  ANEMONE_NEED_SHARED(kTiny);
  for (const char* model :
       {kTiny, "fixtures/anemll/qwen3-lut4-2chunk", "fixtures/anemll/llama-fp16-1chunk",
        "fixtures/anemll/gemma3-fp16-1chunk"}) {
    const auto forecast = ane::forecast(test::shared_folder() / model, {.chip = "m4"});
    ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
    for (const FunctionForecast& function : forecast->functions) {
      EXPECT_TRUE(function.below_launch_cost || function.segments > 0)
          << function.package << ' ' << function.function;
    }
    EXPECT_GT(forecast->residency.value_or(1), 0.8);
  }
}

TEST(Forecast, EverySoundDecoderHasASpeed) {
  for (const char* name :
       {"gemma3-fp16-1chunk", "llama-fp16-1chunk", "qwen3-fp16-1chunk", "qwen3-fp16-2chunk",
        "qwen3-lut4-2chunk", "qwen3-micro-2chunk", "qwen3-mono-argmax"}) {
    const std::string path = std::string("fixtures/anemll/") + name;
    ANEMONE_NEED_SHARED(path);
    const auto forecast = ane::forecast(test::shared_folder() / path, {.chip = "m4"});
    ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
    ASSERT_TRUE(forecast->decoding) << name;
    EXPECT_GT(forecast->decoding->attention_ms, 0) << name;
    EXPECT_GE(forecast->decoding->prompt_width, 8) << name;
  }
}

TEST(Forecast, RotateChunksStandInForChunksAndNotBesideThem) {
  constexpr const char* kWhole = "fixtures/anemll/gemma3-fp16-1chunk";
  ANEMONE_NEED_SHARED(kWhole);
  namespace fs = std::filesystem;
  const test::ScratchFolder folder;
  fs::copy(test::shared_folder() / kWhole, folder.path() / "m", fs::copy_options::recursive);
  const auto directory = package::open_anemll(folder.path() / "m");
  ASSERT_TRUE(directory.ok()) << directory.error().to_string();
  const fs::path chunk = directory->chunks[0];
  fs::permissions(folder.path() / "m", fs::perms::owner_all, fs::perm_options::add);
  fs::copy(chunk,
           chunk.parent_path() / (chunk.stem().string() + "_rot" + chunk.extension().string()),
           fs::copy_options::recursive);
  const std::string meta = folder.read("m/meta.yaml");
  fs::permissions(folder.path() / "m/meta.yaml", fs::perms::owner_all, fs::perm_options::add);
  const size_t at = meta.find("context_length:");
  const size_t line = meta.rfind('\n', at) + 1;
  folder.write("m/meta.yaml", meta.substr(0, line) + std::string(at - line, ' ') +
                                  "split_rotate: true\n" + meta.substr(line));
  const auto whole = ane::forecast(test::shared_folder() / kWhole);
  const auto split = ane::forecast(folder.path() / "m");
  ASSERT_TRUE(whole.ok());
  ASSERT_TRUE(split.ok()) << split.error().to_string();
  EXPECT_GT(split->functions.size(), whole->functions.size());
  EXPECT_EQ(split->decoding->weight_bytes, whole->decoding->weight_bytes);
  EXPECT_EQ(split->decoding->tokens_per_second, whole->decoding->tokens_per_second);
  EXPECT_EQ(split->decoding->first_token_ms, whole->decoding->first_token_ms);
}

TEST(Forecast, ADecoderOfAnyLengthHasNoSpeed) {
  constexpr const char* kRange = "fixtures/coreml/llama_stateful/model.mlpackage";
  ANEMONE_NEED_SHARED(kRange);
  const auto forecast = ane::forecast(test::shared_folder() / kRange);
  ASSERT_TRUE(forecast.ok()) << forecast.error().to_string();
  EXPECT_FALSE(forecast->decoding);
  EXPECT_TRUE(forecast->functions[0].has_unknown_shapes);
  EXPECT_EQ(forecast->residency, 0);  // a range of shapes
}

TEST(Forecast, AnotherContextIsThatOfAProgramBuiltForIt) {
  ANEMONE_NEED_SHARED(kTiny);
  const auto tiny = forecast(test::shared_folder() / kTiny,
                             {.chip = "m4", .contexts = {512, 1024}, .batches = {1, 4}});
  ASSERT_TRUE(tiny.ok()) << tiny.error().to_string();
  ASSERT_EQ(tiny->sweep.size(), 4U);
  const DecodingForecast& half = tiny->sweep[0];
  const DecodingForecast& whole = tiny->sweep[2];
  EXPECT_EQ(half.context, 512);
  EXPECT_EQ(half.cache_bytes * 2, tiny->decoding->cache_bytes);
  EXPECT_NEAR(half.attention_ms * 2, tiny->decoding->attention_ms, 1e-12);
  EXPECT_EQ(half.weight_bytes, tiny->decoding->weight_bytes);
  EXPECT_EQ(whole.tokens_per_second, tiny->decoding->tokens_per_second);
  EXPECT_EQ(whole.first_token_ms, tiny->decoding->first_token_ms);
  const DecodingForecast& four = tiny->sweep[3];
  EXPECT_EQ(four.batch, 4);
  EXPECT_EQ(four.cache_bytes, 4 * whole.cache_bytes);
  EXPECT_GT(four.tokens_per_second, whole.tokens_per_second);
  EXPECT_LT(four.tokens_per_second, 4 * whole.tokens_per_second);
  for (const DecodingForecast& each : tiny->sweep) {
    EXPECT_LT(each.tokens_per_second, each.floor_tokens_per_second);
    EXPECT_GT(each.first_token_ms, each.first_token_floor_ms);
  }
}

TEST(Forecast, WindowsStayWhatTheyAreInALongerContext) {
  constexpr const char* kGemma = "fixtures/anemll/gemma3-fp16-1chunk";
  ANEMONE_NEED_SHARED(kGemma);
  const auto own = forecast(test::shared_folder() / kGemma);
  ASSERT_TRUE(own.ok()) << own.error().to_string();
  const int64_t context = own->decoding->context;
  const auto longer =
      forecast(test::shared_folder() / kGemma, {.contexts = {context, 2 * context}});
  ASSERT_TRUE(longer.ok()) << longer.error().to_string();
  EXPECT_EQ(longer->sweep[0].cache_bytes, own->decoding->cache_bytes);
  EXPECT_GT(longer->sweep[1].cache_bytes, own->decoding->cache_bytes);
  EXPECT_LT(longer->sweep[1].cache_bytes, 2 * own->decoding->cache_bytes);
}

TEST(Forecast, RefusesContextsAndBatchesThatAreNone) {
  for (const ForecastOptions& options :
       {ForecastOptions{.contexts = {1}}, ForecastOptions{.batches = {0}},
        ForecastOptions{.batches = {65}}})
    EXPECT_EQ(forecast("anywhere", options).error().code, ErrorCode::invalid_argument);
}

TEST(Forecast, NamesAChipWithoutPublishedFigures) {
  const auto unknown = forecast("anywhere", {.chip = "a12"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::unsupported);
  EXPECT_NE(unknown.error().message.find("A12"), std::string::npos);
  EXPECT_EQ(forecast("anywhere", {.chip = "z1"}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(forecast("/no/such/model").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace anemone::ane
