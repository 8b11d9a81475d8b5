#pragma once

#include <functional>
#include <optional>
#include <string>

#include "anemone/program.h"
#include "anemone/result.h"
#include "models/decoder.h"
#include "models/weights.h"

/// From a decoder to functions of an ML Program in the form that the Neural Engine likes:
/// activations [1, C, 1, S], 1x1 convolutions, static shapes. S: tokens of a call, C: context.
namespace anemone::models {

/// What one function takes, computes and gives.
///
/// Inputs, each only where it is needed: `input_ids` int32 [1, S] with the embedding, else
/// `hidden_states`; with a cache `position_ids` int32 [S], `current_pos` int32 [1] (the position of
/// the first token) and the additive masks `causal_mask` and `window_mask` [1, 1, S, C], each
/// complete by itself; `targets` int32 [1, S] for scores.
/// Outputs: `output_hidden_states`; or logits [1, S, V] in one or several parts; or, of a single
/// row, for each part the place of its largest logit inside the part (the lowest of equals),
/// `argmax_idx` int32 [parts], and that logit, `argmax_val` [parts]; or, of dtype and
/// shape [1, S], `max_logit`, `log_sum` = log(sum(exp(logit - max_logit))), `target_gap` =
/// max_logit - logit of the target, and `argmax` int32 (the lowest of equals). Then the
/// log-probability of the target is -(target_gap + log_sum) and the log-sum-exp max_logit +
/// log_sum; as differences they lose nothing to the coarse steps of fp16 at large logits.
/// State: `state` [2 * layers, Hkv, C, D], all keys, then all values; more with `whole_state` and
/// `state_rows`. A function that is `is_flexible` has `keyCache` and `valueCache`
/// [layers, 1, Hkv, C, D] instead, and of inputs only `input_ids` [1, S] and, with a cache,
/// `causal_mask` [1, 1, S, P + S], where the cache holds P tokens; S and P are known to a call
/// only.
struct FunctionSpec {
  enum class Head : uint8_t { none, logits, part_argmax, score };
  /// Where layers remember whose window is less than the context.
  enum class WindowCache : uint8_t {
    shared,   ///< with the others; `window_mask` hides what is too old.
    fills,    ///< in `window_state` [2 * such layers, Hkv, window, D]; all positions < window.
    rotates,  ///< there too, in order of age; all positions >= window.
  };

  std::string name = "main";
  std::string opset = "CoreML8";
  DType dtype = DType::fp16;  ///< of activations, masks and state: fp16 or fp32.

  bool embedding = true;
  int64_t first_layer = 0;
  int64_t layer_count = -1;  ///< -1: all that follow.
  bool final_norm = true;
  Head head = Head::logits;

  int64_t rows = 1;            ///< S
  int64_t context = 0;         ///< C; of a function without cache S.
  bool is_flexible = false;    ///< any S up to C, which a call decides; `rows` plays no part.
  bool cached = true;          ///< false: attention sees the tokens of the call and nothing else.
  bool last_row_only = false;  ///< hidden states and logits leave for the last row alone.

  int64_t head_parts = 1;  ///< as equal as can be, the larger ones first.
  bool joins_parts =
      false;  ///< one output `logits`; else `logits1`, `logits2` … from two parts on.
  bool hidden_rows_first =
      false;  ///< hidden states enter and leave as [1, S, H], not [1, H, 1, S].
  std::string state = "kv_cache";
  bool whole_state = false;  ///< the state has rows for all layers, of which others are untouched.
  int64_t state_rows = 0;    ///< positions of the state, at least C; 0: C.
  WindowCache window_cache = WindowCache::shared;
  std::string window_state = "window_cache";
  std::string hidden_output = "output_hidden_states";

  /// The residual stream is kept multiplied by this power of two, where it would not fit into fp16.
  /// Exact up to epsilon's own rounding: norms undo it. All functions of a model have the same.
  double residual_scale = 1;

  /// dtype in which a matrix is stored; empty: `dtype`.
  std::function<DType(const WeightRef&)> weight_dtype;
};

/// Builds one function. Its weights are deferred constants, collected in `weights`.
/// Errors: invalid_argument (layers, rows, context, parts or scale make no sense, with the bound),
/// limit (a constant mask of more than 2^24 elements),
/// unsupported (several different windows, caches of different shapes, a residual scale with a
/// layer that has no norm before it), and of flexible functions all that is not tokens to logits.
Result<mil::Function> build_function(const Decoder& decoder, const FunctionSpec& spec,
                                     WeightTable& weights);

/// The one window of all layers that look at fewer than `context` tokens; 0 when there is none.
/// Errors: unsupported (several different windows).
Result<int64_t> window_of(const Decoder& decoder, int64_t context);

/// The first layer with a part that reads the residual stream without a norm, so that scaling the
/// stream would change what it computes.
std::optional<size_t> layer_without_norms(const Decoder& decoder);

/// Sizes of the parts of a split vocabulary.
std::vector<int64_t> split_vocabulary(int64_t vocab_size, int64_t parts);

}  // namespace anemone::models
