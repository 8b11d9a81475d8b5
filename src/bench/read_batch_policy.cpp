#include <fmt/format.h>

#include <cmath>

#include "anemone/batch_policy.h"
#include "base/error.h"
#include "bench/document.h"
#include "bench/machine.h"

namespace anemone::bench {
namespace {

/// Null where a part of the way is not there.
const Json* find(const Json& from, std::initializer_list<const char*> keys) {
  const Json* at = &from;
  for (const char* key : keys)
    if (at != nullptr) at = member(*at, key);
  return at;
}

Result<double> positive(const Json& batch, std::initializer_list<const char*> keys) {
  const Json* value = find(batch, keys);
  if (value != nullptr && value->is_number()) {
    const auto number = value->get<double>();
    if (std::isfinite(number) && number > 0) return number;
  }
  return fail(ErrorCode::corrupt, "{} of {} is no number above 0", *(keys.end() - 1),
              *keys.begin());
}

Result<std::vector<BatchSpeed>> batches_of(const Json& list) {
  std::vector<BatchSpeed> batches;
  for (const Json& one : list) {
    const Json* sequences = find(one, {"sequences"});
    const bool is_whole = sequences != nullptr && sequences->is_number_integer();
    const int64_t number = is_whole ? sequences->get<int64_t>() : 0;
    if (number < 1 || number > kMostSequences)
      return fail(ErrorCode::corrupt, "sequences of a batch are no whole number from 1 to {}",
                  kMostSequences);
    BatchSpeed& batch = batches.emplace_back();
    batch.sequences = number;
    ANEMONE_TRY(batch.tokens_per_second, positive(one, {"tokens_per_second", "summary", "median"}));
    ANEMONE_TRY(batch.p95_step_ns, positive(one, {"step_ns", "summary", "p95"}));
  }
  return batches;
}

Status check_document(const Json& document, std::string_view model_hash) {
  ANEMONE_RETURN_IF_ERROR(check_identity(document, find_machine()));
  const Json* hash = find(document, {"model", "hash"});
  if (hash == nullptr || !hash->is_string() || model_hash.empty()) return {};
  const auto measured = hash->get<std::string>();
  if (measured.empty() || measured == model_hash) return {};
  return with_hint(
      fail(ErrorCode::mismatch, "measured with the model {}, this one is {}", measured, model_hash),
      "measure this model: anemone bench MODEL --batches 1,2,4,8 -o FILE");
}

/// The batches of the best configuration, else of the first that has some.
const Json* chosen_batches(const Json& document) {
  const Json* configurations = find(document, {"configurations"});
  if (configurations == nullptr || !configurations->is_array()) return nullptr;
  const Json* best = find(document, {"best", "id"});
  const Json* chosen = nullptr;
  for (const Json& one : *configurations) {
    const Json* batches = find(one, {"batches"});
    if (batches == nullptr || !batches->is_array() || batches->empty()) continue;
    const Json* id = find(one, {"id"});
    if (best != nullptr && id != nullptr && *id == *best) return batches;
    if (chosen == nullptr) chosen = batches;
  }
  return chosen;
}

}  // namespace

Result<BatchPolicy> read_batch_policy(const std::filesystem::path& document, Workload workload,
                                      std::string_view model_hash) {
  ANEMONE_TRY(const Json json, read_json_object(document));
  const auto work = [&]() -> Result<BatchPolicy> {
    ANEMONE_RETURN_IF_ERROR(check_document(json, model_hash));
    const Json* batches = chosen_batches(json);
    if (batches == nullptr)
      return with_hint(fail(ErrorCode::mismatch, "no batches were measured"),
                       "anemone bench MODEL --batches 1,2,4,8 -o FILE measures them");
    ANEMONE_TRY(const auto measured, batches_of(*batches));
    return choose_batch(workload, measured);
  };
  return work().in(document.string());
}

}  // namespace anemone::bench
