#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anemone/result.h"
#include "anemone/statistics.h"

/// Results of measurements beside each other: evaluations, benchmarks, probes, checks, of any tool
/// that is known. Every number says which key of which file it was read from.
namespace anemone::compare {

enum class Kind : uint8_t {
  evaluation,  ///< results of `anemone eval`, lm-evaluation-harness or mlx_lm.evaluate.
  bench,       ///< `anemone bench --format json`.
  probe,       ///< `anemone probe --json`, of one model.
  check,       ///< `anemone check --json`.
  figures,     ///< figures with their sources, written down by hand (docs/comparing.md).
  samples,     ///< documents of one task with their answers, beside a file of results.
};
const char* to_string(Kind kind);

/// A file that was read.
struct Source {
  std::filesystem::path path;
  std::string sha256;  ///< of the file.
  Kind kind = Kind::evaluation;
  std::string tool;  ///< what wrote it: "anemone 0.1.0", "lm_eval 0.4.13", "mlx_lm".
  std::string model;
  std::string model_hash;
  std::string numerics;
  std::string machine;
  bool simulated = false;  ///< ran with the arithmetic of another processor.
  /// Of a folder that was given: other results in it, which were not read.
  std::vector<std::filesystem::path> not_read;
};

/// Where a number stands: a JSON pointer into a source, or "samples" where it was computed from
/// all rows of a file with samples.
struct Origin {
  size_t source = 0;
  std::string key;
};

/// One number. What was not measured has no value.
struct Figure {
  std::optional<double> value;
  std::optional<statistics::Interval> interval;
  std::optional<double> standard_error;
  std::vector<Origin> origins;  ///< empty when there is no value.
  bool predicted = false;       ///< from published constants, not measured.
};

/// One column of the comparison: a model, and all that was measured of it.
struct Subject {
  std::string label;
  std::vector<size_t> sources;  ///< its documents, then the files with their samples.
};

/// What a row of figures is about.
enum class Unit : uint8_t { none, bytes, seconds, tokens_per_second, share, joules, nats };
const char* to_string(Unit unit);

/// A quantity with a figure for each subject (one without a value where it was not measured).
struct Measure {
  std::string name;   ///< stable, for JSON: "weight_bytes".
  std::string title;  ///< for people: "weights".
  std::string group;  ///< of bench: the configuration's id; else empty.
  Unit unit = Unit::none;
  std::optional<bool> higher_is_better;
  std::vector<Figure> figures;
  /// figure / that of the first subject; with an interval where both have their samples. One each
  /// subject; that of the first is empty.
  std::vector<Figure> ratios;
  std::string note;  ///< why there are no ratios, or what limits them; may be empty.
};

/// How a difference was tested.
enum class Method : uint8_t {
  none,       ///< it was not: `reason` says why.
  mcnemar,    ///< exact, on documents with right or wrong answers.
  paired_t,   ///< on documents with other numbers, whose mean is the score.
  bootstrap,  ///< on documents, where the score is no mean.
  unpaired,   ///< normal distribution from both standard errors; documents are not known.
};
const char* to_string(Method method);

/// `same`: no difference is shown at the level of the comparison, which does not prove that there
/// is none. `differs`: there is one, but no file says whether more or less is better.
enum class Verdict : uint8_t { better, worse, differs, same, unknown };
const char* to_string(Verdict verdict);

/// Which documents two runs have in common.
struct Pairing {
  int64_t matched = 0;
  int64_t only_reference = 0;
  int64_t only_subject = 0;
  int64_t different = 0;  ///< the same number, other text or prompt.
};

/// A document that two runs answer differently.
struct Flip {
  int64_t document = 0;
  double reference = 0, subject = 0;     ///< the score of this document alone.
  std::string reference_answer, answer;  ///< what was chosen; may be empty.
};

/// A score of a subject against that of the first.
struct Difference {
  std::optional<double> value;  ///< subject - reference, over the matched documents if paired.
  std::optional<statistics::Interval> interval;
  std::optional<double> p;
  std::optional<double> adjusted_p;  ///< by Holm, for all differences with a p of the comparison.
  Method method = Method::none;
  Verdict verdict = Verdict::unknown;
  std::string reason;           ///< why it was not tested, or only so; may be empty.
  std::vector<Origin> origins;  ///< of all numbers here; empty where there is none.
  std::optional<Pairing> pairing;
  /// The matched documents that have the metric in both runs: those that the test and all below are
  /// over. Nothing where documents are not paired.
  std::optional<int64_t> tested;
  /// The documents that each of the two scores is over; more than `tested` where one run has some
  /// that the other lacks. Nothing where documents are not paired.
  std::optional<int64_t> scored_reference, scored_subject;
  /// Whether the scores are over other documents than the difference.
  bool is_partial() const {
    return tested && (scored_reference != tested || scored_subject != tested);
  }
  /// Of McNemar's test: right only in the reference, right only here.
  int64_t only_reference_right = 0, only_subject_right = 0;
  /// Share of tested documents with the same metric, and with the same answer chosen.
  std::optional<double> same_metric, same_answer;
  /// Largest and mean distance of log-likelihoods of the same requests, in nats.
  std::optional<double> largest_distance, mean_distance;
  int64_t flips = 0;
  std::vector<Flip> shown_flips;  ///< the first ones by number.
};

/// A score of one task with all subjects.
struct ScoreRow {
  std::string task;
  std::string alias;
  std::string metric;
  std::string filter;
  std::optional<bool> higher_is_better;
  bool is_group = false;
  std::vector<Figure> figures;          ///< one each subject.
  std::vector<int64_t> documents;       ///< that were scored; 0 where it is not known.
  std::vector<Difference> differences;  ///< one each subject; that of the first is empty.
};

/// A score of the documents of one length.
struct LengthBucket {
  int64_t from_words = 0;
  std::optional<int64_t> to_words;  ///< nothing: no end.
  int64_t documents = 0;            ///< matched in all subjects that have samples.
  std::vector<Figure> figures;      ///< one each subject.
  /// Subject - reference with its interval, one each subject; that of the first is empty.
  std::vector<Figure> differences;
};

/// The score of a task by the length of its documents.
struct LengthTable {
  std::string task, metric, filter;
  std::string measured;  ///< what has this length: "target" or "prompt".
  std::vector<LengthBucket> buckets;
};

struct Comparison {
  statistics::BootstrapOptions bootstrap;
  double alpha = 0.05;
  std::vector<Source> sources;
  std::vector<Subject> subjects;  ///< the first is the reference.
  std::vector<Measure> measures;  ///< size, speed, loss; then bench's configurations.
  /// The configuration of bench that summaries show: the best one of the first subject where all
  /// that have a benchmark measured it, else the first that most of them measured; may be empty.
  std::string configuration;
  std::vector<ScoreRow> scores;
  std::vector<LengthTable> lengths;
  std::vector<std::string> notes;  ///< what could not be compared, and why.
};

struct Options {
  statistics::BootstrapOptions bootstrap{.confidence = 0.95, .resamples = 10000, .seed = 1234};
  /// Upper ends of the buckets of lengths, in words; ascending.
  std::vector<int64_t> length_edges = {8, 16, 32, 64, 128, 256};
  bool by_length = false;
  size_t most_flips = 20;
};

/// One argument of the command line.
struct Input {
  std::string label;  ///< inputs with the same label are one subject; empty: the model's name.
  std::filesystem::path path;  ///< a file, or a folder that holds results_*.json.
};

/// "lut4=results/lut4" → label and path. A word with '=' that exists as it stands is a path.
Input parse_input(std::string_view word);

/// Reads all inputs and compares each subject with the first one. Errors: invalid_argument (no or
/// one subject, two evaluations of one subject), not_found, io, limit, corrupt (which file, which
/// key), unsupported (a document of a newer version), mismatch (files of one subject are of models
/// with other hashes; no two subjects have a task, a measure or a configuration in common).
Result<Comparison> compare(std::span<const Input> inputs, const Options& options);

}  // namespace anemone::compare
