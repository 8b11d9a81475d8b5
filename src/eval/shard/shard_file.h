#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/evaluate.h"
#include "anemone/result.h"
#include "eval/groups.h"
#include "eval/shard/shard.h"
#include "eval/task_scores.h"
#include "eval/value.h"

namespace anemone::eval {

/// One task of a shard.
struct ShardTask {
  TaskFacts facts;
  SelectedDocuments selected;  ///< of the whole run.
  std::vector<DocumentOutcome> documents;
};

/// What a shard leaves for the merge: everything that the results of the whole run are made of.
struct ShardFile {
  Shard shard;
  Value results;  ///< its results file.
  std::optional<int64_t> num_fewshot;
  std::vector<TaskGroup> groups;
  std::vector<ShardTask> tasks;
};

/// The lines of shard_<i>_of_<n>.jsonl: what the run was, one line a document, the SHA-256 of the
/// lines before.
std::vector<std::string> shard_lines(const ShardFile& file);

/// Errors: corrupt (syntax, a part that is cut off or changed, a document that does not belong to
/// the shard or to no task), unsupported (a newer layout), limit (nesting).
Result<ShardFile> parse_shard(std::string_view content);

}  // namespace anemone::eval
