#include "compare/pairing.h"

#include "base/error.h"

namespace anemone::compare {
namespace {

using eval::RecordedSample;

bool both_equal(const std::string& a, const std::string& b) { return !a.empty() && a == b; }

}  // namespace

Result<ByNumber> by_number(std::span<const RecordedSample> samples, const std::string& filter) {
  ByNumber out;
  for (const RecordedSample& sample : samples) {
    if (sample.filter != filter) continue;
    if (!out.emplace(sample.document, &sample).second)
      return with_hint(fail(ErrorCode::corrupt, "document {} of filter '{}' is there twice",
                            sample.document, filter),
                       "two runs may have been written into one file");
  }
  return out;
}

bool is_same(const RecordedSample& a, const RecordedSample& b) {
  if (both_equal(a.document_hash, b.document_hash) || both_equal(a.prompt_hash, b.prompt_hash))
    return true;
  const bool has_hashes = !a.document_hash.empty() && !b.document_hash.empty();
  return !has_hashes && a.target == b.target;
}

Result<Pairs> pair_documents(std::span<const RecordedSample> reference,
                             std::span<const RecordedSample> subject, const std::string& filter) {
  ANEMONE_TRY(const ByNumber first, by_number(reference, filter));
  ANEMONE_TRY(const ByNumber second, by_number(subject, filter));
  Pairs pairs;
  for (const auto& [number, a] : first) {
    const auto found = second.find(number);
    if (found == second.end()) {
      ++pairs.counts.only_reference;
      continue;
    }
    const RecordedSample* b = found->second;
    if (!is_same(*a, *b)) {
      ++pairs.counts.different;
      continue;
    }
    ++pairs.counts.matched;
    if (!a->prompt_hash.empty() && !b->prompt_hash.empty() && a->prompt_hash != b->prompt_hash)
      ++pairs.other_prompts;
    pairs.reference.push_back(a);
    pairs.subject.push_back(b);
  }
  for (const auto& entry : second) pairs.counts.only_subject += first.contains(entry.first) ? 0 : 1;
  return pairs;
}

}  // namespace anemone::compare
