#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anemone/compress.h"
#include "anemone/log.h"
#include "anemone/package.h"
#include "anemone/passes.h"
#include "anemone/result.h"
#include "anemone/tensor.h"

/// From a trained checkpoint to Core ML packages in the form that the Neural Engine likes.
namespace anemone {

struct ConvertOptions {
  /// How the packages divide the model: "anemone" (a multi-function package per chunk), "anemll" (a
  /// directory that ANEMLL's own tools load), "stateful" (Apple's form: flexible input_ids and
  /// causal_mask, a cache in states), "plain" (input_ids -> logits at fixed lengths).
  std::string layout = "anemone";
  bool monolith = false;  ///< layout anemll: one package from tokens to logits.
  /// Of a monolith: a step gives `argmax_idx` and `argmax_val` of each part of the vocabulary, and
  /// no logits.
  bool argmax = false;
  int64_t context = 0;  ///< tokens of the cache; 0: 512, or what the model has if that is less.
  /// Tokens of a block; empty: 64, or the context if that is less. The layout anemone has a prefill
  /// function for each; the largest scores.
  std::vector<int64_t> prefill;
  bool no_prefill = false;        ///< layout anemone: neither prefill nor score, only decode.
  std::optional<int64_t> chunks;  ///< nothing: as few as the weight limit of a program allows.
  std::string chip;               ///< whose limit that is ("m4"); empty: the least of all.
  std::vector<int64_t> lengths;   ///< layout plain, in place of `context`: tokens of the inputs. A
                                  ///< folder gets a package for each, one package takes them all.
  /// Layout plain: one package for every length from the least to the largest of `lengths`, which
  /// is the default one. Core ML runs the others beside the Neural Engine: the log warns.
  bool any_length = false;
  std::filesystem::path adapter;  ///< merged into the weights; may be empty.
  DType dtype = DType::fp16;      ///< of weights and activations: fp16 or fp32.
  /// Least system: "iOS18" ("macOS15"), or for the layout plain also "iOS17" ("macOS14"); states,
  /// which the other layouts have, are of iOS 18.
  std::string target = "iOS18";
  /// What the residual stream is multiplied by inside, a power of two; the results stay what they
  /// are. Nothing: 1, or less where the weights suggest that fp16 would overflow.
  std::optional<double> residual_scale;
  /// How weights are stored, see docs/compression.md: "lut4:g16" for all but the embedding, or part
  /// by part "ffn=lut4:g16,attn=lut6,head=lut6:g8,embed=int8". Empty: as `dtype` says.
  std::string quantize;
  /// What calibration knows of single weights, see anemone/calibrate.h; may be null.
  std::shared_ptr<const compress::WeightPlan> weight_plan;
  int threads = 0;         ///< that compress; 0: one for each processor.
  passes::Options passes;  ///< which rewrites of the programs are left out.
  bool dry_run = false;    ///< plan and measure, write nothing.
  bool overwrite = false;  ///< replace what an earlier conversion left at the same place.
  ProgressSink progress;   ///< tensors scanned, then bytes of weights saved; false ends the work.
  LogSink log;             ///< one line a stage: load, build, convert, save, complete.
};

struct ConvertedPackage {
  std::string name;  ///< file name in the output.
  std::vector<std::string> functions;
  uint64_t weight_bytes = 0;  ///< size of the weight file.
  uint64_t model_bytes = 0;   ///< size of the program and its description.
};

/// The most tokens a second that a chip can decode: what its Neural Engine reads in a second over
/// what a token needs. No measurement of this model.
struct SpeedBound {
  std::string_view chip;
  double bandwidth_gb_per_s = 0;
  double tokens_per_second = 0;
};

struct ConversionReport {
  std::filesystem::path path;
  bool written = false;  ///< false after a dry run.
  std::string layout;
  std::string architecture;
  DType dtype = DType::fp16;
  int64_t context = 0;
  std::vector<int64_t> prefill;  ///< sizes of the blocks, the largest first; empty: there are none.
  double residual_scale = 1;
  std::vector<ConvertedPackage> packages;
  std::string quantize;                   ///< in full; empty: nothing is compressed.
  std::vector<CompressedWeight> weights;  ///< that were compressed.
  std::vector<LeftWeight> left;           ///< that were not; empty where nothing was to be.
  uint64_t total_bytes = 0;               ///< of all packages.
  uint64_t bytes_per_token = 0;       ///< weights and cache that one decoding step reads; 0: plain.
  std::vector<SpeedBound> speed;      ///< by chip; empty for the layout plain.
  std::string_view bandwidth_source;  ///< where the figures of `speed` come from.
};

/// Converts the checkpoint at `path` (a folder or a file of weights beside its config.json) to
/// `out`, a folder, or for the layouts stateful and plain also one `.mlpackage`. All is written
/// aside and appears under `out` at the end or not at all; the same input gives the same bytes.
/// One `.mlpackage` has no place for tokenizer, chat template and generation config: the log warns.
/// Weights are streamed: memory holds a few tensors. Weights are rounded once, to nearest even.
/// Errors: those of reading a checkpoint; invalid_argument (options, also such as the layout does
/// not know or that are no compression; `out` exists, or has no name; the source lies in `out`, or
/// is converted already; no such pass), unsupported (a config, layout or target that this cannot
/// do), out_of_range (a weight beyond fp16), io (also: needed and available bytes, before any
/// weight is read), interrupted.
Result<ConversionReport> convert(const std::filesystem::path& path,
                                 const std::filesystem::path& out, const ConvertOptions& options);

/// What `convert` would write to a folder, in memory.
struct BuiltModel {
  int64_t layers = 0;
  /// File names and packages, in the order in which a token passes them. Constants of the
  /// checkpoint have types and no contents.
  std::vector<std::pair<std::string, package::Package>> packages;
};

/// Builds the programs that `convert` would write for these options, and writes nothing. Reads
/// those weights that choose the scale of the residual stream, where none is given.
/// Errors: those of `convert` that do not concern files.
Result<BuiltModel> build_model(const std::filesystem::path& path, const ConvertOptions& options);

struct CompressOptions {
  std::string quantize;                                     ///< as ConvertOptions::quantize.
  std::shared_ptr<const compress::WeightPlan> weight_plan;  ///< as ConvertOptions::weight_plan.
  int threads = 0;                                          ///< 0: one for each processor.
  bool overwrite = false;  ///< replace what an earlier run left at the same place.
  ProgressSink progress;   ///< bytes of weights saved; false ends the work.
  LogSink log;             ///< what earlier runs have left beside the output, what is left dense.
};

struct CompressionReport {
  std::filesystem::path path;
  std::string quantize;      ///< in full.
  uint64_t dense_bytes = 0;  ///< of the weight files that were read.
  uint64_t bytes = 0;        ///< of those that were written.
  std::vector<CompressedWeight> weights;
  std::vector<LeftWeight> left;  ///< that were not compressed.
};

/// Compresses the weights of a finished model: a package (to a `.mlpackage`), or a folder of
/// packages (to a folder with all its other files; anemone.json gets the new hashes, meta.yaml
/// the bits of palettes where it had none; packages keep their names). What is compressed already
/// stays. All is
/// written aside and appears under `out` at the end or not at all.
/// Errors: those of package::open and package::write; invalid_argument (options; `out` exists, or
/// `path` lies in it, or it has no name; a folder without packages), mismatch (nothing to
/// compress), unsupported (the programs have no such form, with the nearest that they have),
/// out_of_range (a weight that is infinite).
Result<CompressionReport> compress_model(const std::filesystem::path& path,
                                         const std::filesystem::path& out,
                                         const CompressOptions& options);

}  // namespace anemone
