#include "convert/residual_scale.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/kernels.h"
#include "models/largest_sum.h"

namespace anemone::converter {
namespace {

using models::Linear;
using models::Norm;
using models::WeightRef;

/// A value by channel: bounds, or the mean squares of what flows there.
using Channels = std::vector<double>;

/// A branch passes the deviation that its weights give to random inputs by less than this.
constexpr double kRoom = 16;

double square(double value) { return value * value; }

/// The mean square of the sum of independent inputs times the weights of a row, for many rows.
class MixedSquare {
 public:
  explicit MixedSquare(const Channels& squares) : squares_(squares) {
    // Relative to the largest, so that no square of a weight of fp16 leaves the range of fp32.
    for (const double value : squares) most_ = std::max(most_, value);
    for (const double value : squares)
      relative_.push_back(most_ > 0 ? static_cast<float>(value / most_) : 0.0f);
  }

  double of(std::span<const float> weights) const {
    const float sum = kernel_.weighted_squares(weights.data(), relative_.data(),
                                               static_cast<int64_t>(weights.size()));
    if (std::isfinite(sum)) return most_ * static_cast<double>(sum);
    double exact = 0;
    for (size_t i = 0; i < weights.size(); ++i) exact += square(weights[i]) * squares_[i];
    return exact;
  }

 private:
  const kernels::ConversionKernels& kernel_ = *kernels::kernel_sets().back().conversion;
  const Channels& squares_;
  double most_ = 0;
  std::vector<float> relative_;
};

void raise(Channels& most, const Channels& values) {
  for (size_t i = 0; i < most.size(); ++i) most[i] = std::max(most[i], values[i]);
}

/// What a branch adds to each channel: something random and something fixed.
struct Added {
  explicit Added(int64_t size)
      : squares(static_cast<size_t>(size)), fixed(static_cast<size_t>(size)) {}
  Channels squares;
  Channels fixed;
};

class PeakEstimate {
 public:
  PeakEstimate(const Source& source, const ReadProgress& progress)
      : weights_(*source.checkpoint.weights),
        decoder_(source.decoder),
        progress_(progress),
        stream_(source.decoder.hidden_size) {}

  Result<double> run() {
    counts_ = true;
    ANEMONE_RETURN_IF_ERROR(visit());
    total_ = std::exchange(done_, 0);
    counts_ = false;
    stream_ = Added(decoder_.hidden_size);
    ANEMONE_RETURN_IF_ERROR(visit());
    ANEMONE_RETURN_IF_ERROR(progress_({}, done_, total_));
    double peak = 0;
    for (size_t i = 0; i < stream_.fixed.size(); ++i)
      peak = std::max(peak, stream_.fixed[i] + kRoom * std::sqrt(stream_.squares[i]));
    return peak;
  }

 private:
  /// All that leads into the stream, in order.
  Status visit() {
    ANEMONE_RETURN_IF_ERROR(
        add_embedding(decoder_.embedding, decoder_.vocab_size, decoder_.embedding_scale));
    if (decoder_.position_embedding)
      ANEMONE_RETURN_IF_ERROR(
          add_embedding(*decoder_.position_embedding, decoder_.max_positions, 1));
    for (const models::Layer& layer : decoder_.layers) {
      ANEMONE_RETURN_IF_ERROR(add_attention(layer));
      ANEMONE_RETURN_IF_ERROR(add_mlp(layer));
    }
    return {};
  }

  /// Calls visit(index, row) for every row of a matrix, or only counts the matrix.
  template <typename Visit>
  Status each_row(const WeightRef& ref, int64_t rows, int64_t columns, Visit&& visit) {
    size_t next = 0;
    if (counts_) {
      ++done_;
      return {};
    }
    ANEMONE_RETURN_IF_ERROR(progress_(ref.name, done_++, total_));
    return models::stream_weight(
        weights_, {ref, DType::fp32, {rows, columns}}, [&](const Tensor& part) -> Status {
          const auto width = static_cast<size_t>(columns);
          for (auto rest = part.values<float>(); !rest.empty(); rest = rest.subspan(width))
            visit(next++, rest.first(width));
          return {};
        });
  }

  /// Magnitudes of a vector of weights; zeros when there is none.
  Result<Channels> magnitudes(const std::optional<WeightRef>& ref, int64_t size) {
    Channels result(static_cast<size_t>(size));
    if (!ref || counts_) return result;
    ANEMONE_TRY(const Tensor values, models::load_weight(weights_, {*ref, DType::fp32, {size}}));
    std::ranges::transform(values.values<float>(), result.begin(),
                           [](float value) { return std::abs(static_cast<double>(value)); });
    return result;
  }

  Status add_embedding(const WeightRef& table, int64_t rows, double scale) {
    const kernels::ConversionKernels& kernel = *kernels::kernel_sets().back().conversion;
    std::vector<float> most(stream_.fixed.size());
    ANEMONE_RETURN_IF_ERROR(
        each_row(table, rows, decoder_.hidden_size, [&](size_t, std::span<const float> row) {
          kernel.raise_to_magnitudes(row.data(), most.data(), decoder_.hidden_size);
        }));
    for (size_t i = 0; i < most.size(); ++i)
      stream_.fixed[i] += std::abs(scale) * static_cast<double>(most[i]);
    return {};
  }

