#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "mil/builder.h"
#include "models/graph.h"

/// The parts of a decoder as operations. Activations are [1, C, 1, S] where nothing else is said.
namespace anemone::models {

using mil::Builder;
using mil::Var;

/// What hides a key in an additive mask: far below every score, and finite in fp16 also after a
/// score is added, because the Neural Engine's softmax cannot take infinities.
inline constexpr double kHidden = -40000;

/// The function that is being built.
struct BlockContext {
  Builder& builder;
  const Decoder& decoder;
  const FunctionSpec& spec;
  WeightTable& weights;

  Var scalar(double value) const { return builder.scalar(spec.dtype, value); }
  Var times(std::string_view hint, Var x, double factor) const;
  Var reshape(std::string_view hint, Var x, const Shape& shape) const;
  /// A vector or table, in the dtype of the activations.
  Var vector(std::string_view hint, const WeightRef& ref, const Shape& shape) const;
  /// A matrix, in its own dtype.
  Var matrix(std::string_view hint, const WeightRef& ref, const Shape& shape) const;
};

/// cos and sin [1, 1, S, R] of the rows' positions; sin with the sign of the half-split rotation.
struct Rotary {
  Var cos;
  Var sin;
};

/// What the layers of a function share.
struct Shared {
  Var positions;    ///< int32 [S]; not defined without cache.
  Var causal_mask;  ///< [1, 1, S, C]
  Var window_mask;
  Var state;
  Var window_state;  ///< where windowed layers have their own.
  Var key_cache;     ///< of flexible functions, as value_cache.
  Var value_cache;
  Var current_pos;                  ///< int32 [1]
  Var end_pos;                      ///< int32 [1]
  std::map<int64_t, Rotary> ropes;  ///< by index into Decoder::ropes.
};

/// An additive mask with nothing below kHidden; not defined if `mask` is not.
Var bounded_mask(const BlockContext& context, const std::string& name, Var mask);

/// [1, 1, S, columns], the same tensor in all functions: row i sees the `window` columns up to
/// `first` + i.
Var constant_mask(const BlockContext& context, std::string_view name, int64_t columns,
                  int64_t first, int64_t window);

/// Positions and masks of a function of unknown lengths: from `causal_mask`, whose width is the end
/// of the rows, or without cache from `input_ids` alone. `window` 0: there is none.
void share_flexible(const BlockContext& context, Var input_ids, Var causal_mask, int64_t window,
                    Shared& shared);

/// y = W x + b as a 1x1 convolution; weight and bias times `factor`.
Var linear_block(const BlockContext& context, std::string_view hint, const Linear& linear, Var x,
                 double factor = 1);

/// Normalises `axis` (1: channels, 3: the elements of heads). `input_scale`: what x is multiplied
/// by, so that epsilon follows; the result is times `output_scale`.
Var norm_block(const BlockContext& context, std::string_view hint, const Norm& norm, Var x,
               size_t axis, double input_scale = 1, double output_scale = 1);

Rotary rotary_block(const BlockContext& context, std::string_view hint, const Rope& rope,
                    Var positions);
/// x [1, heads, S, D]; the first elements of D are rotated, as many as the tables have.
Var rotate_block(const BlockContext& context, std::string_view hint, Var x, const Rotary& rotary);

/// A layer's place in its state.
struct CachePlace {
  int64_t slot = 0;
  int64_t layers = 0;  ///< that share the state.
};

/// What the rows of a call see of a layer: keys and values [1, Hkv, N, D] and the additive mask of
/// the N columns, not defined when all are visible.
struct Visible {
  Var keys;
  Var values;
  Var mask;
};

/// Puts keys and values [1, Hkv, S, D] of the call into the cache.
Visible cache_block(const BlockContext& context, const Attention& attention, const Shared& shared,
                    const CachePlace& place, Var keys, Var values);

/// The result is times `factor`.
Var attention_block(const BlockContext& context, const Attention& attention, Var x,
                    const Shared& shared, const CachePlace& place, double factor);

/// Whether a layer sees less than the context.
bool is_windowed(const FunctionSpec& spec, const Attention& attention);

Var mlp_block(const BlockContext& context, const Mlp& mlp, Var x, double factor);
Var mixture_block(const BlockContext& context, const MixtureOfExperts& mixture, Var x,
                  double factor);

Var embedding_block(const BlockContext& context, Var input_ids, Var positions);

/// Adds the outputs of the head for x, which is normalised.
void logits_block(const BlockContext& context, Var x);
void argmax_block(const BlockContext& context, Var x);
void score_block(const BlockContext& context, Var x, Var targets);
/// Logits of the parts, [1, V_part, 1, S] each.
std::vector<Var> head_parts_block(const BlockContext& context, Var x);

}  // namespace anemone::models
