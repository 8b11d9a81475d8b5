#include "bench/baseline_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "base/error.h"

namespace anemone::bench {
namespace {

const Series& decode(const Measurement& one) { return one.decode_tokens_per_second; }
const Series& prefill(const Measurement& one) { return one.prefill_tokens_per_second; }
const Series& warm(const Measurement& one) { return one.first_token.warm_ns; }
const Series& cached(const Measurement& one) { return one.first_token.cached_ns; }

/// No time in nanoseconds (31 years) and no speed is larger.
constexpr double kMostSample = 1e18;
constexpr uint64_t kMostRequests = 1'000'000'000;  ///< of a visit.
/// What a run writes with the most repetitions and all visits of the gate.
constexpr size_t kMostSamples = 300'000;
constexpr size_t kMostVisits = 1000;
constexpr size_t kMostConfigurations = 10'000;
constexpr size_t kMostIdBytes = 1000;

/// Of letters, digits and what else a run writes into ids: ids are shown on terminals and in
/// Markdown.
bool is_id(const std::string& text) {
  return !text.empty() && text.size() <= kMostIdBytes && std::ranges::all_of(text, [](char c) {
    return c >= ' ' && c <= '~' && std::string_view("<>&|`\\*[]\"'").find(c) == std::string::npos;
  });
}

}  // namespace

const std::array<Metric, 4> kMetrics = {
    Metric{"decode_tokens_per_second", true, decode, "decode_tokens_per_second", nullptr,
           &Visit::reference_ns},
    Metric{"prefill_tokens_per_second", true, prefill, "prefill_tokens_per_second", nullptr,
           &Visit::reference_ns},
    Metric{"first_token_ns.warm", false, warm, "first_token_ns", "warm", &Visit::reference_ns},
    Metric{"first_token_ns.cached", false, cached, "first_token_ns", "cached",
           &Visit::cached_reference_ns},
};

Result<std::vector<double>> samples_of(const Json& configuration, const Metric& metric) {
  std::string place = fmt::format("{}, {}", text_of(configuration, "id"), metric.first_key);
  const auto wrong = [&](std::string_view expected, const Json& got) {
    return fail(ErrorCode::corrupt, "'{}': expected {}, got {}", place, expected,
                got.is_structured() ? got.type_name()
                                    : got.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  const Json* series = member(configuration, metric.first_key);
  if (series != nullptr && metric.second_key != nullptr && !series->is_null()) {
    if (!series->is_object()) return wrong("an object or null", *series);
    series = member(*series, metric.second_key);
    place += std::string("/") + metric.second_key;
  }
  std::vector<double> values;
  if (series == nullptr || series->is_null()) return values;
  const Json* samples = member(*series, "samples");
  if (samples == nullptr || !samples->is_array())
    return wrong("null or an object with samples", *series);
  if (samples->size() > kMostSamples)
    return wrong(fmt::format("{} samples at most", kMostSamples), samples->size());
  for (const Json& sample : *samples) {
    if (!sample.is_number() || !(sample.get<double>() > 0) || sample.get<double>() > kMostSample)
      return wrong("samples above 0 and up to 1e18", sample);
    values.push_back(sample.get<double>());
  }
  return values;
}

Result<std::vector<Visit>> visits_in(const Json& configuration) {
  const std::string place = text_of(configuration, "id") + ", visits";
  const auto wrong = [&](std::string_view expected, const Json& got) {
    return fail(ErrorCode::corrupt, "'{}': expected {}, got {}", place, expected,
                got.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  std::vector<Visit> visits;
  const Json* list = member(configuration, "visits");
  if (list == nullptr || list->is_null()) return visits;
  if (!list->is_array()) return wrong("a list or null", list->type_name());
  if (list->size() > kMostVisits)
    return wrong(fmt::format("{} visits at most", kMostVisits), list->size());
  for (const Json& one : *list) {
    const Json* requests = member(one, "requests");
    if (requests == nullptr || !requests->is_number_unsigned() || *requests > kMostRequests)
      return wrong("a number of requests", requests == nullptr ? Json() : *requests);
    Visit visit{.requests = requests->get<size_t>()};
    for (const auto& [key, to] :
         {std::pair("decode_tokens_per_second", &visit.decode_tokens_per_second),
          std::pair("reference_round_ns", &visit.reference_ns),
          std::pair("cached_reference_round_ns", &visit.cached_reference_ns)}) {
      const Json* value = member(one, key);
      if (value == nullptr || value->is_null()) continue;
      if (!value->is_number() || !(value->get<double>() > 0) || value->get<double>() > kMostSample)
        return wrong(fmt::format("{} above 0 and up to 1e18", key), *value);
      *to = value->get<double>();
    }
    visits.push_back(visit);
  }
  return visits;
}

Result<std::vector<const Json*>> measured_of(const Json& document) {
  const Json* list = member(document, "configurations");
  if (list == nullptr || !list->is_array())
    return fail(ErrorCode::corrupt, "the document has no configurations");
  if (list->size() > kMostConfigurations)
    return fail(ErrorCode::corrupt, "'configurations': expected {} at most, got {}",
                kMostConfigurations, list->size());
  std::vector<const Json*> measured;
  std::set<std::string> ids;
  for (const Json& one : *list) {
    if (text_of(one, "id").empty())
      return fail(ErrorCode::corrupt, "'configurations': expected objects with an id, got {}",
                  one.type_name());
    if (!is_id(text_of(one, "id")))
      return fail(ErrorCode::corrupt,
                  "'configurations': expected an id as \"context=128 units=cpu\", got a text of {} "
                  "bytes, too long or of other characters",
                  text_of(one, "id").size());
    if (!ids.insert(text_of(one, "id")).second)
      return fail(ErrorCode::corrupt, "'configurations': two have the id '{}'", text_of(one, "id"));
    if (text_of(one, "status") == to_string(Outcome::measured)) measured.push_back(&one);
  }
  return measured;
}

}  // namespace anemone::bench
