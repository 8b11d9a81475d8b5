#pragma once

#include <map>
#include <set>

#include "anemone/bench.h"
#include "anemone/text.h"
#include "bench/beside_cpu.h"
#include "bench/energy_meter.h"
#include "bench/measure.h"
#include "bench/variants.h"
#include "bench/visits.h"

namespace anemone::bench {

using OpenedModel = Result<std::unique_ptr<lm::LanguageModel>>;

/// Visits of what seems slower than a baseline or cannot be told, before that is believed: at most
/// three times the requests that were asked for, where these are eight or more.
inline constexpr int kMoreRounds = 2;
inline constexpr int kVisitsOfRound = 4;

/// One run of a sweep: `run.cpp` has its order, `run_one.cpp` a visit of one configuration,
/// `run_beside.cpp` what comes after all measurements.
class Campaign {
 public:
  Campaign(const std::filesystem::path& path, const Options& options, const ProgressSink& progress,
           const LogSink& log, Variants variants);

  Result<Report> all(const std::filesystem::path& tokenizer_path);

 private:
  Status prepare(const std::filesystem::path& tokenizer_path);
  Status find_tokenizer(const std::filesystem::path& asked);
  /// Finds, and converts where that is needed, what every configuration runs on, before any is
  /// measured. Errors: those of a baseline that does not fit.
  Status find_artifacts();
  /// Visits every configuration that this machine can run, until it is told to stop.
  void visit_all();
  /// Again those of them that seem slower than the baseline, or of which nothing can be told.
  void visit_unsettled(std::vector<Configuration*> order);
  /// False when the run is to end.
  bool visit(Configuration& one, int visit);
  /// Of one that cannot be measured.
  void note_failure(Configuration& one, const Error& error);
  void judge_all();
  /// Why nothing could be opened.
  Error no_model() const;
  /// Of one that this machine cannot run.
  void predict_only(Configuration& one);
  /// A warning once; nothing before a model is there, because then the run has one error.
  void warn(std::string words);
  /// Whether to go on, while configurations find what they run on.
  bool may_prepare() const;
  /// Whether to go on, after work that is not counted in requests.
  bool tick_nothing(const std::string& item) const;

  int64_t answer_tokens_of(const Configuration& one) const;
  int64_t prompt_tokens_of(const Configuration& one) const;
  Result<Prompt> prompt_of(const Configuration& one) const;
  lm::LanguageModel::Options open_options(const Configuration& one,
                                          const Variants::Choice& choice) const;
  /// Chooses its artifact and describes it.
  Status find_artifact(Configuration& one);
  Status measure_one(Configuration& one, int visit);
  Subject subject_of(Configuration& one, const Variants::Choice& choice,
                     const lm::LanguageModel::Options& options);
  /// Names the artifact and checks that it can run the configuration.
  Status describe(Configuration& one, const Variants::Choice& choice,
                  lm::LanguageModel::Options options);
  void name_model(const lm::ModelInfo& info);
  void add_floor(Configuration& one, const Variants::Choice& choice) const;
  /// None of it makes a measurement undone. Errors: interrupted.
  Status add_beside(Configuration& one, const Variants::Choice& choice,
                    lm::LanguageModel::Options options, Prompt prompt,
                    std::unique_ptr<lm::LanguageModel> model);

  /// Turns an error into a reason. Errors: interrupted.
  Status excuse(Status status, const std::string& item, std::string& reason);
  /// The answer of compute units cpu is kept for those that come after it.
  Status hold_against_cpu(Configuration& one, const std::vector<int32_t>& prompt,
                          lm::LanguageModel& model);
  void add_qualities();
  /// Once an artifact and its units.
  Status add_quality(Configuration& one);
  OpenedModel open_reference() const;
  void hold_against_reference();

  const std::filesystem::path& path_;
  const Options& options_;
  const ProgressSink& progress_;
  const LogSink& log_;
  Variants variants_;
  std::unique_ptr<EnergyMeter> energy_;
  SteadyClock clock_;
  SystemMemory memory_;
  runtime::Numerics numerics_ = runtime::Numerics::fp16;
  std::optional<text::Tokenizer> tokenizer_;
  int visits_ = 1;
  std::map<std::string, lm::ModelInfo> artifacts_;
  std::map<const Configuration*, Variants::Choice> choices_;        ///< what was measured.
  std::map<const Configuration*, std::vector<double>> at_seconds_;  ///< as in `Visited`.
  std::map<std::string, Quality> qualities_;
  std::set<std::string> seen_uncompiled_;  ///< artifacts with their units.
  std::set<std::string> timed_functions_;  ///< artifacts with all but their contexts.
  Answer cpu_answer_;
  std::string cpu_asked_;  ///< what it answers; empty: there is none.
  std::optional<Error> first_error_;
  std::set<std::string> told_;         ///< by evaluations.
  std::vector<std::string> warnings_;  ///< that were given, or wait for a model.
  uint64_t found_ = 0;                 ///< configurations that were looked for.
  uint64_t done_ = 0;
  uint64_t total_ = 0;
  Report report_;
};

}  // namespace anemone::bench
