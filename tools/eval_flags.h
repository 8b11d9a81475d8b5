#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "anemone/evaluate.h"
#include "command.h"
#include "model_flags.h"

namespace anemone::tools {

/// What `anemone eval` is told. Fields are those of the flags.
struct EvalFlags {
  ModelFlags model;
  std::vector<std::string> tasks;
  std::vector<std::string> include_paths;
  std::string data;
  std::optional<int64_t> num_fewshot;
  std::optional<std::string> limit;
  std::string samples;
  std::optional<std::string> chat_template;  ///< "true" where no name is given.
  std::string multiturn;
  std::string system_instruction;
  std::vector<std::string> gen_kwargs;
  std::string seed = "0,1234,1234,1234";
  int64_t bootstrap_iters = 100000;
  int64_t max_length = 0;
  std::string output_path;
  bool log_samples = false;
  bool predict_only = false;
  bool dry_run = false;
  bool check_integrity = false;
  bool resume = false;
  std::string shard;
  std::string kv_budget;
};

/// Declares all flags of `anemone eval` but the common ones.
void add_eval_flags(CLI::App& app, EvalFlags& flags);

/// Errors: invalid_argument, not_found (a file of samples). Without `answers`, whose place depends
/// on the model.
Result<eval::Options> to_options(const EvalFlags& flags);

}  // namespace anemone::tools
