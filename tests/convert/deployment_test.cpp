// The way of a deployment guide: a trained model with an adapter and its tokenizer, converted and
// run.

#include <gmock/gmock.h>

#include "anemone/text.h"
#include "convert/convert_output.h"
#include "support/safetensors_file.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using Deployment = test::ConvertOutput;

/// Numbers of a fixed sequence, of about `size`.
Tensor noise(Shape shape, double size, uint32_t& seed) {
  std::vector<float> values(static_cast<size_t>(shape.element_count()));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(size * (static_cast<double>(seed >> 8) / (1 << 23) - 1));
  }
  return Tensor::from_values<float>(DType::fp32, shape, values);
}

/// Pairs for the queries and values of every layer, as training in MLX leaves them.
void write_adapter(const fs::path& base, const test::ScratchFolder& scratch) {
  const auto config = nlohmann::json::parse(test::read_file(base / "config.json"));
  constexpr int64_t kRank = 4;
  const int64_t hidden = config.at("hidden_size");
  const int64_t heads = config.at("num_attention_heads");
  const int64_t width = config.value("head_dim", hidden / heads);
  uint32_t seed = 71;
  std::vector<NamedTensor> tensors;
  for (int64_t layer = 0; layer < config.at("num_hidden_layers"); ++layer)
    for (const auto& [name, rows] :
         {std::pair{"q_proj", heads * width},
          std::pair{"v_proj", config.at("num_key_value_heads").get<int64_t>() * width}}) {
      const std::string module =
          "model.layers." + std::to_string(layer) + ".self_attn." + std::string(name);
      tensors.push_back({module + ".lora_a", noise({kRank, hidden}, 0.3, seed)});
      tensors.push_back({module + ".lora_b", noise({rows, kRank}, 0.3, seed)});
    }
  scratch.write("adapter/lora_adapters.safetensors", test::safetensors_bytes(tensors));
  scratch.write("adapter/adapter_config.json",
                nlohmann::json{{"lora_rank", kRank}, {"lora_alpha", 2 * kRank}}.dump());
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

TEST_F(Deployment, S3_71_AMistralWithAnAdapterPassesTheWholeWay) {
  const fs::path base = test::shared_folder() / "fixtures/hf/mistral";
  ANEMONE_NEED_SHARED(base);
  write_adapter(base, scratch_);
  const fs::path adapter = scratch_.path() / "adapter";
  const test::Arrays expected = test::read_arrays(base / "expected.npz");
  lm::LanguageModel::Options options;
  options.runtime.numerics = runtime::Numerics::fp32;
  options.context = 160;
  const auto plain = lm::LanguageModel::open(base, options);
  ASSERT_TRUE(plain.ok()) << plain.error().to_string();
  options.adapter = adapter;
  const auto adapted = lm::LanguageModel::open(base, options);
  ASSERT_TRUE(adapted.ok()) << adapted.error().to_string();
  const auto wanted = test::logits_of(**adapted, expected, "0");
  EXPECT_GT(largest_difference(wanted, test::logits_of(**plain, expected, "0")), 0.1)
      << "the adapter counts";
  for (const char* layout : {"anemone", "plain"}) {
    ConvertOptions converting{.layout = layout, .context = 160, .adapter = adapter};
    converting.dtype = DType::fp32;
    ASSERT_TRUE(test::converted(base, scratch_.path() / layout, converting));
    const auto model = test::opened(scratch_.path() / layout, runtime::Numerics::fp32);
    ASSERT_NE(model, nullptr);
    EXPECT_LE(largest_difference(test::logits_of(*model, expected, "0"), wanted), 2e-3) << layout;
  }
  ASSERT_TRUE(test::converted(base, scratch_.path() / "chunks",
                              {.context = 160, .chunks = 2, .adapter = adapter}))
      << "a model of 7B is converted in chunks";
  EXPECT_TRUE(fs::exists(scratch_.path() / "chunks/chunk_02of02.mlpackage"));
}

TEST_F(Deployment, S3_13_TheTokenizerComesAlongAndGivesTheExampleInput) {
  constexpr std::string_view kExample = "What is the capital of France?";
  ASSERT_TRUE(test::converted(checkpoint(), out(), {.layout = "plain", .lengths = {32}}));
  const auto source = text::Tokenizer::load(checkpoint());
  const auto carried = text::Tokenizer::load(out());
  ASSERT_TRUE(source.ok() && carried.ok());
  EXPECT_EQ(source->sha256(), carried->sha256());
  const auto ids = carried->encode(kExample, true);
  ASSERT_TRUE(ids.ok()) << ids.error().to_string();
  EXPECT_EQ(*ids, *source->encode(kExample, true));
  ASSERT_FALSE(ids->empty());
  const auto model = test::opened(out(), runtime::Numerics::fp32);
  ASSERT_NE(model, nullptr);
  std::vector<float> logits(static_cast<size_t>(model->info().vocab_size));
  const auto sequence = model->new_sequence();
  const Status status = model->extend(*sequence, *ids, lm::Rows::last, logits);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
}

}  // namespace
}  // namespace anemone
