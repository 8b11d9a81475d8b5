// What a conversion says of weights that it cannot write, or does not use.

#include <gmock/gmock.h>

#include "anemone/language_model.h"
#include "checkpoint/safetensors.h"
#include "convert/convert_output.h"
#include "support/safetensors_file.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kQuery = "model.layers.1.self_attn.q_proj.weight";

class ConvertFaults : public test::ConvertOutput {
 protected:
  /// The small model with one tensor changed, or added.
  fs::path changed(const std::string& name, const std::string& like,
                   const std::function<void(Tensor&)>& change) const {
    const auto source = checkpoint::open_safetensors(checkpoint() / "model.safetensors");
    EXPECT_TRUE(source.ok());
    std::vector<NamedTensor> tensors;
    for (const auto& info : (*source)->tensors())
      if (info.name != name) tensors.push_back({info.name, *(*source)->read(info.name)});
    Tensor other = *(*source)->read(like);
    change(other);
    tensors.push_back({name, std::move(other)});
    scratch_.write("model/model.safetensors", test::safetensors_bytes(tensors));
    for (const char* file : {"config.json", "tokenizer.json"})
      fs::copy_file(checkpoint() / file, scratch_.path() / "model" / file,
                    fs::copy_options::overwrite_existing);
    return scratch_.path() / "model";
  }
};

TEST_F(ConvertFaults, ErrorsOfWeightsNameTheTensorAndTheCheckpoint) {
  const auto error_of = [&](float value, const fs::path& target, ConvertOptions options) {
    const fs::path model = changed(kQuery, kQuery, [&](Tensor& q) {
      q = q.converted(DType::fp32);
      q.set(7, value);
    });
    const auto report = convert(model, target, options);
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(fs::exists(target));
    return report.ok() ? "" : report.error().to_string();
  };
  const std::string large = error_of(131072, out(), small_);
  EXPECT_THAT(large, AllOf(HasSubstr((scratch_.path() / "model").string() + ": tensor '" + kQuery +
                                     "': the value 131072 does not fit into fp16"),
                           HasSubstr("--dtype fp32"), Not(HasSubstr(".tmp")),
                           Not(HasSubstr("@checkpoint"))));
  const fs::path package = scratch_.path() / "one.mlpackage";
  const std::string alone = error_of(131072, package, {.layout = "stateful", .context = 64});
  EXPECT_THAT(alone, AllOf(HasSubstr((scratch_.path() / "model").string() + ": tensor '" + kQuery),
                           HasSubstr("--dtype fp32"), Not(HasSubstr(".tmp"))));
  for (const DType dtype : {DType::fp16, DType::fp32}) {
    ConvertOptions options = small_;
    options.dtype = dtype;
    EXPECT_THAT(
        error_of(NAN, out(), options),
        AllOf(
            HasSubstr(std::string("tensor '") + kQuery + "': the value at row 0, column 7 is nan"),
            Not(HasSubstr(".tmp")), Not(HasSubstr("@checkpoint")), Not(HasSubstr("fp32 []"))));
  }
}

/// transformers 5 takes the stored layer, earlier versions the embedding: neither is guessed.
TEST_F(ConvertFaults, AnotherOutputLayerBesideATiedEmbeddingIsRefused) {
  const auto error_of = [&](float value) {
    const fs::path model =
        changed("lm_head.weight", "model.embed_tokens.weight", [&](Tensor& head) {
          head = head.converted(DType::fp32);
          if (value != 0) head.set(3, value);
          head = head.converted(DType::fp16);
        });
    ConvertOptions options = small_;
    options.dry_run = true;
    const auto report = convert(model, out(), options);
    const auto direct = lm::LanguageModel::open(model, {});
    EXPECT_EQ(report.ok(), direct.ok());
    if (report.ok()) return std::string();
    EXPECT_EQ(report.error().code, ErrorCode::mismatch);
    EXPECT_EQ(report.error().to_string(), direct.error().to_string());
    return report.error().to_string();
  };
  EXPECT_EQ(error_of(0), "");
  EXPECT_THAT(error_of(5), AllOf(HasSubstr("'lm_head.weight' is another tensor than "
                                           "'model.embed_tokens.weight', though config.json ties"),
                                 HasSubstr("tie_word_embeddings")));
}

}  // namespace
}  // namespace anemone
