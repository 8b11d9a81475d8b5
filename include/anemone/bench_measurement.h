#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anemone/statistics.h"

/// What was measured of one configuration of `anemone/bench.h`.
namespace anemone::bench {

struct Series {
  std::vector<double> samples;  ///< in the order of time.
  std::optional<statistics::Summary> summary;
};

/// The packages that a configuration ran.
struct Artifact {
  std::string name;
  std::string hash;
  uint64_t weight_bytes = 0;
  int64_t context_tokens = 0;
  bool converted = false;       ///< from a checkpoint, for this run.
  std::string checkpoint_hash;  ///< of that checkpoint, as an evaluation of it has; or empty.
};

struct Load {
  std::optional<double> cold_ns;  ///< with its files out of the page cache.
  std::string cold_reason;        ///< why there is none.
  /// With no package compiled, Core ML's compiler included; once an artifact and its units.
  std::optional<double> uncompiled_ns;
  Series warm_ns;
  /// How many times as long the load without compiled packages takes; nothing without both.
  std::optional<double> compiled_gain() const;
};

struct FirstToken {
  Series cold_ns;    ///< the first request after a load.
  Series warm_ns;    ///< nothing cached.
  Series cached_ns;  ///< a fork of a sequence with the prompt's first tokens.
  int64_t cached_prefix_tokens = 0;
  /// Share of the warm median that the cache saves; nothing without both.
  std::optional<double> cached_saving() const;
};

/// Nanoseconds of a request, by what ran. Nothing: the programs do not show the border.
struct Stages {
  int requests = 0;
  double total_ns = 0;  ///< read from the clock around the request.
  std::optional<double> tokenize, embed, prefill, step, head, sample, other;
  double sum_ns() const;
  std::string note;
};

struct Memory {
  uint64_t weights_bytes = 0;
  uint64_t state_bytes = 0;  ///< of the sequence at its end.
  std::optional<uint64_t> peak_rss_bytes;
  /// The peak is since the configuration began; false: since the process did, and peaks of
  /// configurations are not to be compared.
  bool peak_is_own = false;
  struct Point {
    int64_t at_ns = 0;
    uint64_t rss_bytes = 0;
  };
  std::vector<Point> series;
  std::string source;
  std::string reason;
};

/// Of all timed requests together.
struct Energy {
  std::optional<double> joules;            ///< of all that `rails` has and that counts.
  std::optional<double> joules_per_token;  ///< of prompt and answer.
  std::optional<double> watts;             ///< mean.
  std::map<std::string, double> rails;     ///< joules of the parts that say.
  std::string source;
  std::string reason;  ///< why there are no joules.
};

/// Of the timed requests.
struct Processor {
  std::optional<double> cpu_seconds;  ///< of all threads.
  std::optional<double> utilisation;  ///< share of the worker threads' time, 0 to 1.
};

struct Thermal {
  std::string pressure;  ///< the worst that was seen: "nominal", "moderate", "heavy"; or empty.
  std::optional<double> celsius_before;
  std::optional<double> celsius_after;
  std::string source;
  std::string reason;
};

struct Reference {
  std::string name;
  /// Share of the answer's tokens, of which there is at least one, that it would have chosen after
  /// the same tokens.
  double match_rate = 0;
  std::optional<int64_t> first_difference;  ///< index of an answer token; nothing: none differs.
};

/// An answer held against that of the same artifact and request on compute units cpu.
struct BesideCpu {
  std::optional<int64_t> first_difference;  ///< index of an answer token; nothing: none differs.
  /// Answer tokens whose logits were compared: the first ones, as long as all before them are
  /// equal.
  int64_t logit_rows = 0;
  double largest_difference = 0;
  /// 20 log10 of the CPU's largest magnitude over the root of the mean square of the differences;
  /// nothing where no logit differs or none was compared.
  std::optional<double> psnr_db;
};

struct Outputs {
  std::string token_hash;       ///< "sha256:…" of the first request's.
  std::vector<int32_t> tokens;  ///< of the first request's answer.
  bool repeatable = false;      ///< all requests gave the same tokens.
  std::optional<bool> equal_to_cpu;
  std::optional<BesideCpu> beside_cpu;
  std::string beside_cpu_reason;  ///< what went wrong when it was asked for.
  std::optional<Reference> reference;
  std::string reference_reason;  ///< the same.
};

/// No faster: the time to read weights and the prompt's part of the cache once.
struct Floor {
  double bytes_per_token = 0;
  double bandwidth_bytes_per_s = 0;
  std::string source;
  double tokens_per_second = 0;
  double share = 0;  ///< measured median speed over the floor's; 0: no speed.
  /// Weights of the layers read once for each call that carries the prompt, or what is not cached
  /// of it; 0: they fit the processor's cache.
  double first_token_ns = 0;
  double cached_first_token_ns = 0;
  std::string reason;  ///< why there is none; then all others are 0.
};

struct Prediction {
  std::string chip;  ///< "M4 Max".
  double tokens_per_second = 0;
  double floor_tokens_per_second = 0;
  double first_token_ns = 0;
  int64_t prompt_tokens = 0;
  std::optional<double> residency;  ///< share of the ops' time on the Neural Engine.
  double joules_low = 0;            ///< of a token; 0: nothing is published.
  double joules_high = 0;
  std::string source;
};

struct Perplexity {
  double token = 0;
  std::optional<double> word;
  uint64_t tokens = 0;
  std::string text;  ///< what it is of: "built-in text".
};

/// Shares of 0 to 1, but the error rate, which may be more.
struct Typos {
  std::optional<double> exact, wer, f05;
  int64_t n = 0;  ///< corrections.
};

struct Quality {
  std::optional<Perplexity> perplexity;
  std::map<std::string, std::map<std::string, double>> tasks;  ///< metrics of each.
  std::optional<Typos> typos;
  /// By task, where there are any: requests that did not fit the context and lost their beginning.
  std::map<std::string, uint64_t> truncated_requests;
  std::string reason;  ///< why documents have no score; empty: all have one.
  /// That scores are of requests without their beginning, in a sentence for each task.
  std::vector<std::string> remarks() const;
};

/// Timed requests of one configuration without another between them.
struct Visit {
  size_t requests = 0;
  std::optional<double> decode_tokens_per_second;  ///< median.
  /// Of a fixed work of the processor, before and after them: how fast the machine was meanwhile.
  std::optional<double> reference_ns;
  std::optional<double> cached_reference_ns;  ///< the same around cached first tokens.
};

/// Sequences that were advanced together, each by a token a step.
struct Batch {
  int64_t sequences = 1;
  Series tokens_per_second;  ///< of all sequences together; a sample a repetition.
  Series step_ns;            ///< of all repetitions.
};

struct Measurement {
  int64_t prompt_tokens = 0;
  int64_t answer_tokens = 0;
  /// Every other one in the opposite order of the sweep. Memory and loads are of the first.
  std::vector<Visit> visits;
  Load load;
  FirstToken first_token;
  Series prefill_tokens_per_second;
  Series decode_tokens_per_second;
  Series step_ns;
  Series request_ns;
  std::optional<Stages> stages;
  /// Share of the warm first token that making tokens takes: no tokenizer can save more. Nothing
  /// without both.
  std::optional<double> tokenizer_share() const;
  std::string stages_reason;  ///< what went wrong when they were asked for.
  std::vector<Batch> batches;
  std::string batches_reason;  ///< the same.
  Memory memory;
  Processor processor;
  Energy energy;
  Thermal thermal;
  std::optional<statistics::Drift> drift;
  Outputs outputs;
  Floor floor;
  std::optional<Quality> quality;
  std::string quality_reason;  ///< what went wrong when it was asked for.
};

/// An op of a function, as Core ML's plan weighs it.
struct OperationTime {
  std::string name;  ///< of its first output; may be empty.
  std::string type;
  std::string unit;  ///< that the plan prefers: "cpu", "gpu", "neural_engine".
  /// Of the function's cost: the op is said to take this share of every prediction.
  double share = 0;
};

/// A function of a package, run by itself.
struct FunctionTimes {
  std::string package;
  std::string function;
  Series load_ns;  ///< of the package.
  Series predict_ns;
  std::vector<OperationTime> operations;  ///< the dearest first.
  std::string reason;                     ///< why there are none.
};

}  // namespace anemone::bench
