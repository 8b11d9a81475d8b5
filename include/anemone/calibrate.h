#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "anemone/convert.h"
#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"
#include "anemone/text.h"

/// Compression that is tuned on a text: what a weight is multiplied with decides how it is rounded.
namespace anemone::calibrate {

/// What a weight has that is not compressed: fp32 is rounded to fp16 first.
inline constexpr double kMostTargetBits = 16;

struct Options {
  std::string text;       ///< UTF-8; a few hundred thousand bytes of what the model is used for.
  std::string text_name;  ///< what errors call it: its file.
  int64_t windows = 64;   ///< of the text at most, 1 or more; see docs/compression.md.
  /// 0: the spec says how weights are stored. Else the most bits a weight, up to kMostTargetBits,
  /// on the average of all that are compressed: each gets a scheme of its own. The report says what
  /// came out.
  double target_bits = 0;
  runtime::Options runtime;  ///< how the model is run.
  /// For what is summed over inputs at a time; the text is run as often as that needs.
  uint64_t memory_bytes = uint64_t{2} << 30;
  ProgressSink progress;  ///< tokens run, weights rounded; false ends the work.
  LogSink log;
};

/// `compress_model`, tuned. `options.quantize` is empty with target bits. Weights of schemes that
/// cannot be tuned, and those that no pass of the model reads (embeddings), are stored as without.
///
/// What is done is kept in the folder `OUT.partial` until OUT is whole: an interrupted run goes on
/// where it was, to the same bytes. The hint of an error after which it stays says so. Options are
/// checked before anything is rounded. Results depend on no number of threads.
/// Errors: those of compress_model and of LanguageModel::open; not_found (no tokenizer beside the
/// model), unsupported (a model without logits), invalid_argument (the text is no UTF-8,
/// too short for a window; target bits with a spec, not finite, fewer than the
/// least scheme has, or more than
/// kMostTargetBits).
Result<CompressionReport> compress_model(const std::filesystem::path& path,
                                         const std::filesystem::path& out,
                                         const CompressOptions& compress, const Options& options);

/// `convert`, tuned: the uncompressed packages are made and run below `OUT.partial`, once options
/// and text are known to be right. A dry run is that of `convert` after the same checks.
/// Errors also: unsupported (target bits with the layout anemll, whose meta.yaml has one number of
/// bits a part).
Result<ConversionReport> convert(const std::filesystem::path& path,
                                 const std::filesystem::path& out, const ConvertOptions& convert,
                                 const Options& options);

/// Weights of one part and scheme of which calibration knows nothing: schemes that cannot be tuned,
/// embeddings, and what the text has not reached. They are stored as without.
struct Uncalibrated {
  std::string part;
  std::string scheme;
  size_t weights = 0;
  size_t of_weights = 0;  ///< that the part has in this scheme.
};

/// Of the weights of a report, by part and scheme. A log of `compress_model` and `convert` gets a
/// warning for each.
std::vector<Uncalibrated> uncalibrated(const std::vector<CompressedWeight>& weights);

/// What compression changed, over the same windows of a text that it was not tuned on.
struct Comparison {
  uint64_t tokens = 0;
  double dense_loss = 0;      ///< mean, in nats a token.
  double loss = 0;            ///< of the compressed model.
  double top1_agreement = 0;  ///< share of positions where both like the same token best.
  double kl_divergence = 0;   ///< mean of KL(dense || compressed), in nats a token.
};

/// Whether `compare` can run the model over the text, of which nothing is run. Errors: those of
/// LanguageModel::open; not_found (no tokenizer beside the model),
/// unsupported (no logits), invalid_argument (the text is no UTF-8, or too short).
Status check_comparable(const std::filesystem::path& model, const Options& options);

/// Runs both models over the text. Errors: those of check_comparable and of running; mismatch
/// (different vocabularies), out_of_range (logits that are no numbers, or that leave a token
/// without probability that is the next, or that the dense model gives some).
Result<Comparison> compare(const std::filesystem::path& dense,
                           const std::filesystem::path& compressed, const Options& options);

}  // namespace anemone::calibrate
