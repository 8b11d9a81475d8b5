#include "compare/bench_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include "anemone/statistics.h"
#include "base/error.h"
#include "eval/recorded_value.h"

namespace anemone::compare {
namespace {

using eval::at;
using eval::Value;

/// No time in nanoseconds (31 years), no speed and no number of bytes is larger.
constexpr double kMost = 1e18;

/// What stands at a place, as a message names it.
std::string shown(const Value& value) {
  if (value.is_null()) return "nothing";
  if (value.is_structured())
    return value.empty() ? fmt::format("an empty {}", value.type_name()) : value.type_name();
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

Error wrong(std::string_view place, std::string_view expected, const Value& got) {
  return fail(ErrorCode::corrupt, "'{}': expected {}, got {}", place, expected, shown(got));
}

Status check_number(const Value& value, const std::string& place) {
  const auto number = eval::number(value);
  if (number && *number >= 0 && *number <= kMost) return {};
  return wrong(place, "a number from 0 to 1e18", value);
}

Status check_object_or_null(const Value& value, const std::string& place) {
  if (value.is_object() || value.is_null()) return {};
  return wrong(place, "an object or null", value);
}

Status check_series(const Value& series, const std::string& place) {
  ANEMONE_RETURN_IF_ERROR(check_object_or_null(series, place));
  if (series.is_null()) return {};
  const Value samples = at(series, "samples");
  if (!samples.is_array() || samples.empty())
    return wrong(place + "/samples", "a list with numbers", samples);
  std::vector<double> values;
  values.reserve(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    ANEMONE_RETURN_IF_ERROR(check_number(samples[i], fmt::format("{}/samples/{}", place, i)));
    values.push_back(samples[i].get<double>());
  }
  const Value median = at(at(series, "summary"), "median");
  const std::string at_median = place + "/summary/median";
  ANEMONE_RETURN_IF_ERROR(check_number(median, at_median));
  const double found = statistics::percentile(values, 0.5);
  if (std::abs(found - median.get<double>()) > 1e-6 * found)
    return wrong(at_median, fmt::format("the median of its samples, {}", found), median);
  const Value interval = at(at(series, "summary"), "ci95");
  if (interval.is_null()) return {};
  if (!interval.is_array() || interval.size() != 2 || !eval::number(interval[0]) ||
      !eval::number(interval[1]) || interval[0].get<double>() > interval[1].get<double>())
    return wrong(place + "/summary/ci95", "null or two numbers that ascend", interval);
  return {};
}

constexpr std::array kSeries = {"decode_tokens_per_second", "prefill_tokens_per_second", "step_ns",
                                "request_ns"};
constexpr std::array kStates = {"measured", "interrupted", "not available", "failed",
                                "not reached"};

struct Parts {
  const char* of;
  std::span<const char* const> keys;
};
constexpr std::array kFirstTokens = {"cold", "warm", "cached"};
constexpr std::array kLoads = {"warm"};
constexpr std::array kSeriesWithin = {Parts{"first_token_ns", kFirstTokens},
                                      Parts{"load_ns", kLoads}};
constexpr std::array kPeaks = {"peak_rss_bytes"};
constexpr std::array kEnergies = {"joules_per_token"};
constexpr std::array kWeights = {"weight_bytes"};
constexpr std::array kShares = {"share"};
constexpr std::array kNumbersWithin = {Parts{"memory", kPeaks}, Parts{"energy", kEnergies},
                                       Parts{"artifact", kWeights}, Parts{"floor", kShares}};
constexpr std::array kPerplexities = {"token"};
constexpr std::array kTypos = {"exact", "wer", "f05"};
constexpr std::array kQualities = {Parts{"perplexity", kPerplexities}, Parts{"typos", kTypos}};

/// Numbers of objects that may be absent, as the numbers may.
Status check_numbers(const Value& object, const std::string& place, std::span<const Parts> parts) {
  for (const Parts& part : parts) {
    const Value own = at(object, part.of);
    const std::string within = place + "/" + part.of;
    ANEMONE_RETURN_IF_ERROR(check_object_or_null(own, within));
    for (const char* key : part.keys)
      if (const Value value = at(own, key); !value.is_null())
        ANEMONE_RETURN_IF_ERROR(check_number(value, within + "/" + key));
  }
  return {};
}

Status check_configuration(const Value& one, const std::string& place) {
  if (!one.is_object()) return wrong(place, "an object", one);
  if (eval::text_at(one, "id").empty())
    return wrong(place + "/id", "a text that is not empty", at(one, "id"));
  const Value status = at(one, "status");
  if (std::ranges::none_of(kStates, [&](const char* state) { return status == state; }))
    return wrong(place + "/status", "measured, interrupted, not available, failed or not reached",
                 status);
  if (status != "measured") return {};
  for (const char* series : kSeries)
    ANEMONE_RETURN_IF_ERROR(check_series(at(one, series), place + "/" + series));
  for (const Parts& part : kSeriesWithin) {
    const Value own = at(one, part.of);
    const std::string within = place + "/" + part.of;
    ANEMONE_RETURN_IF_ERROR(check_object_or_null(own, within));
    for (const char* key : part.keys)
      ANEMONE_RETURN_IF_ERROR(check_series(at(own, key), within + "/" + key));
  }
  ANEMONE_RETURN_IF_ERROR(check_numbers(one, place, kNumbersWithin));
  const Value quality = at(one, "quality");
  ANEMONE_RETURN_IF_ERROR(check_object_or_null(quality, place + "/quality"));
  return check_numbers(quality, place + "/quality", kQualities);
}

}  // namespace

Status check_bench_document(const Value& document) {
  if (const Value weights = at(at(document, "model"), "weight_bytes"); !weights.is_null())
    ANEMONE_RETURN_IF_ERROR(check_number(weights, "/model/weight_bytes"));
  const Value machine = at(document, "machine");
  if (!machine.is_object()) return wrong("/machine", "an object", machine);
  if (eval::text_at(machine, "cpu").empty())
    return wrong("/machine/cpu", "the name of a processor", at(machine, "cpu"));
  const Value configurations = at(document, "configurations");
  if (configurations.empty())
    return wrong("/configurations", "a list with configurations", configurations);
  for (size_t i = 0; i < configurations.size(); ++i)
    ANEMONE_RETURN_IF_ERROR(
        check_configuration(configurations[i], fmt::format("/configurations/{}", i)));
  return {};
}

}  // namespace anemone::compare
