#include "checkpoint/mlx_quantized.h"

#include <gmock/gmock.h>

#include "anemone/npz.h"
#include "checkpoint/npz_source.h"
#include "checkpoint/safetensors.h"
#include "support/memory_source.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::checkpoint {
namespace {

using test::MemorySource;
using ::testing::HasSubstr;

constexpr int64_t kInputs = 64;
constexpr int64_t kGroup = 32;

/// Row r, input k holds the value (7 r + 5 k) mod 2^bits, packed bit by bit.
std::shared_ptr<const TensorSource> packed(int bits) {
  const auto words = kInputs * bits / 32;
  Tensor weight = Tensor::zeros(DType::uint32, {2, words});
  for (int64_t row = 0; row < 2; ++row)
    for (int64_t k = 0; k < kInputs; ++k)
      for (int64_t bit = 0; bit < bits; ++bit) {
        const int64_t at = k * bits + bit;
        const uint32_t value = static_cast<uint32_t>((7 * row + 5 * k) % (1 << bits));
        weight.mutable_values<uint32_t>()[static_cast<size_t>(row * words + at / 32)] |=
            (value >> bit & 1U) << (at % 32);
      }
  Tensor scales = Tensor::zeros(DType::fp16, {2, 2});
  Tensor biases = Tensor::zeros(DType::bf16, {2, 2});
  for (int64_t i = 0; i < 4; ++i) {
    scales.set(i, 0.25 * static_cast<double>(i + 1));
    biases.set(i, static_cast<double>(i) - 2);
  }
  return std::make_shared<MemorySource>(std::vector<NamedTensor>{{"m.weight", weight},
                                                                 {"m.scales", scales},
                                                                 {"m.biases", biases},
                                                                 {"norm.weight", scales},
                                                                 {"m.bias", biases}});
}

TEST(MlxQuantized, S3_5_EveryWidthIsUnpackedAcrossWords) {
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    const auto source = dequantize_mlx(packed(bits), Json{{"group_size", kGroup}, {"bits", bits}});
    ASSERT_TRUE(source.ok()) << source.error().to_string();
    EXPECT_EQ((*source)->tensors().size(), 3u);
    EXPECT_EQ((*source)->find("m.weight")->dtype, DType::fp32);
    const auto weight = (*source)->read("m.weight");
    ASSERT_TRUE(weight.ok());
    ASSERT_EQ(weight->shape(), Shape({2, kInputs}));
    for (int64_t row = 0; row < 2; ++row)
      for (int64_t k = 0; k < kInputs; ++k) {
        const auto group = static_cast<double>(row * 2 + k / kGroup);
        const auto value = static_cast<double>((7 * row + 5 * k) % (1 << bits));
        EXPECT_EQ(weight->at(row * kInputs + k), value * 0.25 * (group + 1) + group - 2)
            << bits << " bits, input " << k;
      }
    EXPECT_EQ((*source)->find("norm.weight")->dtype, DType::fp16);
  }
}

TEST(MlxQuantized, EntriesOfModulesOverride) {
  const auto read = [](Json quantization) { return dequantize_mlx(packed(6), quantization); };
  const Json entry = {{"bits", 6}, {"group_size", kGroup}};
  EXPECT_TRUE(read({{"group_size", 64}, {"bits", 4}, {"mode", "affine"}, {"m", entry}}).ok());
  const std::tuple<Json, ErrorCode, const char*> wrong[] = {
      {{{"group_size", 64}, {"bits", 4}}, ErrorCode::mismatch, "module 'm'"},
      {{{"group_size", kGroup}, {"bits", 6}, {"m", false}}, ErrorCode::mismatch, "says false"},
      {{{"group_size", kGroup}, {"bits", 6}, {"x", entry}}, ErrorCode::mismatch, "'x'"},
      {{{"group_size", kGroup}, {"bits", 7}}, ErrorCode::unsupported, "7 bits"},
      {{{"group_size", kGroup}, {"bits", 6}, {"mode", "mxfp4"}}, ErrorCode::unsupported, "mxfp4"},
      {{{"group_size", kGroup}, {"bits", 6}, {"zero", 1}}, ErrorCode::unsupported, "'zero'"},
      {{{"group_size", kGroup}, {"bits", "6"}}, ErrorCode::corrupt, "bits"},
      {{{"bits", 6}}, ErrorCode::corrupt, "group_size"}};
  for (const auto& [quantization, code, text] : wrong) {
    const auto source = read(quantization);
    ASSERT_FALSE(source.ok()) << quantization;
    EXPECT_EQ(source.error().code, code) << source.error().to_string();
    EXPECT_THAT(source.error().to_string(), HasSubstr(text));
  }
  const auto dense = std::make_shared<test::MemorySource>(
      std::vector<NamedTensor>{{"m.weight", Tensor::zeros(DType::fp16, {2, 64})}});
  const auto none = dequantize_mlx(dense, {{"group_size", 64}, {"bits", 4}});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::mismatch);
  EXPECT_THAT(none.error().message, HasSubstr("none of the weights has scales"));
}

