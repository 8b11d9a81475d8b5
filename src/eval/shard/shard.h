#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/evaluate.h"
#include "eval/requests.h"
#include "eval/task.h"

/// Which documents belong to which part of a run.
namespace anemone::eval {

/// Whether a document belongs to `shard`: a function of the task's name and the document's number
/// alone. Parts of a task differ by one document at most, and small tasks do not all fall to the
/// first part.
bool belongs_to(const Shard& shard, std::string_view task, int64_t document);

/// What all shards of a run must have alike of a task: how many documents are evaluated, and the
/// digest of them and of what is asked of them.
struct SelectedDocuments {
  int64_t count = 0;
  std::string sha256;
  bool operator==(const SelectedDocuments&) const = default;
};
SelectedDocuments describe(const Task& task, const std::vector<DocumentRequests>& documents);

/// Leaves the documents of `shard`.
void keep_shard(const Shard& shard, std::string_view task,
                std::vector<DocumentRequests>& documents);

/// Errors: invalid_argument (an index outside 1 to count, a count outside 1 to 65536).
Status check_shard(const Shard& shard);

}  // namespace anemone::eval
