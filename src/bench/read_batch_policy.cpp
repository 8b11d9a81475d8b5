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

std::string shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What the configuration ran: its packages, where it says so.
const Json& artifact_or_model(const Json& document, const Json& one) {
  static const Json kNothing;
  for (const Json* each : {member(one, "artifact"), member(document, "model")})
    if (each != nullptr && each->is_object()) return *each;
  return kNothing;
}

/// How the configuration differs from what a policy is asked for; empty: in nothing.
std::string difference(const Json& document, const Json& one, const BatchSubject& subject,
                       const Machine& machine) {
  // A configuration that was converted for the run is another model than the one that was named.
  const std::string hash = text_of(artifact_or_model(document, one), "hash");
  if (!hash.empty() && !subject.model_hash.empty() && hash != subject.model_hash)
    return fmt::format("the model {}, not {}", hash, subject.model_hash);
  const int threads = subject.threads == 0 ? machine.cores : subject.threads;
  const Json* measured = member(one, "threads");
  if (measured == nullptr || *measured != threads)
    return fmt::format("{} threads, not {}", measured == nullptr ? "unknown" : shown(*measured),
                       threads);
  const Json* execution = member(one, "execution");
  const std::string backend = execution == nullptr ? "" : text_of(*execution, "backend");
  const std::string units = execution == nullptr ? "" : text_of(*execution, "compute_units");
  const std::string own_units = to_string(subject.compute_units);
  if (backend != to_string(subject.backend) || units != own_units)
    return fmt::format("backend '{}' on units '{}', not '{}' on '{}'", backend, units,
                       to_string(subject.backend), own_units);
  return {};
}

/// Of the best configuration that ran alike, else of the one with the largest context.
Result<const Json*> chosen_batches(const Json& document, const BatchSubject& subject,
                                   const Machine& machine) {
  const Json* configurations = member(document, "configurations");
  const Json* best = find(document, {"best", "id"});
  const Json* chosen = nullptr;
  int64_t largest = -1;
  std::string other;
  if (configurations == nullptr || !configurations->is_array())
    return fail(ErrorCode::corrupt, "the document has no configurations");
  for (const Json& one : *configurations) {
    const Json* batches = member(one, "batches");
    if (text_of(one, "status") != to_string(Outcome::measured) || batches == nullptr ||
        !batches->is_array() || batches->empty())
      continue;
    if (std::string words = difference(document, one, subject, machine); !words.empty()) {
      if (other.empty()) other = std::move(words);
      continue;
    }
    const Json* id = member(one, "id");
    if (best != nullptr && id != nullptr && *id == *best) return batches;
    const Json* context = member(one, "context_tokens");
    const bool is_whole = context != nullptr && context->is_number_integer();
    const int64_t tokens = is_whole ? context->get<int64_t>() : 0;
    if (tokens <= largest) continue;
    largest = tokens;
    chosen = batches;
  }
  if (chosen != nullptr) return chosen;
  return with_hint(other.empty()
                       ? fail(ErrorCode::mismatch, "no batches were measured")
                       : fail(ErrorCode::mismatch, "its batches were measured with {}", other),
                   "anemone bench MODEL --batches 1,2,4,8 -o FILE measures them, with the "
                   "--threads and --compute-units of the server");
}

}  // namespace

Result<BatchPolicy> read_batch_policy(const std::filesystem::path& document, Workload workload,
                                      const BatchSubject& subject) {
  ANEMONE_TRY(const Json json, read_json_object(document));
  const auto work = [&]() -> Result<BatchPolicy> {
    const Machine machine = find_machine();
    ANEMONE_RETURN_IF_ERROR(check_identity(json, machine));
    ANEMONE_TRY(const Json* batches, chosen_batches(json, subject, machine));
    ANEMONE_TRY(const auto measured, batches_of(*batches));
    return choose_batch(workload, measured);
  };
  return work().in(document.string());
}

}  // namespace anemone::bench
