#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/log.h"
#include "anemone/result.h"
#include "anemone/text.h"

/// Benchmarks and perplexity of a language model, with lm-evaluation-harness' requests, metrics and
/// results files.
namespace anemone::eval {

/// The release of lm-evaluation-harness whose numbers these are.
std::string_view harness_version();

/// Where task files and data sets are looked for. Nothing is downloaded.
struct TaskPlaces {
  /// Folders with task files in the harness' YAML dialect; they win over the built-in tasks.
  std::vector<std::filesystem::path> include_paths;
  /// Folder with data sets; looked through before the Hugging Face caches.
  std::filesystem::path data;
};

/// One task that can be named.
struct TaskInfo {
  std::string name;
  std::string kind;  ///< "multiple_choice", "loglikelihood", …, "group", or "python".
  std::string file;
  std::vector<std::string> tags;
  std::string dataset;      ///< "allenai/ai2_arc (ARC-Easy)".
  std::string data_origin;  ///< where its rows were found; empty when they are absent.
  std::string unsupported;  ///< why the task cannot be run; empty when it can.
};

/// All tasks, sorted by name. Errors: not_found (an include path, the folder with data sets).
Result<std::vector<TaskInfo>> list_tasks(const TaskPlaces& places, const LogSink& log);

/// One of `count` parts of the documents of a run. Which part a document belongs to depends on its
/// task and its number alone.
struct Shard {
  int64_t index = 1;  ///< from 1 to `count`.
  int64_t count = 1;
};

/// What to evaluate and how; the meaning and the defaults are lm-evaluation-harness' own.
struct Options {
  std::vector<std::string> tasks;  ///< names, patterns, tags, or .yaml files.
  TaskPlaces places;
  std::optional<int64_t> num_fewshot;
  std::optional<double> limit;  ///< documents of each task: a whole number, or a share below 1.
  std::string samples;          ///< JSON {"task": [document, …]}; excludes `limit`.
  bool apply_chat_template = false;
  std::string chat_template;  ///< name of the template; empty: the usual one.
  std::optional<bool> fewshot_as_multiturn;
  std::string system_instruction;
  std::string gen_kwargs;                                ///< "key=value,…" or a JSON object.
  std::array<int64_t, 4> seeds = {0, 1234, 1234, 1234};  ///< python, numpy, torch, few-shot.
  int64_t bootstrap_iterations = 100000;
  int64_t max_length = 0;  ///< tokens that are fed at most; 0: the model's context.
  /// Memory for states of the model beside its first: of the sequences that go through the requests
  /// in lockstep, and for a model that cannot go back of copies where requests part. Less only
  /// means more time, never other scores.
  uint64_t kv_budget_bytes = uint64_t{1} << 30;
  bool log_samples = false;
  bool predict_only = false;
  std::optional<Shard> shard;  ///< only its documents; see merge_shards.
  /// File that keeps the answers as they come, so that a run that ends in any way loses at most the
  /// last half second; see answers_path. The model is opened with its hash. Empty: none.
  std::filesystem::path answers;
  bool resume = false;  ///< take answers that the file has; else all is asked again.
};

/// A score over all documents of a task.
struct Score {
  std::string metric;
  std::string filter;
  std::optional<double> value;           ///< nothing when no document could be scored.
  std::optional<double> standard_error;  ///< nothing when it is not defined.
  std::optional<bool> higher_is_better;
};

/// A document without a score.
struct FailedSample {
  int64_t document = 0;
  std::string message;
};

/// Tokens that went through the model, and what other ways to run the same requests take.
struct Work {
  uint64_t tokens_run = 0;           ///< what requests share, once.
  uint64_t tokens_alone = 0;         ///< every request on its own.
  uint64_t tokens_logits_cache = 0;  ///< each distinct input once, as the harness' `hf` model.
  uint64_t truncated_requests = 0;   ///< requests that lost tokens on the left.
  uint64_t stored_answers = 0;       ///< of a run before, which no token ran for.
  /// Main memory that the process held at most, of all tasks, with the model's weights; of shards
  /// the largest. 0 where the system does not say.
  uint64_t peak_memory_bytes = 0;
  double seconds = 0;
};

struct TaskReport {
  std::string name;
  std::string file;
  std::string data;
  int64_t shots = 0;
  int64_t documents = 0;  ///< of the evaluated split.
  int64_t evaluated = 0;  ///< with a score.
  std::vector<Score> scores;
  std::vector<FailedSample> failed;
  Work work;
  std::vector<std::string> samples;  ///< lines of the samples file; only with log_samples.
};

struct Report {
  std::string model_name;
  std::vector<TaskReport> tasks;
  Work work;
  /// The results file: JSON in the harness' layout. Ours are its keys `version` (of this layout:
  /// 1), `failed` ({task: [{doc_id, error}]}) and `anemone` (what ran: `model_hash`,
  /// `tokenizer_sha256`, numerics, work, …).
  std::string results;
  std::string table;  ///< the line of arguments and the Markdown table that the harness prints.
  /// The task that was running when the caller stopped the run; `tasks` are those that were
  /// finished before. Empty when all are.
  std::string interrupted;
  std::vector<std::string> not_run;  ///< tasks behind the interrupted one.
  std::optional<Shard> shard;
  std::vector<std::string> shard_lines;  ///< of the file that merge_shards reads; of a shard.
};

/// Whether `options` can be run, without a model: its flags, the chat template, the task files and
/// the places of their data. Errors: as evaluate.
Status check_options(const Options& options, const text::Tokenizer& tokenizer);

/// Whether the tasks of `options` and their data hold together, without a model: every evaluated
/// document can be asked, has an answer among its choices and goes through filters and metrics; the
/// documents that examples are drawn from too. Logs what a sound task has: documents, how many are
/// distinct and are examples as well, and the SHA-256 of documents and questions. Errors: those of
/// the plan, as evaluate; mismatch (names all faults).
Status check_integrity(const Options& options, const text::Tokenizer& tokenizer,
                       const LogSink& log);

/// Evaluates all tasks of `options` on one model. Progress: stage "tokenize" in documents, then
/// "evaluate" in tokens, whose item is the first task that is not finished.
/// Errors: not_found (data), unsupported (a key of a task, a model without logits),
/// invalid_argument (also: an unknown task, two places of one name), corrupt (a task file),
/// interrupted (before the first task is finished; later the report says so). The requests of all
/// tasks are built before the model runs. A document that cannot be asked or scored, or on which
/// the model fails, is no error: it has no score and is named in the report.
Result<Report> evaluate(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                        const Options& options, const ProgressSink& progress, const LogSink& log);

/// What a run would take, counted without a model.
struct TokenReport {
  struct Task {
    std::string name;
    int64_t documents = 0;
    Work work;  ///< `tokens_run`: of a beginning that several have, the first to run has all.
  };
  std::vector<Task> tasks;
  Work work;                     ///< `tokens_run`: of the whole run. `seconds`: of counting.
  uint64_t most_generated = 0;   ///< tokens that answers may add to each of the counts.
  uint64_t failed_requests = 0;  ///< requests that cannot be asked.
};

/// Counts the tokens of the requests of all tasks of `options`, whose `max_length` stands for a
/// model's context. `score_block_tokens`: of the model (see lm::ModelInfo), whose continuations
/// that fill a block are counted apart from all others, though a run may take fewer where one goes
/// on from what another has left; 0: it has no such function. Progress: stage "tokenize" in
/// documents. Errors: as evaluate; invalid_argument (no max_length).
Result<TokenReport> count_tokens(const text::Tokenizer& tokenizer, const Options& options,
                                 int64_t score_block_tokens, const ProgressSink& progress,
                                 const LogSink& log);

/// Makes the shards of one run into the report of the run without shards: results and samples are
/// the same bytes but for times, work and machine. `shards` are their files or folders with them.
/// Needs neither model nor data. Errors: not_found (a shard is missing), corrupt (a file is cut off
/// or changed), mismatch (shards of different runs: names the setting; one is there twice), io,
/// unsupported, limit.
Result<Report> merge_shards(std::span<const std::filesystem::path> shards, const LogSink& log);

/// Where a run whose report goes to `output` keeps its answers: FOLDER/<model>/responses.sqlite,
/// and responses_<i>_of_<n>.sqlite of a shard; <stem>_responses.sqlite beside a ".json".
std::filesystem::path answers_path(const std::filesystem::path& output,
                                   const std::string& model_name,
                                   const std::optional<Shard>& shard);

/// Whether write_report(report, output) will find a folder that it can write to. Leaves nothing
/// behind. Errors: io.
Status check_output(const std::filesystem::path& output);

/// Writes FOLDER/<model>/results_<time>.json and, where a task has samples, samples_<task>_<time>
/// .jsonl, with "__" for what a file name cannot have; an output path that ends in ".json" gives
/// <stem>_<time>.json with the samples beside it. A shard leaves shard_<i>_of_<n>.jsonl too. Each
/// file appears when it is complete. Returns the paths, the results first. Errors: io.
Result<std::vector<std::filesystem::path>> write_report(const Report& report,
                                                        const std::filesystem::path& output);

/// Perplexity of one text.
struct PerplexityOptions {
  int64_t window = 0;  ///< tokens that are fed at most; 0: the model's context.
  /// Tokens by which windows move; each token is scored once, with at least window - stride tokens
  /// before it. 0: the window, which is the harness' rolling log-likelihood.
  int64_t stride = 0;
};

struct PerplexityReport {
  double log_likelihood = 0;  ///< natural logarithm, of the whole text.
  uint64_t tokens = 0;        ///< scored ones: all.
  uint64_t words = 0;         ///< as the harness counts them: pieces between white space.
  uint64_t bytes = 0;
  uint64_t windows = 0;
  double token_perplexity = 0;
  double word_perplexity = 0;  ///< infinite when no double holds it.
  double byte_perplexity = 0;
  double bits_per_byte = 0;
  Work work;
};

/// Errors: invalid_argument (empty text, stride over window), unsupported (no logits), those of the
/// model, interrupted.
Result<PerplexityReport> perplexity(lm::LanguageModel& model, const text::Tokenizer& tokenizer,
                                    std::string_view content, const PerplexityOptions& options,
                                    const ProgressSink& progress);

}  // namespace anemone::eval
