#pragma once

#include <map>
#include <random>
#include <string>

#include "models/decoder.h"
#include "models/memory_source.h"

namespace anemone::models {

/// A small decoder with made-up weights, for tests: two layers, grouped queries, norms of queries
/// and keys, one windowed layer.
class TinyDecoder {
 public:
  static constexpr int64_t kHidden = 8;
  static constexpr int64_t kHead = 4;
  static constexpr int64_t kVocab = 21;

  TinyDecoder() {
    decoder_.architecture = "tiny";
    decoder_.vocab_size = kVocab;
    decoder_.hidden_size = kHidden;
    decoder_.max_positions = 16;
    decoder_.embedding = weight("embedding", {kVocab, kHidden}, 1);
    decoder_.head = linear("head", kHidden, kVocab);
    decoder_.final_norm = norm("final_norm", kHidden);
    decoder_.ropes = {{.inv_freq = {1, 0.1}}};
    for (const std::string prefix : {"a.", "b."}) {
      Layer layer;
      layer.attention_pre_norm = norm(prefix + "attention_norm", kHidden);
      layer.mlp_pre_norm = norm(prefix + "mlp_norm", kHidden);
      Attention& attention = layer.attention;
      attention.heads = 4;
      attention.kv_heads = 2;
      attention.head_dim = kHead;
      attention.q = linear(prefix + "q", kHidden, 4 * kHead);
      attention.k = linear(prefix + "k", kHidden, 2 * kHead);
      attention.v = linear(prefix + "v", kHidden, 2 * kHead);
      attention.o = linear(prefix + "o", 4 * kHead, kHidden);
      attention.q_norm = norm(prefix + "q_norm", kHead);
      attention.k_norm = norm(prefix + "k_norm", kHead);
      attention.rope = 0;
      attention.scale = 0.5;
      layer.mlp = mlp(prefix);
      decoder_.layers.push_back(layer);
    }
    decoder_.layers[1].attention.window = 3;
  }

  Decoder& decoder() { return decoder_; }
  std::map<std::string, Tensor>& tensors() { return tensors_; }
  MemorySource source() const { return MemorySource(tensors_); }

  WeightRef weight(const std::string& name, Shape shape, double spread, double mean = 0) {
    Tensor tensor = Tensor::zeros(DType::fp32, shape);
    for (int64_t i = 0; i < tensor.element_count(); ++i)
      tensor.set(i, mean + spread * (static_cast<double>(random_()) / 2147483647.0 - 0.5) * 2);
    tensors_.insert_or_assign(name, tensor.converted(DType::fp16).converted(DType::fp32));
    return {.name = name};
  }
  Linear linear(const std::string& name, int64_t in, int64_t out) {
    return {.weight = weight(name, {out, in}, 0.8), .in = in, .out = out};
  }
  Norm norm(const std::string& name, int64_t size) {
    return {.weight = weight(name, {size}, 0.2, 1)};
  }
  Mlp mlp(const std::string& prefix) {
    return {.gate = linear(prefix + "gate", kHidden, 12),
            .up = linear(prefix + "up", kHidden, 12),
            .down = linear(prefix + "down", 12, kHidden)};
  }

 private:
  Decoder decoder_;
  std::map<std::string, Tensor> tensors_;
  std::minstd_rand random_{7};
};

}  // namespace anemone::models
