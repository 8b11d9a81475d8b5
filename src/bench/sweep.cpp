#include "bench/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "ane/chip.h"
#include "base/error.h"
#include "compress/spec.h"

namespace anemone::bench {
namespace {

constexpr std::array<std::string_view, 4> kUnits = {"cpu", "cpu-gpu", "cpu-ane", "all"};
constexpr const char* kNoCoreMl =
    "needs the Core ML backend, which needs macOS: this build has the CPU executor only";
constexpr const char* kExecutorAsked =
    "--backend cpu asks for the CPU executor, which has no others";
constexpr const char* kOwnThreads =
    "Core ML chooses its threads itself: the first number of them stands for all";

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

/// Why a configuration cannot run here; empty: it can.
std::string obstacle(const Options& options, const std::string& units, int threads) {
  if (units != "cpu" && !runtime::has_coreml()) return kNoCoreMl;
  if (units != "cpu" && options.backend == runtime::Backend::cpu) return kExecutorAsked;
  if (may_use_coreml(options) && threads != options.threads[0]) return kOwnThreads;
  return {};
}

std::string shown(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "own";
}

}  // namespace

std::string Configuration::group() const {
  return fmt::format("prefill={} chunks={} units={} threads={}{}", shown(prefill_block_tokens),
                     shown(chunks), compute_units, threads,
                     quantize.empty() ? "" : " quantize=" + quantize);
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
  ANEMONE_RETURN_IF_ERROR(check_list<int64_t>("batches", options.batches, 1));
  ANEMONE_RETURN_IF_ERROR(check_list<int>("threads", options.threads, 0));
  for (const std::string& scheme : options.quantize) {
    if (scheme.empty() || std::ranges::count(options.quantize, scheme) > 1)
      return fail(ErrorCode::invalid_argument, "quantize '{}' is empty or named twice", scheme);
    ANEMONE_RETURN_IF_ERROR(compress::Spec::parse(scheme).in("quantize"));
  }
  for (const std::string& chip : options.chips) ANEMONE_RETURN_IF_ERROR(ane::find_chip(chip));
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

Status check_threads(const Options& options, const Machine& machine) {
  const bool names_all = std::ranges::count(options.threads, machine.cores) > 0;
  if (!names_all || std::ranges::count(options.threads, 0) == 0) return {};
  return fail(ErrorCode::invalid_argument,
              "threads 0 and {0} are the same here: this machine has {0} cores", machine.cores);
}

std::vector<Configuration> make_sweep(const Options& options, const Machine& machine) {
  std::vector<Configuration> sweep;
  for (const int64_t context : options.contexts)
    for (const auto& prefill : or_own(options.prefill))
      for (const auto& chunks : or_own(options.chunks))
        for (const auto& quantize : or_own(options.quantize))
          for (const std::string& units : options.compute_units)
            for (const int threads : options.threads) {
              Configuration one{.context_tokens = context,
                                .prefill_block_tokens = prefill,
                                .chunks = chunks,
                                .quantize = quantize.value_or(""),
                                .compute_units = units,
                                .threads = threads == 0 ? machine.cores : threads};
              one.reason = obstacle(options, units, threads);
              if (!one.reason.empty()) one.outcome = Outcome::not_available;
              sweep.push_back(std::move(one));
            }
  return sweep;
}

std::vector<size_t> running_order(const Options& options, size_t configurations) {
  const size_t alike = options.compute_units.size() * options.threads.size();
  const auto is_cpu = [&](size_t i) {
    return options.compute_units[i % alike / options.threads.size()] == "cpu";
  };
  std::vector<size_t> order(configurations);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return std::pair(i / alike, !is_cpu(i)); });
  return order;
}

bool may_use_coreml(const Options& options) {
  return runtime::has_coreml() && options.backend != runtime::Backend::cpu;
}

}  // namespace anemone::bench
