#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anemone/calibrate.h"
#include "calibrate/result_store.h"
#include "calibrate/weight_inputs.h"
#include "calibrate/windows.h"

namespace anemone::calibrate {

/// Weights of a model that hold the same and are stored alike.
struct TunedWeight {
  compress::FoundWeight found;  ///< the first of them.
  Tensor dense;
  std::string digest;  ///< of `dense`.
  /// All that packages and functions call them; packages as compress_model does.
  std::vector<std::pair<std::string, std::string>> names;
  int64_t copies = 0;
  std::vector<InputUse> uses;  ///< of all; empty: they cannot be tuned.
  bool is_tunable = true;      ///< each of them.
};

/// One weight to be rounded in one way.
struct Job {
  const TunedWeight* weight = nullptr;
  const compress::Scheme* scheme = nullptr;
};

/// A finished model, its text, and the store of what was rounded for them.
class Tuner {
 public:
  /// Errors: those of reading the packages, of LanguageModel::open, of the tokenizer and the store.
  static Result<std::unique_ptr<Tuner>> open(const std::filesystem::path& model,
                                             const std::filesystem::path& store, int threads,
                                             const Options& options);

  const std::vector<TunedWeight>& weights() const { return weights_; }
  const ResultStore& store() const { return store_; }
  const Windows& windows() const { return windows_; }
  uint64_t tokens() const { return windows_.inputs.size() * windows_.inputs[0].size(); }
  const std::filesystem::path& model() const { return model_; }

  /// Rounds what the store does not have. The text runs once for as many inputs as the memory
  /// holds.
  Status round(const std::vector<Job>& jobs);

  /// What the store has of a job; of a weight that the text has not reached it has nothing.
  Result<std::optional<compress::Encoded>> result(const Job& job) const;

 private:
  Tuner(std::filesystem::path model, ResultStore store, int threads, const Options& options)
      : model_(std::move(model)), store_(std::move(store)), threads_(threads), options_(options) {}
  std::string key(const Job& job) const {
    return store_.key(job.weight->found.weight, *job.scheme, job.weight->digest);
  }
  Status round_pass(const std::vector<Job>& jobs, uint64_t done, uint64_t total);

  std::filesystem::path model_;
  ResultStore store_;
  int threads_;
  const Options& options_;
  Windows windows_;
  std::vector<TunedWeight> weights_;
  bool was_rounded_ = false;  ///< `round` was called.
};

}  // namespace anemone::calibrate
