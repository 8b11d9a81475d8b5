#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/architectures.h"

namespace anemone::models {
namespace {

/// The tensors a decoder uses, each with the shape it must have as stored.
class Uses {
 public:
  explicit Uses(const Decoder& decoder) {
    matrix(decoder.embedding, decoder.vocab_size, decoder.hidden_size);
    if (decoder.position_embedding)
      matrix(*decoder.position_embedding, decoder.max_positions, decoder.hidden_size);
    for (const Layer& layer : decoder.layers) add(layer, decoder.hidden_size);
    add(decoder.final_norm, decoder.hidden_size);
    add(decoder.head);
  }

  const std::map<std::string, Shape, std::less<>>& shapes() const { return shapes_; }

 private:
  void add(const Layer& layer, int64_t hidden) {
    for (const auto* norm : {&layer.attention_pre_norm, &layer.attention_post_norm,
                             &layer.mlp_pre_norm, &layer.mlp_post_norm})
      if (*norm) add(**norm, hidden);
    const Attention& attention = layer.attention;
    for (const Linear* linear : {&attention.q, &attention.k, &attention.v, &attention.o})
      add(*linear);
    const bool spans = attention.norm_spans_heads;
    if (attention.q_norm) add(*attention.q_norm, spans ? attention.q.out : attention.head_dim);
    if (attention.k_norm) add(*attention.k_norm, spans ? attention.k.out : attention.head_dim);
    if (layer.mlp) add(*layer.mlp);
    if (!layer.experts) return;
    add(layer.experts->router);
    for (const Mlp& expert : layer.experts->experts) add(expert);
  }

  void add(const Mlp& mlp) {
    if (mlp.gate) add(*mlp.gate);
    add(mlp.up);
    add(mlp.down);
  }

  void add(const Linear& linear) {
    matrix(linear.weight, linear.out, linear.in);
    if (linear.bias) use(*linear.bias, {end_row(*linear.bias, linear.out)}, 0);
  }

  void add(const Norm& norm, int64_t size) {
    use(norm.weight, {size}, 0);
    if (norm.bias) use(*norm.bias, {size}, 0);
  }

  void matrix(const WeightRef& weight, int64_t rows, int64_t columns) {
    const int64_t end = end_row(weight, rows);
    const Shape shape = weight.transposed ? Shape{columns, end} : Shape{end, columns};
    use(weight, shape, weight.transposed ? 1 : 0);
  }

  static int64_t end_row(const WeightRef& weight, int64_t rows) { return weight.first_row + rows; }

  /// Parts of one tensor: it reaches as far as its last part does.
  void use(const WeightRef& weight, Shape shape, size_t row_axis) {
    if (weight.expert >= 0) {
      shape.insert(0, weight.expert + 1);
      ++row_axis;
    }
    const auto [known, is_new] = shapes_.emplace(weight.name, shape);
    if (is_new || known->second.rank() != shape.rank()) return;
    known->second[row_axis] = std::max(known->second[row_axis], shape[row_axis]);
    if (weight.expert >= 0) known->second[0] = std::max(known->second[0], shape[0]);
  }

  std::map<std::string, Shape, std::less<>> shapes_;
};

/// `*` stands for any characters, none included.
bool matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t i = star; i <= name.size(); ++i)
    if (matches(rest, name.substr(i))) return true;
  return false;
}

bool is_known_unused(const Decoder& decoder, std::string_view name) {
  for (const Architecture* architecture : architectures()) {
    if (std::ranges::find(architecture->model_types, decoder.architecture) ==
        architecture->model_types.end())
      continue;
    return std::ranges::any_of(architecture->unused_tensors,
                               [&](std::string_view pattern) { return matches(pattern, name); });
  }
  return false;
}

}  // namespace

Status check_weights(const Decoder& decoder, const checkpoint::TensorSource& weights) {
  const checkpoint::TensorInfo* embedding = weights.find(decoder.embedding.name);
  if (decoder.head.weight.name == decoder.embedding.name && embedding != nullptr &&
      embedding->adaptation == checkpoint::Adaptation::one_use)
    return fail(ErrorCode::unsupported, "'{}' is adapted, but the base ties it to another use",
                embedding->name);
  const Uses uses(decoder);
  std::vector<std::string> problems;
  for (const auto& [name, shape] : uses.shapes()) {
    const checkpoint::TensorInfo* info = weights.find(name);
    if (info == nullptr) {
      problems.push_back(fmt::format("{}: missing, expected {}", name, shape.to_string()));
    } else if (info->shape != shape) {
      problems.push_back(fmt::format("{}: shape {}, expected {}", name, info->shape.to_string(),
                                     shape.to_string()));
    } else if (!is_float(info->dtype)) {
      problems.push_back(
          fmt::format("{}: type {}, expected a floating-point type", name, to_string(info->dtype)));
    }
  }
  for (const checkpoint::TensorInfo& info : weights.tensors()) {
    if (uses.shapes().contains(info.name)) continue;
    if (info.adaptation != checkpoint::Adaptation::none) {
      problems.push_back(
          fmt::format("{}: the adapter changes it, a {} model with this config does "
                      "not use it",
                      info.name, decoder.architecture));
      continue;
    }
    if (is_known_unused(decoder, info.name)) continue;
    problems.push_back(fmt::format("{}: not part of a {} model with this config", info.name,
                                   decoder.architecture));
  }
  if (problems.empty()) return {};
  constexpr size_t kMostShown = 10;
  if (problems.size() > kMostShown) {
    const std::string more = fmt::format("and {} more", problems.size() - kMostShown);
    problems.resize(kMostShown);
    problems.push_back(more);
  }
  return with_hint(fail(ErrorCode::mismatch, "the checkpoint does not fit its config: {}",
                        fmt::join(problems, "; ")),
                   "is config.json the one that these weights were saved with?");
}

Status check_tied_head(const Decoder& decoder, const checkpoint::TensorSource& weights) {
  const std::string& embedding = decoder.embedding.name;
  if (decoder.head.weight.name != embedding) return {};
  for (const checkpoint::TensorInfo& info : weights.tensors()) {
    if (!info.name.ends_with("lm_head.weight")) continue;
    ANEMONE_TRY(const Tensor head, weights.read(info.name));
    ANEMONE_TRY(const Tensor table, weights.read(embedding));
    const bool is_same =
        head.dtype() == table.dtype() && std::ranges::equal(head.bytes(), table.bytes());
    weights.release();
    if (is_same) continue;
    return with_hint(
        fail(ErrorCode::mismatch,
             "'{}' is another tensor than '{}', though config.json ties the output "
             "layer to the embedding",
             info.name, embedding),
        "transformers 5 uses it, earlier versions do not: say \"tie_word_embeddings\": "
        "false in config.json if it is meant, or remove it from the weights");
  }
  return {};
}

}  // namespace anemone::models
