#include "bench/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace anemone::bench {
namespace {

constexpr std::array<std::string_view, 4> kUnits = {"cpu", "cpu-gpu", "cpu-ane", "all"};
constexpr const char* kNoCoreMl =
    "needs the Core ML backend, which needs macOS: this build has the CPU executor only";

template <typename T>
Status check_list(const char* name, const std::vector<T>& values, T least) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < least)
      return fail(ErrorCode::invalid_argument, "{} {}, expected {} or more", name, values[i],
                  least);
    if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
        values.begin() + static_cast<std::ptrdiff_t>(i))
      return fail(ErrorCode::invalid_argument, "{} {} is named twice", name, values[i]);
  }
  return {};
}

template <typename T>
std::vector<std::optional<T>> or_own(const std::vector<T>& values) {
  if (values.empty()) return {std::nullopt};
  return {values.begin(), values.end()};
}

std::string shown(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "own";
}

}  // namespace

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::measured:
      return "measured";
    case Outcome::not_available:
      return "not available";
    case Outcome::failed:
      return "failed";
    case Outcome::not_reached:
      return "not reached";
  }
  return "unknown";
}

std::string Configuration::group() const {
  return fmt::format("prefill={} chunks={} units={} threads={}", shown(prefill_block_tokens),
                     shown(chunks), compute_units, threads);
}

std::string Configuration::id() const {
  return fmt::format("context={} {}", context_tokens, group());
}

Status check_options(const Options& options) {
  if (options.contexts.empty()) return fail(ErrorCode::invalid_argument, "no context is named");
  if (options.compute_units.empty() || options.threads.empty())
    return fail(ErrorCode::invalid_argument, "no compute units or threads are named");
  ANEMONE_RETURN_IF_ERROR(check_list<int64_t>("context", options.contexts, 2));
  ANEMONE_RETURN_IF_ERROR(check_list<int64_t>("prefill", options.prefill, 0));
  ANEMONE_RETURN_IF_ERROR(check_list<int64_t>("chunks", options.chunks, 1));
  ANEMONE_RETURN_IF_ERROR(check_list<int>("threads", options.threads, 0));
  for (const std::string& units : options.compute_units) {
    if (std::ranges::find(kUnits, units) == kUnits.end())
      return with_hint(fail(ErrorCode::invalid_argument, "compute units '{}'", units),
                       "they are cpu, cpu-gpu, cpu-ane and all");
    if (std::ranges::count(options.compute_units, units) > 1)
      return fail(ErrorCode::invalid_argument, "compute units {} are named twice", units);
  }
  for (const auto& [name, value, least] :
       {std::tuple("repetitions", int64_t{options.repetitions}, int64_t{1}),
        std::tuple("warmup", int64_t{options.warmup}, int64_t{0}),
        std::tuple("loads", int64_t{options.loads}, int64_t{0}),
        std::tuple("stage requests", int64_t{options.stage_requests}, int64_t{0}),
        std::tuple("answer tokens", options.answer_tokens, int64_t{1})})
    if (value < least)
      return fail(ErrorCode::invalid_argument, "{} {}, expected {} or more", name, value, least);
  if (!(options.confidence > 0 && options.confidence < 1))
    return fail(ErrorCode::invalid_argument, "confidence {}, expected a share between 0 and 1",
                options.confidence);
  for (const std::string& kind : options.quality)
    if (kind != "typos" && kind != "perplexity")
      return with_hint(fail(ErrorCode::invalid_argument, "quality '{}'", kind),
                       "it is typos, perplexity or both");
  return {};
}

std::vector<Configuration> make_sweep(const Options& options, const Machine& machine) {
  std::vector<Configuration> sweep;
  for (const int64_t context : options.contexts)
    for (const auto& prefill : or_own(options.prefill))
      for (const auto& chunks : or_own(options.chunks))
        for (const std::string& units : options.compute_units)
          for (const int threads : options.threads) {
            Configuration one{.context_tokens = context,
                              .prefill_block_tokens = prefill,
                              .chunks = chunks,
                              .compute_units = units,
                              .threads = threads == 0 ? machine.cores : threads};
            if (units != "cpu") {
              one.outcome = Outcome::not_available;
              one.reason = kNoCoreMl;
            }
            sweep.push_back(std::move(one));
          }
  return sweep;
}

}  // namespace anemone::bench
