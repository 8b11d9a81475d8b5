#pragma once

#include <map>
#include <span>
#include <vector>

#include "anemone/compare.h"
#include "anemone/recorded_results.h"

namespace anemone::compare {

/// The documents of one filter of a task that both runs have, in the reference's order.
struct Pairs {
  Pairing counts;
  int64_t other_prompts = 0;  ///< matched documents that were asked in other words.
  std::vector<const eval::RecordedSample*> reference, subject;
};

/// Documents of one filter by their number.
using ByNumber = std::map<int64_t, const eval::RecordedSample*>;
/// Errors: corrupt (a document twice).
Result<ByNumber> by_number(std::span<const eval::RecordedSample> samples,
                           const std::string& filter);

/// Whether two samples of one number are of one document: see pair_documents.
bool is_same(const eval::RecordedSample& a, const eval::RecordedSample& b);

/// Documents are the same when number and hash of the document agree (or hash of the prompt, where
/// columns of the data set differ); without hashes when the numbers and the targets do. Errors:
/// corrupt (a document twice).
Result<Pairs> pair_documents(std::span<const eval::RecordedSample> reference,
                             std::span<const eval::RecordedSample> subject,
                             const std::string& filter);

}  // namespace anemone::compare
