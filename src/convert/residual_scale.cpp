#include "convert/residual_scale.h"

#include <algorithm>
#include <cmath>

namespace anemone::converter {
namespace {

using models::Linear;
using models::Norm;
using models::WeightRef;

constexpr double kLargestFp16 = 65504;
/// A branch passes the deviation that its weights give to random inputs by less than this.
constexpr double kRoom = 16;
/// A matrix above this is judged by some of its rows, evenly spaced.
constexpr int64_t kMostElements = 1 << 20;
constexpr int64_t kSampledRows = 32;

class PeakEstimate {
 public:
  explicit PeakEstimate(const Source& source)
      : weights_(*source.checkpoint.weights), decoder_(source.decoder) {}

  Result<double> run() {
    const int64_t hidden = decoder_.hidden_size;
    bounds_.assign(static_cast<size_t>(hidden), 0);
    ANEMONE_TRY(double embedding, largest(decoder_.embedding, decoder_.vocab_size, hidden));
    embedding *= std::abs(decoder_.embedding_scale);
    if (decoder_.position_embedding) {
      ANEMONE_TRY(const double position,
                  largest(*decoder_.position_embedding, decoder_.max_positions, hidden));
      embedding += position;
    }
    for (const models::Layer& layer : decoder_.layers) {
      ANEMONE_RETURN_IF_ERROR(add_attention(layer));
      ANEMONE_RETURN_IF_ERROR(add_mlp(layer));
    }
    return embedding + *std::ranges::max_element(bounds_) + kRoom * std::sqrt(variance_);
  }

 private:
  Result<Tensor> vector(const WeightRef& ref, int64_t size) {
    return models::load_weight(weights_, {ref, DType::fp32, {size}});
  }

  /// Calls visit(row) for the rows of a matrix, or for some of a large one.
  template <typename Visit>
  Status each_row(const WeightRef& ref, int64_t rows, int64_t columns, Visit&& visit) {
    ANEMONE_TRY(const Tensor stored, weights_.read(ref.name));
    const int64_t count = rows * columns <= kMostElements ? rows : std::min(rows, kSampledRows);
    for (int64_t i = 0; i < count; ++i) {
      models::WeightEntry entry{ref, DType::fp32, {1, columns}};
      entry.ref.first_row += i * rows / count;
      entry.ref.rows = 1;
      ANEMONE_TRY(const Tensor row, models::load_weight(stored, entry));
      visit(row.values<float>());
    }
    weights_.release();
    return {};
  }

  Result<double> largest(const WeightRef& ref, int64_t rows, int64_t columns) {
    double most = 0;
    ANEMONE_RETURN_IF_ERROR(each_row(ref, rows, columns, [&](std::span<const float> row) {
      for (const float value : row) most = std::max(most, std::abs(static_cast<double>(value)));
    }));
    return most;
  }

  /// The largest squared length of a row: the variance that inputs of variance 1 give to an output.
  Result<double> gain(const Linear& linear) {
    double most = 0;
    ANEMONE_RETURN_IF_ERROR(
        each_row(linear.weight, linear.out, linear.in, [&](std::span<const float> row) {
          double sum = 0;
          for (const float value : row) sum += static_cast<double>(value) * value;
          most = std::max(most, sum);
        }));
    return most;
  }

  /// The mean square of what a norm gives.
  Result<double> square_of(const std::optional<Norm>& norm) {
    if (!norm) return 1.0;
    ANEMONE_TRY(const Tensor gains, vector(norm->weight, decoder_.hidden_size));
    double sum = 0;
    for (const float value : gains.values<float>()) sum += static_cast<double>(value) * value;
    return sum / static_cast<double>(decoder_.hidden_size);
  }

  /// What a norm gives is at most sqrt(H) times its gain.
  Status add_normed(const Norm& norm, double multiplier) {
    ANEMONE_TRY(const Tensor gains, vector(norm.weight, decoder_.hidden_size));
    const double most = multiplier * std::sqrt(static_cast<double>(decoder_.hidden_size));
    for (size_t i = 0; i < bounds_.size(); ++i)
      bounds_[i] += most * std::abs(static_cast<double>(gains.values<float>()[i]));
    return {};
  }

  Status add_attention(const models::Layer& layer) {
    if (layer.attention_post_norm)
      return add_normed(*layer.attention_post_norm, layer.residual_multiplier);
    ANEMONE_TRY(const double input, square_of(layer.attention_pre_norm));
    ANEMONE_TRY(const double values, gain(layer.attention.v));
    ANEMONE_TRY(const double output, gain(layer.attention.o));
    add_variance(input * values * output, layer.residual_multiplier);
    return {};
  }

  Status add_mlp(const models::Layer& layer) {
    if (layer.mlp_post_norm) return add_normed(*layer.mlp_post_norm, layer.residual_multiplier);
    ANEMONE_TRY(const double input, square_of(layer.mlp_pre_norm));
    double most = 0;
    const auto add = [&](const models::Mlp& mlp) -> Status {
      ANEMONE_TRY(double inner, gain(mlp.up));
      inner *= input;
      if (mlp.gate) {
        ANEMONE_TRY(const double gate, gain(*mlp.gate));
        inner *= gate * input;
      }
      ANEMONE_TRY(const double output, gain(mlp.down));
      most = std::max(most, inner * output);
      return {};
    };
    if (layer.mlp) ANEMONE_RETURN_IF_ERROR(add(*layer.mlp));
    if (layer.experts)
      for (const models::Mlp& expert : layer.experts->experts) ANEMONE_RETURN_IF_ERROR(add(expert));
    add_variance(most, layer.residual_multiplier);
    return {};
  }

  void add_variance(double variance, double multiplier) {
    variance_ += variance * multiplier * multiplier;
  }

  const checkpoint::TensorSource& weights_;
  const models::Decoder& decoder_;
  std::vector<double> bounds_;  ///< by channel: what norms after branches let through.
  double variance_ = 0;         ///< of what all other branches add.
};

}  // namespace

Result<double> residual_peak(const Source& source) { return PeakEstimate(source).run(); }

double scale_below_overflow(double peak) {
  if (peak <= kLargestFp16) return 1;
  return std::exp2(std::floor(std::log2(kLargestFp16 / peak)));
}

bool can_rescale(const models::Decoder& decoder) {
  return std::ranges::all_of(decoder.layers, [](const models::Layer& layer) {
    return layer.attention_pre_norm && layer.mlp_pre_norm;
  });
}

}  // namespace anemone::converter
