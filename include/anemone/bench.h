#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "anemone/bench_measurement.h"
#include "anemone/log.h"
#include "anemone/model.h"
#include "anemone/result.h"

/// Speed, memory and energy of a language model over a sweep of configurations. What was measured
/// is in the report; what was not is absent with a reason. docs/bench-format.md says what each
/// number means, and is the contract of `to_json`.
namespace anemone::bench {

struct Options {
  /// Tokens that prompt and answer fill together, at least 2.
  std::vector<int64_t> contexts = {128, 256, 512};
  /// Tokens of a prefill block; empty: the model's own. 0: every token by the one-token function.
  /// Other sizes than a package has are for checkpoints, which are converted for each.
  std::vector<int64_t> prefill;
  std::vector<int64_t> chunks;  ///< as prefill.
  /// "cpu", "cpu-gpu", "cpu-ane", "all"; others than cpu need Core ML.
  std::vector<std::string> compute_units = {"cpu"};
  /// What runs the model. Core ML, where it is there, runs every configuration but those of units
  /// cpu that it refuses; those run on the CPU executor unless Core ML was asked for by name.
  runtime::Backend backend = runtime::Backend::automatic;
  /// Worker threads of the executor; 0: one a core, and no second name for a number of the list.
  std::vector<int> threads = {0};
  int repetitions = 30;    ///< timed requests of each configuration.
  int warmup = 5;          ///< requests before them that are not counted.
  int loads = 3;           ///< of a configuration, beside the first.
  int stage_requests = 5;  ///< further requests, by which the stages are timed; 0: none.
  /// Numbers of sequences that are advanced together, measured after the requests; empty: none.
  std::vector<int64_t> batches;
  int64_t answer_tokens = 64;  ///< at most half of the context.
  uint64_t seed = 0;           ///< of the bootstrap and of made-up prompts.
  double confidence = 0.95;    ///< of all intervals.
  std::string prompt;          ///< text that is repeated to the length; empty: a built-in one.
  std::string prompt_name;     ///< what the report calls it; empty: "built-in text".
  /// Compressions of a checkpoint, which is converted for each (docs/compression.md); empty: its
  /// own weights.
  std::vector<std::string> quantize;
  std::string numerics;  ///< of the runtime: "fp16", "fp32", "ane"; empty: fp16.
  runtime::Isa isa = runtime::Isa::automatic;
  /// "typos", "perplexity".
  std::vector<std::string> quality;
  std::filesystem::path data;       ///< data sets of tasks.
  std::string perplexity_text;      ///< a text of its own; empty: the built-in one.
  std::filesystem::path reference;  ///< a checkpoint whose choices are held against the answers.
  std::vector<std::string> chips;   ///< of Apple, that speed is predicted for ("m4").
  /// What powermetrics (plist) or macmon (JSON lines) writes while the run goes on. Empty: RAPL.
  std::filesystem::path power_log;
  bool functions = false;  ///< functions of the packages are timed by themselves too.
  std::string preset;      ///< "phase2" adds its verdict; it changes no other option.
  /// Limits that each configuration is judged against; nothing: not asked.
  std::optional<double> target_first_token_ms;
  std::optional<double> target_tokens_per_second;
  /// The document that `judge` will hold the report against, and its threshold: configurations that
  /// seem slower or cannot be told are visited again. Empty: none.
  std::filesystem::path baseline;
  double baseline_threshold = 0.05;
};

struct Machine {
  std::string cpu;
  std::string architecture;
  int cores = 0;
  uint64_t memory_bytes = 0;
  std::string os;
  std::string accelerator;      ///< empty: none that is known.
  uint64_t cache_bytes = 0;     ///< of the last level, all of them together; 0: unknown.
  double read_bytes_per_s = 0;  ///< of memory, with all threads; 0: not measured.
  /// Of what speed depends on: reports of another identity are not compared.
  std::string identity() const;
};

struct Model {
  std::string name;
  std::string path;
  std::string form;
  std::string architecture;
  std::string hash;
  uint64_t weight_bytes = 0;
  int64_t vocabulary = 0;
  runtime::Numerics numerics = runtime::Numerics::fp16;
};

/// Interrupted: the run was stopped among its requests, and those that were done are there; they
/// decide nothing.
enum class Outcome : uint8_t { measured, interrupted, not_available, failed, not_reached };
const char* to_string(Outcome outcome);  ///< "not available".

struct Configuration {
  int64_t context_tokens = 0;
  std::optional<int64_t> prefill_block_tokens;  ///< nothing: the model's own, not known yet.
  std::optional<int64_t> chunks;                ///< the same.
  std::string quantize;                         ///< empty: the model's own weights.
  std::string compute_units;
  int threads = 0;
  Outcome outcome = Outcome::not_reached;
  std::string reason;
  std::optional<Artifact> artifact;
  std::optional<runtime::Execution> execution;  ///< what ran it; of measured ones.
  std::optional<Measurement> measurement;
  std::vector<FunctionTimes> functions;  ///< once an artifact and units, where asked for.
  std::string functions_reason;          ///< what went wrong when they were asked for.
  std::vector<Prediction> predicted;
  std::string predicted_reason;  ///< why a chip that was asked for has no prediction.

