#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "anemone/bench.h"
#include "anemone/language_model.h"
#include "bench/clock.h"
#include "bench/energy_meter.h"
#include "bench/memory_meter.h"
#include "bench/request.h"

namespace anemone::bench {

/// What is measured.
struct Subject {
  using Opener = std::function<Result<std::unique_ptr<lm::LanguageModel>>(
      std::shared_ptr<runtime::Observer> observer)>;
  Opener open;
  /// Opens and drops the model with none of its packages compiled and gives the nanoseconds of
  /// opening; nothing where none is compiled. May be null.
  std::function<Result<std::optional<double>>(Clock& clock)> load_uncompiled;
  std::filesystem::path files;  ///< of the model.
  Prompt prompt;
  int64_t answer_tokens = 0;
  int threads = 1;  ///< of the model.
  int batch_repetitions =
      0;  ///< of sequences together; they are measured in the first visit alone.
  /// It was measured before in this run: it is loaded once, and its stages are not timed.
  bool again = false;
};

/// By what it is measured.
struct Meters {
  Clock& clock;
  MemoryReader& memory;
  EnergyMeter& energy;
  std::function<bool(const std::filesystem::path&)> drop_from_page_cache;
  std::function<std::optional<double>()> celsius;
  std::function<double()> cpu_seconds;  ///< that the process has used.
  /// Runs the reference work (`reference_work.h`) once. May be null.
  std::function<Result<double>()> reference_ns = {};
};

struct Measured {
  Measurement measurement;
  std::unique_ptr<lm::LanguageModel> model;  ///< the one that the requests ran on.
  std::vector<double> at_seconds;  ///< ends of the timed requests, by the clock of the meters.
  bool interrupted = false;        ///< the timed requests are those that were done until then.
};

/// Called after each request; false ends the measurement.
using RequestDone = std::function<bool()>;

/// Requests that a visit runs, for progress; its options are those of the whole run.
uint64_t requests_of(const Options& options, int visit, int visits);

/// Loads the model a few times, runs warm-up and timed requests, then first tokens with the
/// prompt's beginning cached, then the requests by which stages are timed, on a model of their
/// own, and last sequences that are advanced together. `floor`, `quality`, `outputs.equal_to_cpu`
/// and `outputs.reference` are the caller's. Errors: those of the model, interrupted (before the
/// first timed request is done).
Result<Measured> measure(const Subject& subject, const Options& options, const Meters& meters,
                         const RequestDone& done);

/// Of decoding speed over the times of its samples; nothing where some request has no speed.
std::optional<statistics::Drift> drift_of(const Measurement& own,
                                          const std::vector<double>& at_seconds,
                                          const Options& options);

/// Samples with their summary.
Series make_series(std::vector<double> samples, const Options& options);

/// Tokens of the prompt that are not cached when first tokens are timed with a cache.
inline constexpr int64_t kUncachedTokens = 16;

}  // namespace anemone::bench
