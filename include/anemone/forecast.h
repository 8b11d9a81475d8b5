#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/check.h"
#include "anemone/log.h"
#include "anemone/package.h"
#include "anemone/result.h"

/// What a model would do on the Neural Engine of a chip that is not at hand: where its ops would
/// run, and how fast it would decode. Every number here is predicted by published constants and
/// none is measured; docs/ane-model.md says how far such predictions were from measurements.
namespace anemone::ane {

enum class Unit : uint8_t { cpu, gpu, neural_engine };
std::string_view to_string(Unit unit);  ///< "neural_engine".

/// What calls the Neural Engine. Private: the client of its driver, as third parties found it.
enum class Stack : uint8_t { core_ml, core_ai, private_api };
std::string_view to_string(Stack stack);  ///< "Core ML".

struct PlacedOperation {
  std::string name;  ///< of its first output.
  std::string type;
  Unit unit = Unit::cpu;
  double milliseconds = 0;  ///< estimated, on that unit.
  std::string obstacle;     ///< why it does not run on the Neural Engine; empty when it could.
};

/// A run of ops that leaves the Neural Engine: between two segments; at the start or the end, where
/// a fix saves more than a cut costs; or the whole function.
struct Interruption {
  /// Name of the op that takes longest of those that have an obstacle and are no small index
  /// arithmetic or lookup at the start, the first where several do; where there is none, of all
  /// that have an obstacle; where none has one, of the first of the run.
  std::string operation;
  std::string type;
  std::string obstacle;
  size_t operations = 0;  ///< of the run.
  size_t obstructed = 0;  ///< of them, those with an obstacle.
  double saves_ms = 0;    ///< what a fix of all of those would save in every call.
};

/// A function as Core ML's segmenter would cut it with CPU and Neural Engine allowed.
struct FunctionForecast {
  std::string package;  ///< of a model directory: the name of the package.
  std::string function;
  std::vector<PlacedOperation> operations;  ///< in program order, without constants.
  size_t segments = 0;                      ///< runs of ops on the Neural Engine.
  double milliseconds = 0;                  ///< ops and launches.
  double launch_ms = 0;                     ///< of segments, changes of side, and outputs.
  size_t changes = 0;                       ///< of side.
  double cpu_ms = 0;                        ///< of the ops that are on the CPU.
  double floor_ms = 0;                      ///< no faster: bytes of its weights at the bandwidth.
  /// Share of the ops' estimated time on the Neural Engine, 0 to 1.
  double residency = 0;
  /// Even if nothing kept an op off but the index arithmetic and lookups before all other work,
  /// which every language model has, no segment would save what its launch, its change of side and
  /// its outputs cost: all stays on the CPU, and the residency says nothing about it. Never where
  /// that index arithmetic and those lookups take longer than such a segment costs (0.375 ms), nor
  /// of a range of shapes, nor where a size depends on values. Of enumerated shapes it is so where
  /// it would be with every unknown dimension of an input as long as the longest of them: results
  /// are as long as the longest they are made of, and a change of shape keeps all elements.
  bool below_launch_cost = false;
  /// Some shapes are known at run time only: the unknown dimensions of inputs, and those that
  /// depend on values, count as 1.
  bool has_unknown_shapes = false;
  std::vector<Interruption> interruptions;  ///< at most 34; what saves most first.
};

/// Energy of a token, of the Neural Engine alone: predicted times at published powers.
struct EnergyForecast {
  double joules_low = 0;
  double joules_high = 0;
  double joules_floor = 0;  ///< no less: the floor's time at the least published power.
  std::string_view source;  ///< of the powers.
};

/// Speed of a language model as its programs would be placed: that of DecodingForecast for the ops
/// on the Neural Engine, all others at what they take on the CPU, changes of side, and every call
/// at the price of one to the Neural Engine. The same where nothing leaves it.
struct PlacedForecast {
  /// Nothing where a program with attention stays on the CPU whole: what Core ML takes for a layer
  /// there is not published.
  std::optional<double> tokens_per_second;
  std::optional<double> first_token_ms;  ///< by the programs of the prompt; nothing: the same.
  double cpu_ms = 0;                     ///< of a token's step, on the CPU.
  double changes_ms = 0;     ///< of a token's step: changes of side, and launches behind them.
  size_t cpu_functions = 0;  ///< of a token's step, that stay on the CPU whole.
  size_t functions = 0;      ///< of a token's step.
};

/// Speed of a language model with its caches full, if the Neural Engine runs all of it.
struct DecodingForecast {
  int64_t batch = 1;             ///< sequences that a step advances, each with its own caches.
  double tokens_per_second = 0;  ///< of all sequences together.
  double floor_tokens_per_second = 0;  ///< no faster: bytes of weights and caches at the bandwidth.
  double weights_ms = 0;
  double compute_ms = 0;  ///< hidden behind the weights, or they behind it.
  double attention_ms = 0;
  double overhead_ms = 0;
  double weight_bytes = 0;
  double cache_bytes = 0;
  int64_t context = 0;        ///< positions of the static graph.
  int64_t prompt_tokens = 0;  ///< of which the time to the first token speaks.
  /// The prompt that was asked for, or the usual one of 512, is longer and fits another of the
  /// contexts: this one is full.
  bool prompt_is_cut = false;
  int64_t cached_tokens = 0;  ///< of them, that are in the caches already.
  int64_t prompt_width = 0;   ///< tokens that one step of the prompt takes.
  double first_token_ms = 0;  ///< until all sequences have theirs.
  double first_token_floor_ms = 0;
  /// Of the programs as they are: nothing for other contexts and batches.
  std::optional<PlacedForecast> placed;
  /// Nothing for phones: no power of a phone's Neural Engine is published.
  std::optional<EnergyForecast> energy;
};

struct Forecast {
  std::string_view chip;   ///< "m4max".
  std::string_view label;  ///< "M4 Max".
  std::string_view stack;  ///< "Core ML".
  double bandwidth_gbps = 0;
  std::string_view bandwidth_source;  ///< who measured it, or the rule that stands in.
  std::vector<FunctionForecast> functions;
  /// Over all functions that are not below the launch cost; nothing when all are.
  std::optional<double> residency;
  std::optional<DecodingForecast> decoding;  ///< of language models with a static context.
  /// Why such a model has none: invalid_argument (a prompt longer than the context and all of the
  /// sweep, no more tokens of it than are cached).
  std::optional<Error> decoding_error;
  /// The same model built for other contexts and batches: every context that was asked for with
  /// every batch, in that order. Empty where there is no `decoding`.
  std::vector<DecodingForecast> sweep;
};

struct ForecastOptions {
  std::string chip = "m4";
  /// The speed is that of the same model brought to the Neural Engine by this software.
  Stack stack = Stack::core_ml;
  std::optional<int64_t> prompt_tokens;  ///< at most the context; nothing: 512, or it.
  int64_t cached_tokens = 0;             ///< of the prompt; the last one is always computed.
  /// Contexts and batches of `sweep`; where one of them is empty, the program's context, and 1.
  std::vector<int64_t> contexts;
  std::vector<int64_t> batches;
  ProgressSink progress;  ///< may be empty; by function.
};

/// The largest batch that Core ML was seen to place (751K-M6, notes/coreml_dispatch.md).
inline constexpr int64_t kMostSequences = 64;

/// Forecasts a package or a model directory. Reads programs and no weights. Any thread.
/// Errors: those of `check`; unsupported (nothing is published of the chip's speed); mismatch (the
/// program is not well formed); invalid_argument (a context below 2, a batch that is not 1 to
/// kMostSequences); interrupted.
Result<Forecast> forecast(const std::filesystem::path& path, const ForecastOptions& options = {});

/// The same of one package in memory. Errors: the same, but for files.
Result<Forecast> forecast(const package::Package& package, const ForecastOptions& options = {});
Result<Forecast> forecast(const ModelInMemory& model, const ForecastOptions& options = {});

/// Where an op ran, or would, by Core ML's own word.
struct PlanDifference {
  std::string function;
  std::string operation;
  std::string type;
  Unit predicted = Unit::cpu;
  Unit planned = Unit::cpu;
};

/// Shares of a plan's estimated cost, 0 to 1; they add up to 1.
struct PlanShares {
  double cpu = 0;
  double gpu = 0;
  double neural_engine = 0;
};

/// A forecast beside a plan that Core ML made on a Mac (docs/compute-plan.md).
struct PlanComparison {
  std::string device;            ///< as the plan says.
  std::string operating_system;  ///< the same.
  size_t operations = 0;         ///< that the plan places and the forecast knows.
  size_t agreeing = 0;
  size_t unmatched = 0;              ///< of the plan, that the forecast does not know.
  std::optional<PlanShares> shares;  ///< nothing where the plan has no cost of an op that runs.
  std::vector<PlanDifference> differences;
  std::vector<PlanDifference> off_engine;  ///< all that the plan puts elsewhere.
};

/// Errors: those of reading a JSON file; corrupt (a key that is missing or of the wrong kind);
/// mismatch (the plan shares no op with the forecast, or does not name its device).
Result<PlanComparison> compare_with_plan(const Forecast& forecast,
                                         const std::filesystem::path& plan);

}  // namespace anemone::ane