  /// The mean squares of what a norm gives: of each channel of it, its gain and its bias.
  Result<Channels> squares_after(const std::optional<Norm>& norm) {
    if (!norm) return Channels(stream_.fixed.size(), 1);
    ANEMONE_TRY(Channels squares, magnitudes(norm->weight, decoder_.hidden_size));
    ANEMONE_TRY(const Channels bias, magnitudes(norm->bias, decoder_.hidden_size));
    for (size_t i = 0; i < squares.size(); ++i) squares[i] = square(squares[i]) + square(bias[i]);
    return squares;
  }

  /// What a linear layer gives to inputs of these mean squares.
  Result<Added> added_by(const Linear& linear, const Channels& inputs) {
    Added added(linear.out);
    const MixedSquare mixed(inputs);
    ANEMONE_RETURN_IF_ERROR(
        each_row(linear.weight, linear.out, linear.in,
                 [&](size_t i, std::span<const float> row) { added.squares[i] = mixed.of(row); }));
    ANEMONE_TRY(added.fixed, magnitudes(linear.bias, linear.out));
    return added;
  }

  Result<Channels> squares_after(const Linear& linear, const Channels& inputs) {
    ANEMONE_TRY(Added added, added_by(linear, inputs));
    for (size_t i = 0; i < added.squares.size(); ++i) added.squares[i] += square(added.fixed[i]);
    return std::move(added.squares);
  }

  void add(const Added& added, double multiplier) {
    for (size_t i = 0; i < stream_.fixed.size(); ++i) {
      stream_.squares[i] += square(multiplier) * added.squares[i];
      stream_.fixed[i] += std::abs(multiplier) * added.fixed[i];
    }
  }

  /// What a norm gives is at most sqrt(H) times its gain.
  Status add_normed(const Norm& norm, double multiplier) {
    ANEMONE_TRY(const Channels gains, magnitudes(norm.weight, decoder_.hidden_size));
    Added added(decoder_.hidden_size);
    ANEMONE_TRY(added.fixed, magnitudes(norm.bias, decoder_.hidden_size));
    const double most = std::sqrt(static_cast<double>(decoder_.hidden_size));
    for (size_t i = 0; i < gains.size(); ++i) added.fixed[i] += most * gains[i];
    add(added, multiplier);
    return {};
  }

  /// A head gives a mean of values, which at worst is one of them.
  Status add_attention(const models::Layer& layer) {
    if (layer.attention_post_norm)
      return add_normed(*layer.attention_post_norm, layer.residual_multiplier);
    const models::Attention& attention = layer.attention;
    ANEMONE_TRY(const Channels inputs, squares_after(layer.attention_pre_norm));
    ANEMONE_TRY(const Channels values, squares_after(attention.v, inputs));
    const auto dim = static_cast<size_t>(attention.head_dim);
    const auto group = static_cast<size_t>(attention.heads / attention.kv_heads);
    Channels mixed(static_cast<size_t>(attention.o.in));
    for (size_t i = 0; i < mixed.size(); ++i) mixed[i] = values[i / dim / group * dim + i % dim];
    ANEMONE_TRY(const Added added, added_by(attention.o, mixed));
    add(added, layer.residual_multiplier);
    return {};
  }

  Result<Added> added_by(const models::Mlp& mlp, const Channels& inputs) {
    ANEMONE_TRY(Channels inner, squares_after(mlp.up, inputs));
    if (mlp.gate) {
      ANEMONE_TRY(const Channels gate, squares_after(*mlp.gate, inputs));
      for (size_t i = 0; i < inner.size(); ++i) inner[i] *= gate[i];
    }
    return added_by(mlp.down, inner);
  }

  /// Experts are mixed by probabilities: the largest speaks for all.
  Status add_mlp(const models::Layer& layer) {
    if (layer.mlp_post_norm) return add_normed(*layer.mlp_post_norm, layer.residual_multiplier);
    ANEMONE_TRY(const Channels inputs, squares_after(layer.mlp_pre_norm));
    Added most(decoder_.hidden_size);
    const auto see = [&](const models::Mlp& mlp) -> Status {
      ANEMONE_TRY(const Added added, added_by(mlp, inputs));
      raise(most.squares, added.squares);
      raise(most.fixed, added.fixed);
      return {};
    };
    if (layer.mlp) ANEMONE_RETURN_IF_ERROR(see(*layer.mlp));
    if (layer.experts)
      for (const models::Mlp& expert : layer.experts->experts) ANEMONE_RETURN_IF_ERROR(see(expert));
    add(most, layer.residual_multiplier);
    return {};
  }

  const checkpoint::TensorSource& weights_;
  const models::Decoder& decoder_;
  const ReadProgress& progress_;
  Added stream_;
  bool counts_ = false;  ///< nothing is read, `done_` becomes the total.
  uint64_t done_ = 0;    ///< matrices
  uint64_t total_ = 0;
};

}  // namespace

Result<double> residual_peak(const Source& source, const ReadProgress& progress) {
  return PeakEstimate(source, progress).run();
}

double scale_below_overflow(double peak) {
  if (peak <= models::kLargestSum) return 1;
  return std::exp2(std::floor(std::log2(models::kLargestSum / peak)));
}

}  // namespace anemone::converter
