#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anemone/probe.h"
#include "command.h"
#include "model_flags.h"

namespace anemone::tools {

struct ProbeFlags {
  ModelFlags model;
  std::string reference;
  std::string reference_numerics;
  std::string dump;
  std::string ids;
  std::string text;
  std::optional<int64_t> tokens;
  uint64_t seed = 1337;
  probe::Tolerance tolerance;
  std::vector<std::string> names;
  bool bisect = false;
  bool strict = false;
};

/// One of the two that are compared: a dump, which is read once, or a model that runs.
class ProbeSide {
 public:
  /// MODEL, or what stands in its place. Errors: as probe::read_dump, and of the flags.
  static Result<ProbeSide> model(const ProbeFlags& flags, const CommonFlags& common,
                                 const std::string& path);
  /// --reference; never with the adapter, which belongs to MODEL.
  static Result<ProbeSide> reference(const ProbeFlags& flags, const CommonFlags& common);

  const std::string& path() const { return path_; }
  const lm::LanguageModel::Options& options() const { return options_; }
  bool is_dump() const { return is_dump_; }
  /// Whether it runs in Numerics::ane.
  bool is_simulated() const {
    return !is_dump_ && options_.runtime.numerics == runtime::Numerics::ane;
  }
  /// What a dump says its tokens are.
  const std::vector<int32_t>& dumped_ids() const { return trace_.ids; }
  /// What a dump holds; of a model the values for these tokens, which are kept until others are
  /// asked for. Errors: as probe::trace_model.
  Result<const probe::Trace*> trace(const std::vector<int32_t>& ids, const CommonFlags& common);

 private:
  static Result<ProbeSide> open(const ProbeFlags& flags, const CommonFlags& common,
                                const std::string& path);

  std::string path_;
  lm::LanguageModel::Options options_;
  bool is_dump_ = false;
  probe::Trace trace_;
};

/// The tokens of a dump, or those that the flags name, or random ones of the vocabulary that all
/// models have, as many as every context holds; empty where nothing runs. Fewer than asked for are
/// said on stderr.
/// `reference` may be null. Errors: invalid_argument (flags name tokens that are not used),
/// mismatch (a dump without ids, and no --ids), and as reading the files.
Result<std::vector<int32_t>> probed_ids(const ProbeFlags& flags, const ProbeSide& model,
                                        const ProbeSide* reference, const CommonFlags& common);

}  // namespace anemone::tools
