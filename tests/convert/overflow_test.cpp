// A model whose residual stream overflows behind a known layer, simulated in the Neural Engine's
// arithmetic: named at the right operation, and sound once the converter rescales the stream.

#include "anemone/simulate.h"
#include "checkpoint/checkpoint.h"
#include "convert/converted_model.h"
#include "support/safetensors_file.h"
#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

/// The embedded checkpoint with one matrix enlarged.
void write_enlarged(const std::string& matrix, double factor, const fs::path& to) {
  const fs::path original = test::source_folder() / "models" / "anemone-tiny";
  const auto opened = checkpoint::open(original);
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  std::vector<NamedTensor> tensors;
  bool found = false;
  for (const auto& info : opened->weights->tensors()) {
    Tensor tensor = *opened->weights->read(info.name);
    if (info.name == matrix) {
      found = true;
      const Tensor stored = tensor;
      tensor = Tensor::zeros(DType::fp32, info.shape);
      for (int64_t i = 0; i < tensor.element_count(); ++i) tensor.set(i, stored.at(i) * factor);
    }
    tensors.push_back({info.name, tensor});
  }
  ASSERT_TRUE(found) << matrix;
  fs::create_directories(to);
  const std::string bytes = test::safetensors_bytes(tensors);
  std::ofstream(to / "model.safetensors", std::ios::binary).write(bytes.data(), std::ssize(bytes));
  for (const char* file : {"config.json", "tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(original / file, to / file);
}

simulate::Report simulated(const fs::path& model) {
  const auto tokenizer = text::Tokenizer::load(model);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().to_string();
  const auto report = simulate::run_text(model, *tokenizer,
                                         "Every model of this kind reads one word after another, "
                                         "and guesses the next.",
                                         {}, {});
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return report.ok() ? *report : simulate::Report();
}

TEST(Overflow, IsNamedAtItsOperationAndGoneAfterRescaling) {
  const test::ScratchFolder scratch;
  const fs::path large = scratch.path() / "large";
  write_enlarged("model.layers.2.mlp.down_proj.weight", 0x1p15, large);
  ConvertOptions options{.layout = "anemll", .context = 128, .chunks = 2};
  options.residual_scale = 1;
  ASSERT_TRUE(test::converted(large, scratch.path() / "plain", options));
  const simulate::Report plain = simulated(scratch.path() / "plain");
  EXPECT_FALSE(plain.passed());
  ASSERT_FALSE(plain.overflows.empty());
  EXPECT_EQ(plain.overflows[0].origin.part, "layer.2.mlp");
  EXPECT_EQ(plain.overflows[0].origin.type, "conv");
  ASSERT_TRUE(plain.first_unsafe.has_value());
  EXPECT_EQ(plain.stream[*plain.first_unsafe].name, "layer.2");
  EXPECT_EQ(plain.stream[*plain.first_unsafe].origin.package, plain.overflows[0].origin.package);
  for (size_t i = 0; i < *plain.first_unsafe; ++i) EXPECT_TRUE(plain.stream[i].is_safe());

  options.residual_scale = {};
  ASSERT_TRUE(test::converted(large, scratch.path() / "rescaled", options));
  const simulate::Report rescaled = simulated(scratch.path() / "rescaled");
  EXPECT_TRUE(rescaled.passed());
  ASSERT_TRUE(rescaled.perplexity && rescaled.perplexity_fp32);
  RecordProperty("ratio", std::to_string(*rescaled.perplexity / *rescaled.perplexity_fp32));
  EXPECT_NEAR(*rescaled.perplexity / *rescaled.perplexity_fp32, 1, 0.1);
}

constexpr const char* kSentence = "One word follows another.";

TEST(Overflow, WholeWindowsTellNoTokensApart) {
  const test::ScratchFolder scratch;
  const fs::path tiny = test::source_folder() / "models" / "anemone-tiny";
  ConvertOptions options{.layout = "plain", .lengths = {16, 64}};
  ASSERT_TRUE(test::converted(tiny, scratch.path() / "plain.mlpackage", options));
  const auto tokenizer = text::Tokenizer::load(tiny);
  ASSERT_TRUE(tokenizer.ok());
  const auto report =
      simulate::run_text(scratch.path() / "plain.mlpackage", *tokenizer, kSentence, {}, {});
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->passed());
  EXPECT_TRUE(report->whole_windows);
  ASSERT_EQ(report->stream.size(), 11u) << "layers of one function, whichever ran";
  EXPECT_EQ(report->stream[0].origin.part, "embedding");
  EXPECT_EQ(report->stream[10].name, "layer.4");
  for (const simulate::Peak& peak : report->stream) EXPECT_FALSE(peak.token.has_value());
}

TEST(Overflow, ProgramsInFp32AreNotSimulated) {
  const test::ScratchFolder scratch;
  const fs::path tiny = test::source_folder() / "models" / "anemone-tiny";
  ConvertOptions options{.layout = "plain", .lengths = {16}, .dtype = DType::fp32};
  ASSERT_TRUE(test::converted(tiny, scratch.path() / "plain.mlpackage", options));
  const auto tokenizer = text::Tokenizer::load(tiny);
  ASSERT_TRUE(tokenizer.ok());
  const auto report =
      simulate::run_text(scratch.path() / "plain.mlpackage", *tokenizer, kSentence, {}, {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace anemone