  bool is_measured() const { return outcome == Outcome::measured && measurement.has_value(); }
  std::string id() const;
  /// All of the id but the context.
  std::string group() const;
};

/// A line through the medians of configurations that differ by context alone.
struct Scaling {
  std::string metric;  ///< "step_ns", "first_token_ns".
  std::string group;   ///< Configuration::group.
  std::vector<std::pair<int64_t, double>> points;
  statistics::Line line;
};

struct Best {
  std::string id;
  std::string rule;
  std::string why;
  std::map<std::string, std::string> by;  ///< metric: id.
};

struct BaselineVerdict {
  std::string file;
  double threshold = 0;
  double confidence = 0;
  /// Why nothing can be told, and what helps.
  struct Doubt {
    std::string cause;
    std::string hint;
  };
  struct Compared {
    std::string id;
    std::string metric;
    double baseline_median = 0;
    double median = 0;
    double slowdown = 1;  ///< of the medians, above 1: worse, whatever the metric.
    /// Of it, by a bootstrap of the requests; decides nothing. None of many samples.
    std::optional<statistics::Interval> scatter;
    /// Geometric means of the visits' medians.
    double baseline_visits_mean = 0;
    double visits_mean = 0;
    double visits_slowdown = 1;     ///< of these means: `machine` times `adjusted`.
    std::optional<double> machine;  ///< of the reference work, above 1: the machine is slower.
    /// What is left of `visits_slowdown` without the machine's, by the variance between visits.
    std::optional<statistics::Ratio> adjusted;
    std::string verdict;  ///< "slower", "faster", "same", "unclear".
    size_t baseline_visits = 0;
    size_t visits = 0;
    int threads = 1;                     ///< of the executor.
    std::optional<Doubt> doubt() const;  ///< of what is "unclear".
  };
  std::vector<Compared> compared;
  std::vector<std::string> missing;  ///< configurations that the baseline has and the run has not.
  /// Those of the missing ones that the run was asked for: they failed, have other blocks or
  /// chunks, or ran on another backend or on Core ML's CPU in place of their units.
  std::vector<std::string> lost;
  /// Compared configurations whose packages are not the baseline's, of as many bytes of weights.
  std::vector<std::string> other_artifacts;
  /// The same, of a few more or fewer bytes of weights.
  struct OtherSize {
    std::string id;
    uint64_t baseline_weight_bytes = 0;
    uint64_t weight_bytes = 0;
  };
  std::vector<OtherSize> other_sizes;
  /// What no verdict knows, in a sentence each: with several threads, how far processes differ.
  std::vector<std::string> remarks() const;
  bool regressed() const;  ///< something is slower or lost.
  /// Something of this configuration is slower, or nothing can be told.
  bool is_unsettled(const std::string& id) const;
  bool unclear() const;        ///< of something nothing can be told, and nothing regressed.
  const char* status() const;  ///< "passed", "regressed", "unclear".
};

struct Phase2Verdict {
  struct Speedup {
    int64_t context_tokens = 0;
    statistics::Ratio ratio;
  };
  std::vector<Speedup> speedups;  ///< by decoding speed: Neural Engine over CPU.
  std::optional<bool> met;        ///< nothing: n/a.
  std::string reason;
  std::optional<bool> identical_outputs;  ///< and the same in every request.
};

/// A median held against a limit, beside what memory allows.
struct TargetVerdict {
  std::string id;
  std::string
      metric;  ///< "first_token_ns.warm", "first_token_ns.cached", "decode_tokens_per_second".
  double limit = 0;  ///< in the metric's unit.
  std::optional<double> median;
  std::optional<double> floor;  ///< the best that memory's bandwidth allows; nothing: not known.
  std::optional<bool> met;      ///< nothing: not measured.
};

struct Report {
  std::string started;  ///< UTC, ISO 8601.
  double seconds = 0;
  bool complete = true;
  std::string isa;  ///< of the executor's kernels on this machine: "avx512".
  Machine machine;
  Model model;
  Options options;
  std::vector<Configuration> configurations;
  std::vector<Scaling> scaling;
  std::optional<Best> best;
  std::optional<BaselineVerdict> baseline;
  std::optional<Phase2Verdict> phase2;
  std::vector<TargetVerdict> targets;
};

/// Measures every configuration of the sweep on the model at `path`: a model as
/// lm::LanguageModel::open takes it, or a folder of `model_seq{N}` variants. `tokenizer_path` is
/// where its tokenizer is found when not beside it; may be empty. Takes one request at a time;
/// timed loops allocate nothing of their own. Progress: stage "models", in configurations whose
/// packages are found or converted, then "bench", in requests; false ends the run after the request
/// under way, with a report of what was done until then. The sinks are
/// called by this thread alone, and not after the return. A configuration that fails is no error of
/// the run, and neither is what stands beside a measurement: it has a reason instead. Runs that
/// overlap spoil each other's times. Errors: those of opening the model and the reference and of
/// finding the data of tasks and the power log, invalid_argument (an option that makes no sense, a
/// prompt without tokens, a baseline that the run cannot be held against), unsupported (no
/// configuration can be measured here), interrupted (before the first timed request is done).
Result<Report> run(const std::filesystem::path& path, const std::filesystem::path& tokenizer_path,
                   const Options& options, const ProgressSink& progress, const LogSink& log);

/// Holds a report against the document of an earlier run of the same machine and model.
/// `threshold`: a slowdown counts when it is larger than this share with the report's confidence,
/// by the variance between visits and less the machine's own.
/// The model's name says nothing; other weights of about as many bytes are compared and named.
/// Errors: invalid_argument (a file that cannot be read, is no document of this version, or is of
/// another machine, kind of model, prompt, number of answer tokens, warm-up or instruction set, of
/// another size of weights, or has no configuration in common), interrupted (the report is of a run
/// that was stopped: it decides nothing).
Result<BaselineVerdict> judge(const Report& report, const std::filesystem::path& baseline,
                              double threshold);

/// Refuses before a run what `judge` would refuse after it, as far as that depends on no
/// measurement and on no model; `run` refuses what depends on the model before its first request.
/// Errors: as `judge`.
Status check_baseline(const std::filesystem::path& baseline, const Options& options);

/// What a run would find on this machine.
struct Surroundings {
  Machine machine;                ///< without the speed of its memory.
  std::string isa;                ///< of the executor's kernels: "avx512".
  std::vector<std::string> isas;  ///< that this processor has kernels for, the best last.
  std::string energy_source;      ///< empty: energy is n/a.
  std::string energy_reason;      ///< why.
  std::optional<double> celsius;  ///< nothing: no thermal zone is shown.
};
/// Measures nothing. Errors: unsupported (a processor without `isa`).
Result<Surroundings> look_around(runtime::Isa isa);

/// The document of docs/bench-format.md.
std::string to_json(const Report& report);
/// Tables for people.
std::string to_markdown(const Report& report);
/// One line a configuration.
std::string to_csv(const Report& report);

}  // namespace anemone::bench
