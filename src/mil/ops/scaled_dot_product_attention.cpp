#include <algorithm>
#include <cmath>
#include <limits>

#include "mil/ops/broadcast.h"
#include "mil/ops/hoist.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kQuery, kKey, kValue, kMask };
constexpr Parameter kParameters[] = {{"query", kFloat},
                                     {"key", kFloat},
                                     {"value", kFloat},
                                     {"attn_mask", kFloat | kBool, Presence::optional}};

Inferred infer(const Operands& in, size_t) {
  const Shape& query = in.shape(kQuery);
  const Shape& key = in.shape(kKey);
  const Shape& value = in.shape(kValue);
  const size_t rank = query.rank();
  if (rank < 3 || key.rank() != rank || value.rank() != rank)
    return violates("c1", "query, key and value have ranks {}, {} and {}, expected one, 3 or more",
                    rank, key.rank(), value.rank());
  for (size_t axis = 0; axis + 2 < rank; ++axis)
    if (!dims_agree(query[axis], key[axis]) || !dims_agree(query[axis], value[axis]) ||
        !dims_agree(key[axis], value[axis]))
      return violates("c2", "query {}, key {} and value {} have different batches",
                      query.to_string(), key.to_string(), value.to_string());
  if (!dims_agree(query[rank - 1], key[rank - 1]))
    return violates("c3", "query has {} elements in a row and key {}", query[rank - 1],
                    key[rank - 1]);
  if (!dims_agree(key[rank - 2], value[rank - 2]))
    return violates("c4", "key has {} rows and value {}", key[rank - 2], value[rank - 2]);
  if (in.dtype(kKey) != in.dtype(kQuery) || in.dtype(kValue) != in.dtype(kQuery))
    return violates("c5", "query, key and value are {}, {} and {}, expected one dtype",
                    to_string(in.dtype(kQuery)), to_string(in.dtype(kKey)),
                    to_string(in.dtype(kValue)));
  if (in.has(kMask)) {
    Shape scores = query;
    scores[rank - 1] = key[rank - 2];
    const auto both = broadcast_shapes(in.shape(kMask), scores);
    if (!both || !shapes_agree(*both, scores))
      return violates("c6", "attn_mask {} does not broadcast to {}", in.shape(kMask).to_string(),
                      scores.to_string());
  }
  Shape shape = query;
  shape[rank - 1] = value[rank - 1];
  return infers(in.dtype(kQuery), shape);
}

/// Turns scores into weights that sum to 1, or into zeros where every score is minus infinity.
void softmax(std::vector<double>& scores) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const double score : scores) largest = std::max(largest, score);
  if (largest == -std::numeric_limits<double>::infinity() &&
      std::ranges::none_of(scores, [](double score) { return std::isnan(score); })) {
    std::ranges::fill(scores, 0);
    return;
  }
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor* mask = in.value(kMask);
  const Shape& query_shape = in.value(kQuery)->shape();
  const Shape& value_shape = in.value(kValue)->shape();
  const size_t rank = query_shape.rank();
  const int64_t targets = query_shape[rank - 2];
  const int64_t sources = value_shape[rank - 2];
  const int64_t depth = query_shape[rank - 1];
  const int64_t width = value_shape[rank - 1];
  const std::vector<float> query = hoist(*in.value(kQuery));
  const std::vector<float> key = hoist(*in.value(kKey));
  const std::vector<float> value = hoist(*in.value(kValue));
  Shape scores_shape = query_shape;
  scores_shape[rank - 1] = sources;
  BroadcastWalk mask_walk(mask != nullptr ? mask->shape() : Shape{}, scores_shape);

  const double scale = 1 / std::sqrt(static_cast<double>(depth));
  const int64_t rows = scores_shape.element_count() / std::max<int64_t>(sources, 1);
  std::vector<double> scores(static_cast<size_t>(sources));
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t batch = row / targets;
    for (int64_t s = 0; s < sources; ++s, mask_walk.next()) {
      double score = scale * dot(query.data() + row * depth,
                                 key.data() + (batch * sources + s) * depth, depth);
      if (mask != nullptr) {
        const double entry = mask->at(mask_walk.offset());
        if (mask->dtype() != DType::bool_) {
          score += entry;
        } else if (entry == 0) {
          score = -std::numeric_limits<double>::infinity();
        }
      }
      scores[static_cast<size_t>(s)] = score;
    }
    softmax(scores);
    for (int64_t column = 0; column < width; ++column) {
      double sum = 0;
      for (int64_t s = 0; s < sources; ++s)
        sum +=
            scores[static_cast<size_t>(s)] *
            static_cast<double>(value[static_cast<size_t>((batch * sources + s) * width + column)]);
      outputs[0].set(row * width + column, sum);
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_scaled_dot_product_attention{
    .name = "scaled_dot_product_attention",
    .first_opset = 18,
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "softmax(query * key^T / sqrt(E) + attn_mask) * value in fp64, rounded once; a bool "
        "mask keeps where it is true, and a row with nothing to attend to gives 0."};

}  // namespace anemone::mil