/// Expected values by the definition in the fixtures' README, one value at a time.
TEST(MlxQuantized, FixturesAreReadByTheirDefinition) {
  ANEMONE_NEED_SHARED("fixtures/checkpoints");
  for (const char* name : {"mlx_q4_qwen3", "mlx_q8_llama31", "mlx_mixed_llama"}) {
    const auto folder = test::shared_folder() / "fixtures/checkpoints" / name;
    const auto stored = open_safetensors(folder / "model.safetensors");
    ASSERT_TRUE(stored.ok());
    const auto config = read_json_object(folder / "config.json");
    ASSERT_TRUE(config.ok());
    const Json quantization = config->at("quantization");
    const auto source = dequantize_mlx(*stored, quantization);
    ASSERT_TRUE(source.ok()) << source.error().to_string();
    int checked = 0;
    for (const TensorInfo& info : (*source)->tensors()) {
      const std::string module = info.name.substr(0, info.name.rfind('.'));
      const auto words = (*stored)->read(info.name);
      if (words->dtype() != DType::uint32) {
        EXPECT_EQ(info.dtype, words->dtype());
        continue;
      }
      const Json scheme = quantization.contains(module) ? quantization.at(module) : quantization;
      const auto bits = scheme.at("bits").get<int64_t>();
      const auto group = scheme.at("group_size").get<int64_t>();
      const auto scales = (*stored)->read(module + ".scales");
      const auto biases = (*stored)->read(module + ".biases");
      const auto weight = (*source)->read(info.name);
      ASSERT_TRUE(weight.ok());
      const int64_t inputs = info.shape[1];
      for (int64_t i = 0; i < weight->element_count(); i += 37) {
        uint32_t value = 0;
        for (int64_t bit = 0; bit < bits; ++bit) {
          const int64_t at = i % inputs * bits + bit;
          const auto word = words->values<uint32_t>()[static_cast<size_t>(
              i / inputs * words->shape()[1] + at / 32)];
          value |= (word >> (at % 32) & 1U) << bit;
        }
        const auto expected =
            static_cast<float>(value) * static_cast<float>(scales->at(i / group)) +
            static_cast<float>(biases->at(i / group));
        ASSERT_EQ(weight->values<float>()[static_cast<size_t>(i)], expected) << info.name;
      }
      ++checked;
    }
    EXPECT_GT(checked, 10) << name;
  }
}

TEST(NpzSource, ReadsArraysAndRefusesBrokenOnes) {
  const test::ScratchFolder folder;
  const auto values =
      Tensor::from_values<float>(DType::fp16, {2, 2}, std::array{1.F, 2.F, 3.F, 4.F});
  ASSERT_TRUE(
      write_npz(folder.path() / "w.npz", std::vector<NamedTensor>{{"b.w", values}, {"a", values}})
          .ok());
  const auto source = open_npz(folder.path() / "w.npz");
  ASSERT_TRUE(source.ok()) << source.error().to_string();
  ASSERT_EQ((*source)->tensors().size(), 2u);
  EXPECT_EQ((*source)->tensors()[0].name, "a");
  EXPECT_EQ((*source)->read("b.w")->at(3), 4.0);
  EXPECT_EQ((*source)->find("b.w")->dtype, DType::fp16);

  ANEMONE_NEED_SHARED("fixtures/checkpoints/broken");
  const auto broken = test::shared_folder() / "fixtures/checkpoints/broken";
  EXPECT_EQ(open_npz(broken / "npz_truncated.npz").error().code, ErrorCode::corrupt);
  EXPECT_EQ(open_npz(broken / "npz_object_array.npz").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace anemone::checkpoint
