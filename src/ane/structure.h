#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "ane/model_view.h"

/// Parts of language models found by how ops hang together, whatever they are called.
namespace anemone::ane {

/// Whether a value is the result of a norm, with or without gain and bias.
bool is_normalised(const FunctionView& function, std::string_view name);

/// Whether it keeps a cache, or is of a directory of language models.
bool is_language_model(const FunctionView& function);

/// The value whose squares a norm written out sums (x of rsqrt(mean(x * x) + epsilon)), where
/// nothing scales it down first; empty where `op` is no such rsqrt or sqrt.
std::string_view squared_value(const FunctionView& function, const OpView& op);

/// An additive mask, or the part of one that is used.
struct MaskPart {
  std::string_view origin;         ///< an input, a constant, or what else computes it.
  int64_t width = 0;               ///< of the origin's last axis.
  std::optional<int64_t> begin{};  ///< of a slice of the last axis at constant places.
  std::optional<int64_t> end{};
};

/// Tokens that a call takes: rows of an additive mask [1, 1, T, S], or token ids [1, T]; 0 where
/// neither is an input.
int64_t tokens_of(const FunctionView& function);

/// Scores of queries and keys that go through a softmax, native or written out.
struct Attention {
  const OpView* softmax = nullptr;
  const OpView* scores = nullptr;
  std::string_view keys_operand;  ///< of `scores`: "y", "x", or "key".
  int64_t queries = 0;            ///< rows of the scores; heads of a group may be among them.
  int64_t keys = 0;
  std::vector<std::string_view> masks;  ///< values that are added, or that choose.
  std::string_view state;               ///< that the keys are read from; empty.
};
std::vector<Attention> attentions(const FunctionView& function);
MaskPart part_of_mask(const FunctionView& function, std::string_view mask);

/// A write into a state: at `begin` to `end` as far as known, or of the whole.
struct StateWrite {
  const OpView* op = nullptr;
  std::string_view state;
  bool whole = false;
  std::vector<std::optional<int64_t>> begin;
  std::vector<std::optional<int64_t>> end;
};
std::vector<StateWrite> state_writes(const FunctionView& function);

/// The axis of a cache that tokens lie along: [.., S, D].
inline std::optional<size_t> token_axis(const Shape& state) {
  return state.rank() < 3 ? std::nullopt : std::optional(state.rank() - 2);
}

/// Whether a gather picks rows of a table of positions: they multiply other run-time values.
bool picks_positions(const FunctionView& function, const OpView& gather);

/// A weight: what holds it in an op with a weight, or the table of a gather.
struct Weight {
  const OpView* op = nullptr;
  std::string_view parameter;
  std::string_view name;                 ///< of the value.
  const OpView* decompressor = nullptr;  ///< the constexpr op; null for a plain constant.
};
/// Each value once.
std::vector<Weight> weights(const FunctionView& function);

/// Whether all that uses the result of a constexpr op are others: it is a table inside of one.
bool feeds_constant(const FunctionView& function, const OpView& op);

/// Whether the scales of constexpr_blockwise_shift_scale divide more than one axis, or an axis into
/// blocks.
bool has_scales_of_blocks(const FunctionView& function, const OpView& op);

/// Bits of the indices of a palette, in both forms; 0 when it is none.
int palette_bits(const FunctionView& function, const OpView& op);

/// The key of meta.yaml that says how many bits the palettes of a package have.
const char* palette_key(const ModelView& model, const PackageView& package);

/// Palettes along each axis of the weight that `op` decompresses; empty for the form of iOS16,
/// which has one.
std::vector<int64_t> palette_groups(const FunctionView& function, const OpView& op);
/// Whether the palettes are a table times scales, which repeats it along the scaled axis.
bool palette_is_scaled(const FunctionView& function, const OpView& op);

}  // namespace anemone::ane
