#include <gmock/gmock.h>

#include "checkpoint/adapter_formats.h"
#include "support/memory_source.h"

namespace anemone::checkpoint {
namespace {

using ::testing::HasSubstr;

const NamedTensor kOther{"m.norm.weight", Tensor::zeros(DType::fp32, {2})};

/// An adapter of `module`, of the last layers of a base with two, and with what else `more` is.
Result<AdapterPlan> plan(const std::string& module, int64_t num_layers,
                         const NamedTensor& more = kOther) {
  const test::MemorySource base({{"m.layers.0.q.weight", Tensor::zeros(DType::fp32, {2, 3})},
                                 {"m.layers.1.q.weight", Tensor::zeros(DType::fp32, {2, 3})},
                                 more});
  const test::MemorySource adapter({{module + ".lora_a", Tensor::zeros(DType::fp32, {3, 1})},
                                    {module + ".lora_b", Tensor::zeros(DType::fp32, {1, 2})}});
  return plan_mlx({{"fine_tune_type", "lora"},
                   {"num_layers", num_layers},
                   {"lora_parameters", {{"rank", 1}, {"scale", 2.0}}}},
                  adapter, base);
}

TEST(MlxAdapter, AdaptsTheLastLayers) {
  for (const int count : {-1, 0, 2, 16}) EXPECT_TRUE(plan("m.layers.0.q", count).ok()) << count;
  EXPECT_TRUE(plan("m.layers.1.q", 1).ok());
  const auto refused = plan("m.layers.0.q", 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::mismatch);
  EXPECT_THAT(refused.error().message, HasSubstr("'m.layers.0.q' is not in the last 1 layers"));
}

TEST(MlxAdapter, CountsLayersByPartsOfNamesThatAreNumbers) {
  for (const char* name : {"m.layers.9223372036854775807.x", "m.layers.2147483648.x",
                           "m.vision_layers.7.x", "m.layers.7", "m.layers.x.7"})
    EXPECT_TRUE(plan("m.layers.1.q", 1, {name, kOther.tensor}).ok()) << name;
  EXPECT_FALSE(plan("m.layers.1.q", 1, {"m.vision_layers.0.layers.7.x", kOther.tensor}).ok());
}

}  // namespace
}  // namespace anemone::checkpoint
