// What a run of compressed weights holds in memory: they are not expanded.

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>

#include "convert/convert_output.h"
#include "support/safetensors_file.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHidden = 768;
constexpr int64_t kFfn = 3072;
constexpr int64_t kLayers = 4;
constexpr int64_t kVocab = 512;

/// Random numbers in the shape of a llama.
void write_checkpoint(const fs::path& folder) {
  std::mt19937 random(1);
  std::vector<uint16_t> noise(1 << 16);
  for (uint16_t& bits : noise) {
    // bf16 of magnitudes from 2^-6 to 2^-5, half of them negative.
    constexpr uint32_t kExponent = 121 << 7;
    const auto drawn = static_cast<uint32_t>(random());
    bits = static_cast<uint16_t>((drawn & 0x8000) | kExponent | (drawn & 0x7f));
  }
  std::vector<NamedTensor> tensors;
  const auto add = [&](const std::string& name, const Shape& shape) {
    Tensor tensor = Tensor::zeros(DType::bf16, shape);
    auto bytes = tensor.mutable_bytes();
    const auto from = std::as_bytes(std::span(noise));
    for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = from[at % from.size()];
    tensors.push_back({name, std::move(tensor)});
  };
  add("model.embed_tokens.weight", {kVocab, kHidden});
  add("lm_head.weight", {kVocab, kHidden});
  add("model.norm.weight", {kHidden});
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    add(at + "input_layernorm.weight", {kHidden});
    add(at + "post_attention_layernorm.weight", {kHidden});
    for (const char* name : {"q", "k", "v", "o"})
      add(at + "self_attn." + name + "_proj.weight", {kHidden, kHidden});
    add(at + "mlp.gate_proj.weight", {kFfn, kHidden});
    add(at + "mlp.up_proj.weight", {kFfn, kHidden});
    add(at + "mlp.down_proj.weight", {kHidden, kFfn});
  }
  std::ofstream(folder / "model.safetensors", std::ios::binary) << test::safetensors_bytes(tensors);
  const nlohmann::json config = {{"architectures", {"LlamaForCausalLM"}},
                                 {"model_type", "llama"},
                                 {"hidden_size", kHidden},
                                 {"intermediate_size", kFfn},
                                 {"num_hidden_layers", kLayers},
                                 {"num_attention_heads", 12},
                                 {"num_key_value_heads", 12},
                                 {"vocab_size", kVocab},
                                 {"max_position_embeddings", 128},
                                 {"rms_norm_eps", 1e-5},
                                 {"rope_theta", 10000.0},
                                 {"hidden_act", "silu"},
                                 {"tie_word_embeddings", false}};
  std::ofstream(folder / "config.json") << config.dump();
}

/// A number of /proc/self/status, in bytes; -1 where there is none.
int64_t status_bytes(const std::string& key) {
  std::ifstream stream("/proc/self/status");
  for (std::string word; stream >> word;)
    if (int64_t kilobytes = 0; word == key && stream >> kilobytes) return kilobytes * 1024;
  return -1;
}

/// By how much a run of some tokens raises the resident memory at its peak; -1 where the system
/// does not say.
int64_t peak_of_run(const fs::path& model) {
  malloc_trim(0);
  std::ofstream reset("/proc/self/clear_refs");
  reset << 5 << std::flush;  // the peak is what is resident now
  const int64_t before = status_bytes("VmRSS:");
  if (!reset || before < 0 || status_bytes("VmHWM:") > before + (1 << 20)) return -1;
  const auto opened = test::opened(model, runtime::Numerics::fp32);
  EXPECT_NE(opened, nullptr) << model;
  if (opened == nullptr) return -1;
  const std::vector<int32_t> ids = {1, 5, 9, 2, 6, 8, 3, 7};
  std::vector<float> logits(static_cast<size_t>(kVocab));
  const auto sequence = opened->new_sequence();
  const Status status = opened->extend(*sequence, ids, lm::Rows::last, logits);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  return status_bytes("VmHWM:") - before;
}

TEST(CompressedMemory, WeightsRunAsTheyAreStored) {
  const test::ScratchFolder scratch;
  const fs::path checkpoint = scratch.path() / "checkpoint";
  fs::create_directory(checkpoint);
  write_checkpoint(checkpoint);
  const fs::path dense = scratch.path() / "dense";
  ASSERT_TRUE(test::converted(checkpoint, dense, {.context = 64, .prefill = {8}}));
  constexpr int64_t kWeightBytes = 2 * kLayers * kHidden * (4 * kHidden + 3 * kFfn);
  const int64_t dense_peak = peak_of_run(dense);
  if (dense_peak < 0) GTEST_SKIP() << "/proc/self/clear_refs resets no peak here";
  EXPECT_GT(dense_peak, kWeightBytes) << "what is not compressed is there in full";
  RecordProperty("fp16", std::to_string(dense_peak));
  for (const auto& [scheme, share] : {std::pair{"lut4:g16", 0.25},
                                      {"int4:b32", 0.29},
                                      {"int8:channel", 0.5},
                                      {"lut6:tensor", 0.375}}) {
    const fs::path packed = scratch.path() / "packed";
    const auto done = compress_model(dense, packed, {.quantize = scheme, .overwrite = true});
    ASSERT_TRUE(done.ok()) << done.error().to_string();
    const int64_t peak = peak_of_run(packed);
    ASSERT_GE(peak, 0) << scheme;
    RecordProperty(scheme, std::to_string(peak));
    // The mapped file, the weights as kernels read them, and a fifth for all that is no weight, of
    // which it takes 0.13: indices of 6 bits as bytes, half of the dense bytes, have no room.
    EXPECT_LT(static_cast<double>(peak), (2 * share + 0.2) * static_cast<double>(kWeightBytes))
        << scheme << " beside " << dense_peak << " of fp16";
  }
}

}  // namespace
}  // namespace anemone
