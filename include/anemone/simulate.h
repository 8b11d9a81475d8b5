#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"
#include "anemone/text.h"

/// A model run on text as the Neural Engine would compute it: what overflows, and what that costs.
/// Everything here is simulated (Numerics::ane, docs/ane-numerics.md), nothing is measured.
namespace anemone::simulate {

/// The largest magnitude that passes every sum of the Neural Engine.
inline constexpr double kLargestSafe = 32752;

/// Where a value is made.
struct Origin {
  std::string package;  ///< file name.
  std::string function;
  std::string operation;  ///< display name.
  std::string type;       ///< "conv".
  std::string part;  ///< "embedding", "layer.3.attention", "layer.3.mlp", "head"; "layer.3.mixer"
                     ///< where a layer mixes tokens without a softmax; empty: not
                     ///< known.
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// An operation that made infinities of finite operands.
struct Overflow {
  Origin origin;
  /// The first for which it did, counted from the first one that was run; see whole_windows.
  std::optional<int64_t> token;
  uint64_t elements = 0;  ///< over all tokens.
  friend bool operator==(const Overflow&, const Overflow&) = default;
};

/// The residual stream behind one addition to it, where it is fp16.
struct Peak {
  std::string name;  ///< "embedding", "layer.3.attention", "layer.3".
  Origin origin;
  double largest = 0;            ///< magnitude over all tokens; infinite after an overflow.
  std::optional<int64_t> token;  ///< that had it; see whole_windows.
  bool is_safe() const { return largest <= kLargestSafe; }
  friend bool operator==(const Peak&, const Peak&) = default;
};

/// Operands of an activation that lie beyond its table, where it is its limit.
struct Saturation {
  Origin origin;
  double table_end = 0;  ///< magnitude.
  double largest = 0;    ///< operand, by magnitude.
  uint64_t beyond = 0;
  uint64_t elements = 0;
  friend bool operator==(const Saturation&, const Saturation&) = default;
};

struct Report {
  int64_t tokens = 0;  ///< that were scored.
  int64_t windows = 0;
  /// A form without a state (`plain`) runs a window at once, padded to a length of the package:
  /// tokens are not told apart, and what follows counts padding too.
  bool whole_windows = false;
  std::vector<Peak> stream;             ///< in order.
  std::vector<Overflow> overflows;      ///< in the order in which they occurred.
  std::vector<Saturation> saturations;  ///< of every activation that has a table, in order.
  /// Of `stream`: the first, in time, that left the safe range.
  std::optional<size_t> first_unsafe;
  /// Of a token, in both numerics; none where a model gives no logits or some are no numbers.
  std::optional<double> perplexity;
  std::optional<double> perplexity_fp32;
  std::optional<double> top1_agreement;  ///< share of tokens with the same likeliest next one.
  double seconds = 0;                    ///< of the simulation alone.
  bool passed() const { return overflows.empty() && !first_unsafe; }
};

/// Runs the windows of `content` that `eval::perplexity` runs by default, token by token, in
/// Numerics::ane, and again in fp32. Threads and instruction set are those of `options`; its
/// numerics and observer are replaced. One of the two models is open at a time.
/// Errors: unsupported (a checkpoint, which runs in fp32 only; a program that computes nothing in
/// fp16; no context length); limit (a window's logits are more than 1 GiB); those of
/// LanguageModel::open and extend; invalid_argument (an empty text); interrupted.
Result<Report> run_text(const std::filesystem::path& model, const text::Tokenizer& tokenizer,
                        std::string_view content, lm::LanguageModel::Options options,
                        const ProgressSink& progress);

}  // namespace anemone::simulate
