#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/npz.h"
#include "anemone/result.h"
#include "anemone/tensor.h"

/// Parity of two language models, layer by layer: the values inside both for the same tokens.
///
/// A point is a place inside a model that every form has. In the order of the computation:
///   embedding                          what enters the first layer;
///   layer.K.attention.norm             what the products of the attention read;
///   layer.K.attention.{q,k,v,out}      results of its products with weights (qkv where one product
///                                      makes all three; in0, in1 … where there are others);
///   layer.K.attention                  the residual stream after it;
///   layer.K.mlp.{norm,gate,up,down}    the same of the gated product, and
///   layer.K                            the residual stream after the layer;
///   final_norm, logits.
/// Points are found in the structure of a program, not by names of its values: the residual stream
/// is the longest chain of additions whose one operand is computed from the other.
namespace anemone::probe {

/// Values of points for some tokens.
struct Trace {
  std::vector<int32_t> ids;         ///< tokens; empty where a dump does not say.
  std::vector<NamedTensor> points;  ///< fp32 [T, C], in the order of the computation.
  int64_t layers = 0;               ///< of a model that ran; 0: a dump, which does not say.
  /// Of a dump with `hidden_states`: how many there are, of which the last is the final norm.
  std::optional<int64_t> hidden_states = {};
  /// Arrays of a dump that are of a type which is not read, with the reason.
  std::vector<std::string> unread = {};
  const Tensor* find(std::string_view name) const;
};

/// The integers `input_ids` (or `ids`, `ids0`), [T] or [1, T], of a `.npz`, `.pt` or `.pth`.
/// Errors: as reading the file; not_found (none), mismatch (no integers, another shape, none at
/// all, one that is no id).
Result<std::vector<int32_t>> read_token_ids(const std::filesystem::path& path);

/// Token ids in [0, vocab_size) that look random and depend on `seed` alone.
std::vector<int32_t> random_ids(int64_t count, int64_t vocab_size, uint64_t seed);

/// Runs the tokens through a model of any form from its start, one at a time where the form can,
/// and keeps the values of all points. Logits are left out where a model gives none.
/// `options.observer` is replaced. Errors: as LanguageModel::open and extend; mismatch (more tokens
/// than its context holds), interrupted.
Result<Trace> trace_model(const std::filesystem::path& model, lm::LanguageModel::Options options,
                          std::span<const int32_t> ids, const ProgressSink& progress = {});

/// What a model is, for choosing tokens: its vocabulary and context. Errors: as
/// LanguageModel::open.
Result<lm::ModelInfo> describe_model(const std::filesystem::path& model,
                                     lm::LanguageModel::Options options);

/// Whether the path names a file of values (`.npz`, `.pt`, `.pth`) rather than a model: a file with
/// arrays whose names end in ".weight" is a checkpoint's. What cannot be read counts as a dump.
bool is_dump(const std::filesystem::path& path);

/// Reads a dump: `.npz`, or a dict of tensors that `torch.save` wrote. Arrays have the names of
/// points, or of modules in PyTorch (`model.layers.0.mlp.down_proj`, `hidden_states.1`, also
/// `hidden_states` with all of them; the last of these is taken after the final norm, as
/// transformers gives them), or those that `names` maps to points; others keep their name. Token
/// ids are as read_token_ids takes them, where there are any. Shapes are [T, C], [1, T, C],
/// [1, C, 1, T]. Arrays of types that are not read (objects, big-endian numbers) are named in
/// `unread`.
/// Errors: as reading the file; mismatch (no floats at all, two arrays for one point, a shape that
/// is not of the tokens, ids that are none).
Result<Trace> read_dump(const std::filesystem::path& path,
                        const std::map<std::string, std::string>& names = {});

/// Writes the points and `input_ids` int32 [T] as `.npz`.
Status write_dump(const std::filesystem::path& path, const Trace& trace);

/// What a point may differ by; a point is over tolerance when it exceeds either.
struct Tolerance {
  double relative = 0.02;  ///< mean absolute error over the largest magnitude of the reference.
  double mse = 1e-3;       ///< mean squared error.
};

/// The difference of one point. The reference's values are r, the model's m. What is not finite
/// where the other is makes every error infinite.
struct PointError {
  std::string name;
  int64_t rows = 0;
  int64_t channels = 0;
  double max_abs = 0;
  double mean_abs = 0;
  double mse = 0;
  double relative = 0;            ///< mean_abs / max |r|.
  double relative_l2 = 0;         ///< |m - r| / |r|.
  std::optional<double> psnr_db;  ///< 20 log10(max |r| / sqrt(mse)); none where mse is 0.
  double cosine = 1;
  /// relative_l2 over that of the values which this one is made of (at least 0.001); of a sum over
  /// what it has of the errors of both its terms, and none where the branch has no point.
  std::optional<double> growth;
  bool over = false;  ///< over tolerance.
  /// Whole numbers on both sides: which experts a router chose. Where it differs, two were nearly
  /// even or what it chose by is off; neither it nor the sum that it leads to stands out.
  bool is_choice = false;
  /// Growth, and what came on top, are far above those of the same point in other layers, or there
  /// is a stray channel.
  bool stands_out = false;
  /// The channel whose error is far above that of all others, as one changed row of a weight makes
  /// it; none for sums.
  std::optional<int64_t> stray_channel;
};

struct Report {
  std::vector<PointError> points;  ///< those that both have, in order.
  /// Points of one side alone, with the reason.
  std::vector<std::string> skipped;
  /// Points that both have in different shapes, which no tolerance allows: with both shapes.
  std::vector<std::string> shapes_differ;
  double stream_scale =
      1;  ///< power of two that the model's residual stream is kept multiplied by.
  std::optional<double> top1_agreement;   ///< share of tokens with the same likeliest next token.
  std::optional<double> kl_divergence;    ///< mean over the tokens of KL(reference || model), nats.
  std::optional<size_t> first_over;       ///< index into points.
  std::optional<size_t> first_different;  ///< the first that is not the same bit by bit.
  std::optional<size_t> first_standing_out;
  bool passed() const { return !first_over.has_value() && shapes_differ.empty(); }
};

/// Holds the points of a model against those of a reference. Where one side has a joint product
/// (`qkv`, or gate and up as one `up`) and the other its parts, the joint one is cut in the order
/// of the names. Errors: mismatch (other token ids, hidden_states of another number of layers, no
/// point in common: names what either has).
Result<Report> compare(const Trace& reference, const Trace& model, const Tolerance& tolerance);

/// An operation's result that differs.
struct OperationError {
  std::string package;  ///< file name; empty for a checkpoint.
  std::string function;
  std::string value;
  std::string type;  ///< of the operation; "input" for a function's input.
  int64_t token = 0;
  PointError error;
};

/// Runs two models whose functions have values of the same names (one artifact in two numerics, an
/// artifact and a changed copy) token by token, and finds the first value over tolerance: the
/// first token that has one, and of it the first in the order of the program. None: all are within
/// it. Errors: mismatch (no values of the same names), interrupted, and as trace_model.
Result<std::optional<OperationError>> first_operation_over(
    const std::filesystem::path& reference, const lm::LanguageModel::Options& reference_options,
    const std::filesystem::path& model, const lm::LanguageModel::Options& model_options,
    std::span<const int32_t> ids, const Tolerance& tolerance, const ProgressSink& progress = {});

}  // namespace anemone::probe
